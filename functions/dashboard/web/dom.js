// All elements are created here. Text is always text: nothing is parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** The page's element with this id. */
export const byId = (id) => document.getElementById(id);

/** An HTML element. `on` has listeners, everything else is an attribute, omitted if it is false or null. */
export const el = (name, attributes = {}, ...children) => filled(document.createElement(name), attributes, children);

/** An SVG element. */
export const svg = (name, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

function filled(element, { on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : value);
  }
  for (const [type, listener] of Object.entries(on)) element.addEventListener(type, listener);
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

const made = new WeakMap();

/**
 * Make these parts the children of `parent`, in this order: [{key, signature, make(changed)}]. A child whose signature
 * is unchanged stays the same element, so that focus, selection and open details are kept.
 */
export function patch(parent, parts) {
  const before = new Map();
  for (const child of parent.children) if (made.has(child)) before.set(made.get(child).key, child);
  const focused = document.activeElement;
  let refocus = null;
  const after = parts.map(({ key, signature, make }) => {
    const old = before.get(key);
    if (old && made.get(old).signature === signature) return old;
    const child = make(Boolean(old));
    made.set(child, { key, signature });
    if (old?.contains(focused)) refocus = () => focusables(child)[focusables(old).indexOf(focused)]?.focus();
    return child;
  });
  const staying = new Set(after);
  for (const child of [...parent.childNodes]) if (!staying.has(child)) child.remove();
  let next = parent.firstChild;
  for (const child of after) {
    if (child === next) next = next.nextSibling;
    else parent.insertBefore(child, next);
  }
  refocus?.();
}

const focusables = (element) => [...element.querySelectorAll("a[href], button, summary")];

/** A button that copies `text` and confirms it. */
export function copyButton(text, what) {
  const button = el("button", { type: "button", class: "quiet copy", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      announce(`Copied ${what}`);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

/** Announce text to screen readers. */
export function announce(text) {
  byId("announcer").textContent = text;
}
