// @ts-check
// All elements are created here. Text is always text: nothing is parsed as HTML.
/** @import { Attributes, Content, Part } from "./types.d.ts" */

const SVG = "http://www.w3.org/2000/svg";

/** The page's element with this id. @param {string} id */
export const byId = (id) => elementById(HTMLElement, id);

/** The page's input with this id. @param {string} id */
export const inputById = (id) => elementById(HTMLInputElement, id);

/** The page's select with this id. @param {string} id */
export const selectById = (id) => elementById(HTMLSelectElement, id);

/** The page's dialog with this id. @param {string} id */
export const dialogById = (id) => elementById(HTMLDialogElement, id);

/**
 * @template {HTMLElement} T
 * @param {new () => T} kind
 * @param {string} id
 */
function elementById(kind, id) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new TypeError(`the page has no ${kind.name} with the id ${id}`);
  return element;
}

/**
 * An HTML element. An attribute that is false or null is omitted.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Attributes} attributes
 * @param {Content[]} children
 */
export const el = (name, attributes = {}, ...children) => filled(document.createElement(name), attributes, children);

/**
 * An SVG element.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} name
 * @param {Attributes} attributes
 * @param {Content[]} children
 */
export const svg = (name, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

/**
 * @template {Element} T
 * @param {T} element
 * @param {Attributes} attributes
 * @param {Content[]} children
 */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {Content[]} children
 */
function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/** @type {WeakMap<Element, { key: string, signature: string }>} */
const made = new WeakMap();

/**
 * Make these parts the children of `parent`, in this order. A child whose signature is unchanged stays the same
 * element, so that focus, selection and open details are kept.
 * @param {Element} parent
 * @param {Part[]} parts
 */
export function patch(parent, parts) {
  /** @type {Map<string, Element>} */
  const before = new Map();
  for (const child of parent.children) {
    const part = made.get(child);
    if (part) before.set(part.key, child);
  }
  const focused = document.activeElement;
  let refocus = () => {};
  const after = parts.map(({ key, signature, make }) => {
    const old = before.get(key);
    if (old && made.get(old)?.signature === signature) return old;
    const child = make(Boolean(old));
    made.set(child, { key, signature });
    if (focused && old?.contains(focused)) {
      const position = focusables(old).findIndex((element) => element === focused);
      refocus = () => {
        const found = focusables(child);
        (found[position] ?? found[found.length - 1])?.focus();
      };
    }
    return child;
  });
  /** @type {Set<Node>} */
  const staying = new Set(after);
  for (const child of [...parent.childNodes]) if (!staying.has(child)) child.remove();
  let next = parent.firstChild;
  for (const child of after) {
    if (child === next) next = next.nextSibling;
    else parent.insertBefore(child, next);
  }
  refocus();
}

/** @param {Element} element */
const focusables = (element) =>
  [...element.querySelectorAll("a[href], button, summary")].filter((found) => found instanceof HTMLElement);

/**
 * A button that copies `text` and confirms it.
 * @param {string} text
 * @param {string} what
 */
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

/** Announce text to screen readers. @param {string} text */
export function announce(text) {
  byId("announcer").textContent = text;
}

/** Show and announce what has happened, until it is dismissed or followed by other news. @param {string} text */
export function notify(text) {
  byId("notice-text").textContent = text;
  byId("notice").hidden = !text;
  announce(text);
}
