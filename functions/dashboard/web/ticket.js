// @ts-check
// The form that places an order, with the venues' current quotes for it.
/** @import { Api } from "./http.js" */
/** @import { NewOrder, OrderDocument, Token } from "./types.d.ts" */
import { lessBps, product, readable, units } from "./decimals.js";
import { announce, byId, el, inputById, selectById } from "./dom.js";
import { focusFirstError, showFieldErrors } from "./form_errors.js";
import { Problem, withRetry } from "./http.js";
import { LiveQuotes } from "./live_quotes.js";
import { pricesOf } from "./order_types.js";
import { fieldErrors, marketSentence } from "./prices.js";
import { LIFETIMES, timeIn } from "./times.js";

const TYPING = 300; // a pause in typing after which quotes are requested
const DEFAULT_LIFETIME = "7 days";
const PLACE_AGAIN = "It may have been placed. Place it again: it will not be placed twice.";

export class Ticket {
  #tokenIn = selectById("tokenIn");
  #tokenOut = selectById("tokenOut");
  #amount = inputById("amount");
  #limitPrice = inputById("limitPrice");
  #stopPrice = inputById("stopPrice");
  #slippage = inputById("slippageBps");
  #lifetime = selectById("expiresAt");
  #fields = [
    this.#tokenIn,
    this.#tokenOut,
    this.#amount,
    this.#limitPrice,
    this.#stopPrice,
    this.#slippage,
    this.#lifetime,
  ];
  /** @type {Api | null} */
  #api = null;
  #onPlaced;
  /** @type {Token[]} */
  #tokens = [];
  #quotes = new LiveQuotes(
    () => this.#trade(),
    (problem) => {
      if (problem?.fields.length) this.#showErrors(problem);
      this.#showTerms();
    },
  );
  #placing = false;
  /** @type {NewOrder | null} */
  #intent = null; // the order being placed, with its clientOrderId, until the engine has answered
  /** @type {string | null} */
  #outOfRange = null; // the clientOrderId of the order in the form, if its price was refused

  /** `onPlaced` is called with the accepted order. @param {(order: OrderDocument) => void} onPlaced */
  constructor(onPlaced) {
    this.#onPlaced = onPlaced;
    const form = byId("ticket");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#place();
    });
    form.addEventListener("input", ({ target }) => this.#changed(isOfTrade(target), TYPING));
    byId("swap").addEventListener("click", () => {
      [this.#tokenIn.value, this.#tokenOut.value] = [this.#tokenOut.value, this.#tokenIn.value];
      this.#changed(true);
    });
    for (const preset of presets()) {
      preset.addEventListener("click", () => {
        this.#slippage.value = preset.dataset.bps ?? "";
        this.#changed(false);
      });
    }
    byId("place-anyway").addEventListener("click", () => {
      if (!this.#outOfRange || this.#placing) return;
      this.#intent = { ...this.#order(), clientOrderId: this.#outOfRange, force: true };
      this.#place();
    });
    const lifetimes = Object.entries(LIFETIMES).map(([name, seconds]) => el("option", { value: seconds }, name));
    this.#lifetime.append(...lifetimes);
    this.#lifetime.value = String(LIFETIMES[DEFAULT_LIFETIME]);
    this.#showTerms();
  }

  /** Use this account's API. @param {Api} api */
  async use(api) {
    this.#api = api;
    try {
      this.#showTokens((await withRetry(() => api.tokens(), 8)).tokens);
      this.#quotes.use(api);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#showErrors(error);
    }
  }

  /** @param {Token[]} tokens */
  #showTokens(tokens) {
    if (this.#tokens.length) return;
    this.#tokens = tokens;
    this.#offer(this.#tokenIn, "SOL");
    this.#offer(this.#tokenOut, "USDC");
    this.#showTerms();
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {string} preferred
   */
  #offer(select, preferred) {
    const options = this.#tokens.map(({ symbol, mint }) => el("option", { value: symbol, title: mint }, symbol));
    select.replaceChildren(...options);
    if (this.#tokens.some(({ symbol }) => symbol === preferred)) select.value = preferred;
  }

  #type() {
    const chosen = document.querySelector("[name='orderType']:checked");
    return chosen instanceof HTMLInputElement ? chosen.value : "market";
  }

  #trade() {
    return { tokenIn: this.#tokenIn.value, tokenOut: this.#tokenOut.value, amount: this.#amount.value.trim() };
  }

  /** @returns {NewOrder} */
  #order() {
    const orderType = this.#type();
    const slippage = this.#slippage.value.trim();
    const price = orderType === "limit" ? this.#limitPrice : this.#stopPrice;
    return {
      ...this.#trade(),
      orderType,
      ...pricesOf(orderType, price.value.trim()),
      slippageBps: /^\d{1,9}$/.test(slippage) ? Number(slippage) : slippage,
      ...(orderType !== "market" && { expiresAt: timeIn(Number(this.#lifetime.value)) }),
    };
  }

  /** The order was edited; `trade`: its tokens or its amount. @param {boolean} trade */
  #changed(trade, pause = 0) {
    this.#intent = null;
    this.#showErrors(null);
    this.#showTerms();
    if (trade) this.#quotes.refresh(pause);
  }

  /** Everything about the order that the form shows next to its fields. */
  #showTerms() {
    const order = this.#order();
    for (const element of document.querySelectorAll("[data-for]")) {
      if (element instanceof HTMLElement) element.hidden = !element.dataset.for?.split(" ").includes(order.orderType);
    }
    for (const preset of presets()) {
      preset.setAttribute("aria-pressed", String(preset.dataset.bps === this.#slippage.value.trim()));
    }
    byId("amount-unit").textContent = order.tokenIn;
    const market = this.#quotes.price(order);
    for (const { id, value } of [this.#limitPrice, this.#stopPrice]) {
      byId(`${id}-unit`).textContent = order.tokenIn && `${order.tokenOut} per ${order.tokenIn}`;
      byId(`${id}-market`).textContent = marketSentence(value.trim(), market, order);
    }
    byId("least").textContent = this.#promise(this.#intent ?? { ...order, ...this.#minimum(order) });
  }

  /**
   * A market order's minimum payout. Without quotes for exactly this trade it has none; an order that rests is quoted
   * only once it is activated.
   * @param {NewOrder} order
   */
  #minimum({ orderType, slippageBps, ...trade }) {
    const payout = this.#quotes.payout(trade);
    if (orderType !== "market" || !payout || !isSlippage(slippageBps)) return {};
    const token = this.#tokens.find(({ symbol }) => symbol === trade.tokenOut);
    const least = token && lessBps(payout, slippageBps, token.decimals);
    return least && units(least) ? { minAmountOut: least } : {};
  }

  /** What the engine will enforce, in a sentence. @param {NewOrder} order */
  #promise(order) {
    const least = order.minAmountOut ?? product(order.amount, order.limitPrice);
    if (least && units(least)) return `You get at least ${readable(least)} ${order.tokenOut}, or nothing is swapped.`;
    if (!["stop", "sniper"].includes(order.orderType) || !isSlippage(order.slippageBps)) return "";
    return `You get at most ${order.slippageBps} bps less than the best quote at that time; no amount is fixed before.`;
  }

  /** Every try has the same id, so that an order is not placed twice if a response is lost. */
  async #place() {
    const api = this.#api;
    if (this.#placing || !api) return;
    const order = this.#order();
    this.#intent ??= { ...order, ...this.#minimum(order), clientOrderId: crypto.randomUUID() };
    const intent = this.#intent;
    this.#setPlacing(true);
    this.#showErrors(null);
    try {
      const placed = await withRetry(() => api.place(intent));
      this.#intent = null;
      this.#onPlaced(placed);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (!error.passing) this.#intent = null;
      this.#showErrors(error, error.passing ? PLACE_AGAIN : "");
      if (error.code === "price_out_of_range") this.#offerToForce(intent);
      focusFirstError(this.#fields);
    } finally {
      this.#setPlacing(false);
      this.#showTerms();
    }
  }

  /** @param {NewOrder} order */
  #offerToForce({ clientOrderId }) {
    this.#outOfRange = clientOrderId ?? null;
    byId("place-anyway").hidden = false;
  }

  /** @param {boolean} placing */
  #setPlacing(placing) {
    this.#placing = placing;
    byId("place").setAttribute("aria-disabled", String(placing));
    byId("place").textContent = placing ? "Placing …" : "Place order";
  }

  /** Show each message next to its field, the rest above the button. @param {Problem | null} problem */
  #showErrors(problem, advice = "") {
    this.#outOfRange = null;
    byId("place-anyway").hidden = true;
    const errors = problem ? fieldErrors(problem, this.#order()) : [];
    const rest = showFieldErrors(this.#fields, errors).map(({ field, message }) => `${field} ${message}`);
    // The engine's message for an unknown outcome is meant for callers of the API.
    const text = problem?.code === "outcome_unknown" ? advice : `${problem?.message} ${advice}`;
    byId("ticket-error").textContent = problem && !errors.length ? text : rest.join("; ");
    const wrong = [...byId("ticket").querySelectorAll(".field-error:not(:empty)")];
    if (wrong.length) announce(wrong.map((error) => error.textContent).join(". "));
  }
}

/** The buttons with the usual slippages. @returns {NodeListOf<HTMLElement>} */
const presets = () => document.querySelectorAll("[data-bps]");

/** @param {number | string} bps @returns {bps is number} */
const isSlippage = (bps) => typeof bps === "number" && bps <= 10_000;

/** Whether the quotes depend on this field. @param {EventTarget | null} field */
const isOfTrade = (field) => field instanceof Element && ["tokenIn", "tokenOut", "amount"].includes(field.id);
