// @ts-check
// The dialog that replaces the price, the amount or the expiry of a resting order.
/** @import { Feed } from "./feed.js" */
/** @import { Api } from "./http.js" */
/** @import { Market } from "./market.js" */
/** @import { Content, NewTerms, Order } from "./types.d.ts" */
import { byId, dialogById, el, notify } from "./dom.js";
import { focusFirstError, showFieldErrors } from "./form_errors.js";
import { Problem, withRetry } from "./http.js";
import { TYPES, priceOf, pricesOf } from "./order_types.js";
import { fieldErrors, marketSentence } from "./prices.js";
import { LIFETIMES, clock, timeIn } from "./times.js";
import { outcome, sentence, swapName } from "./words.js";

export class Editor {
  #api;
  #feed;
  #market;
  #dialog = dialogById("edit-dialog");
  /** @type {EditForm | null} */
  #form = null;
  #saving = false;

  /**
   * @param {Api} api
   * @param {Feed} feed
   * @param {Market} market
   */
  constructor(api, feed, market) {
    this.#api = api;
    this.#feed = feed;
    this.#market = market;
    market.addEventListener("change", () => this.#showMarket());
  }

  /**
   * Let the user edit the order; `opener` is the button that gets the focus back.
   * @param {Order} order
   * @param {HTMLElement} opener
   */
  open(order, opener) {
    const form = new EditForm(order);
    this.#form = form;
    form.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save(form, false);
    });
    form.element.addEventListener("input", () => {
      form.showErrors(null);
      this.#showMarket();
    });
    this.#dialog.replaceChildren(form.element);
    byId("edit-force").addEventListener("click", () => this.#save(form, true));
    byId("edit-cancel").addEventListener("click", () => this.#dialog.close());
    this.#showMarket();
    const section = opener.closest("section");
    this.#dialog.onclose = () => section && refocus(section, order);
    this.#dialog.showModal();
  }

  #showMarket() {
    if (this.#form) this.#form.showMarket(this.#market.price(this.#form.order));
  }

  /**
   * @param {EditForm} form
   * @param {boolean} force
   */
  async #save(form, force) {
    const { order } = form;
    const terms = form.terms();
    if (!Object.keys(terms).length) return this.#dialog.close();
    if (this.#saving) return;
    this.#saving = true;
    try {
      const replaced = await withRetry(() => this.#api.replace(order.orderId, { ...terms, ...(force && { force }) }));
      this.#feed.take(replaced);
      this.#dialog.close();
      notify(`${swapName(replaced)} is changed.`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (!error.order) return form.showErrors(error);
      this.#feed.take(error.order);
      this.#dialog.close();
      notify(`${swapName(order)} is not changed. ${outcome(error.order)}`);
    } finally {
      this.#saving = false;
    }
  }
}

/**
 * The button that opened the dialog may have been drawn again since, or be gone.
 * @param {HTMLElement} section
 * @param {Order} order
 */
function refocus(section, { orderId }) {
  if (section.contains(document.activeElement)) return;
  /** @type {HTMLElement | null} */
  const again = section.querySelector(`[data-edit="${orderId}"]`) ?? section.querySelector("h2");
  (section.hidden ? byId("orders-title") : again)?.focus({ preventScroll: true });
}

/** The form for one order. */
class EditForm {
  /** @type {HTMLInputElement | null} */
  #price = null;
  #amount;
  #lifetime;
  #market = el("p", { class: "note" });
  #error = el("p", { class: "form-error", role: "alert" });
  #force = el("button", { type: "button", id: "edit-force", hidden: true }, "Change it anyway");

  /** @param {Order} order */
  constructor(order) {
    const { tokenIn, tokenOut, orderType } = order;
    this.order = order;
    const priceField = TYPES[orderType]?.priceField;
    if (priceField) this.#price = input(priceField, priceOf(order) ?? "");
    this.#amount = input("amount", order.amount);
    const lifetimes = Object.entries(LIFETIMES).map(([name, value]) => el("option", { value }, `In ${name}`));
    const unchanged = el("option", { value: "" }, `As now: ${clock(order.expiresAt)}`);
    this.#lifetime = el("select", attributesOf("expiresAt"), unchanged, lifetimes);
    this.element = el(
      "form",
      { novalidate: true, autocomplete: "off" },
      el("h2", { id: "edit-title" }, `Edit ${swapName(order)}`),
      this.#price && field(this.#price, `${sentence(orderType)} price`, `${tokenOut} per ${tokenIn}`, this.#market),
      field(this.#amount, "Amount", tokenIn),
      field(this.#lifetime, "Expires", ""),
      this.#error,
      el(
        "div",
        { class: "buttons" },
        el("button", { type: "button", class: "quiet", id: "edit-cancel" }, "Keep as it is"),
        this.#force,
        el("button", { class: "primary", id: "edit-save" }, "Save"),
      ),
    );
  }

  /** The terms that were edited. @returns {NewTerms} */
  terms() {
    const { order } = this;
    const price = this.#price?.value.trim();
    const amount = this.#amount.value.trim();
    return {
      ...(price !== priceOf(order) && pricesOf(order.orderType, price)),
      ...(amount !== order.amount && { amount }),
      ...(this.#lifetime.value && { expiresAt: timeIn(Number(this.#lifetime.value)) }),
    };
  }

  /** @param {string | undefined} market */
  showMarket(market) {
    this.#market.textContent = marketSentence(this.#price?.value.trim() ?? "", market, this.order);
  }

  /** @param {Problem | null} problem */
  showErrors(problem) {
    const fields = [this.#price, this.#amount, this.#lifetime].filter((each) => each !== null);
    const errors = problem ? fieldErrors(problem, this.order) : [];
    const rest = showFieldErrors(fields, errors);
    this.#error.textContent =
      problem && !errors.length ? problem.message : rest.map(({ field, message }) => `${field} ${message}`).join("; ");
    this.#force.hidden = problem?.code !== "price_out_of_range";
    focusFirstError(fields);
  }
}

/** @param {string} name */
const attributesOf = (name) => ({ id: `edit-${name}`, name, "aria-describedby": `edit-${name}-error` });

/**
 * @param {string} name
 * @param {string} value
 */
const input = (name, value) =>
  el("input", { ...attributesOf(name), value, inputmode: "decimal", spellcheck: "false" });

/**
 * @param {HTMLInputElement | HTMLSelectElement} control
 * @param {string} label
 * @param {string} unit
 * @param {Content} [note]
 */
const field = (control, label, unit, note) =>
  el(
    "div",
    { class: "field" },
    el("label", { for: control.id }, `${label} `, unit && el("span", { class: "unit" }, unit)),
    control,
    el("p", { class: "field-error", id: `${control.id}-error` }),
    note,
  );
