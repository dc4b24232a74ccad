// @ts-check
// The form that places an order, with the venues' current quotes for it.
/** @import { Api } from "./http.js" */
/** @import { Content, NewOrder, OrderDocument, Token, Trade } from "./types.d.ts" */
import { lessBps, readable, units } from "./decimals.js";
import { announce, byId, el, inputById, selectById } from "./dom.js";
import { Problem, withRetry } from "./http.js";
import { quoteCards } from "./quotes.js";
import { sentence } from "./words.js";

const TYPING = 300; // a pause in typing after which quotes are requested
const REFRESH = 10_000;
const LOOKED_AT = 120_000; // quotes are refreshed for this long after the last input
const PLACE_AGAIN = "It may have been placed. Place it again: it will not be placed twice.";

/** @param {Trade} trade */
const tradeOf = ({ tokenIn, tokenOut, amount }) => `${amount} ${tokenIn} ${tokenOut}`;

export class Ticket {
  #tokenIn = selectById("tokenIn");
  #tokenOut = selectById("tokenOut");
  #amount = inputById("amount");
  #slippage = inputById("slippageBps");
  #fields = [this.#tokenIn, this.#tokenOut, this.#amount, this.#slippage];
  /** @type {Api | null} */
  #api = null;
  #onPlaced;
  /** @type {Token[]} */
  #tokens = [];
  /** @type {AbortController | null} */
  #quoting = null;
  #timer = 0;
  #touched = 0;
  /** @type {{ trade: string, amountOut: string } | null} */
  #quoted = null; // the trade of the shown quotes, and the best quote's payout
  #placing = false;
  /** @type {NewOrder | null} */
  #intent = null; // the order being placed, with its clientOrderId, until the engine has answered

  /** `onPlaced` is called with the accepted order. @param {(order: OrderDocument) => void} onPlaced */
  constructor(onPlaced) {
    this.#onPlaced = onPlaced;
    const form = byId("ticket");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#place();
    });
    form.addEventListener("input", ({ target }) => this.#changed(target !== this.#slippage, TYPING));
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
    byId("quotes-refresh").addEventListener("click", () => this.#quoteSoon(0));
    document.addEventListener("visibilitychange", () => document.hidden || this.#quoteSoon(0));
    this.#showLimits();
  }

  /** Use this account's API. @param {Api} api */
  async use(api) {
    this.#api = api;
    try {
      this.#showTokens((await withRetry(() => api.tokens(), 8)).tokens);
      this.#quoteSoon(0);
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
    byId("amount-unit").textContent = this.#tokenIn.value;
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

  /** @returns {NewOrder} */
  #order() {
    const slippage = this.#slippage.value.trim();
    return {
      tokenIn: this.#tokenIn.value,
      tokenOut: this.#tokenOut.value,
      amount: this.#amount.value.trim(),
      slippageBps: /^\d{1,9}$/.test(slippage) ? Number(slippage) : slippage,
    };
  }

  /** The order was edited; `trade`: not only its slippage. @param {boolean} trade */
  #changed(trade, pause = 0) {
    this.#intent = null;
    this.#showErrors(null);
    byId("amount-unit").textContent = this.#tokenIn.value;
    this.#showLimits();
    if (trade) this.#quoteSoon(pause);
  }

  /** The order's minimum payout, or null: without quotes for exactly this trade, the page promises nothing. */
  #least() {
    if (this.#intent) return this.#intent.minAmountOut ?? null;
    const { slippageBps, ...trade } = this.#order();
    if (this.#quoted?.trade !== tradeOf(trade)) return null;
    if (typeof slippageBps !== "number" || slippageBps > 10_000) return null;
    const token = this.#tokens.find(({ symbol }) => symbol === trade.tokenOut);
    const least = token && lessBps(this.#quoted.amountOut, slippageBps, token.decimals);
    return least && units(least) ? least : null;
  }

  #showLimits() {
    for (const preset of presets()) {
      preset.setAttribute("aria-pressed", String(preset.dataset.bps === this.#slippage.value.trim()));
    }
    const least = this.#least();
    byId("least").textContent =
      least && `You get at least ${readable(least)} ${this.#tokenOut.value}, or nothing is swapped.`;
  }

  /** @param {number} pause */
  #quoteSoon(pause) {
    this.#touched = Date.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#quote(), pause);
  }

  async #quote() {
    this.#quoting?.abort();
    const { tokenIn, tokenOut, amount } = this.#order();
    if (!this.#api || !tokenIn) return;
    if (!amount) return this.#showQuotes(el("p", { class: "note" }, "Enter an amount to see what the venues pay."));
    const quoting = new AbortController();
    this.#quoting = quoting;
    byId("quotes").setAttribute("aria-busy", "true");
    try {
      const quotes = await this.#api.quotes({ tokenIn, tokenOut, amount }, quoting.signal);
      const [best] = quotes.quotes;
      this.#quoted = best.error ? null : { trade: tradeOf({ tokenIn, tokenOut, amount }), amountOut: best.amountOut };
      this.#showQuotes(...quoteCards(quotes, tokenIn, tokenOut));
    } catch (error) {
      if (quoting.signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      if (error.fields.length) this.#showErrors(error);
      const message = error.fields.length ? "No quotes until the order is valid." : sentence(error.message);
      this.#quoted = null;
      this.#showQuotes(el("p", { class: "refusal" }, message));
    }
    const worthIt = Date.now() - this.#touched < LOOKED_AT && !document.hidden;
    if (worthIt) this.#timer = setTimeout(() => this.#quote(), REFRESH);
  }

  /** @param {Element[]} content */
  #showQuotes(...content) {
    byId("quotes").replaceChildren(...content);
    byId("quotes").setAttribute("aria-busy", "false");
    this.#showLimits();
  }

  /** Every try has the same id, so that an order is not placed twice if a response is lost. */
  async #place() {
    const api = this.#api;
    if (this.#placing || !api) return;
    const least = this.#least();
    this.#intent ??= {
      ...this.#order(),
      ...(least && { minAmountOut: least }),
      clientOrderId: crypto.randomUUID(),
    };
    const intent = this.#intent;
    this.#setPlacing(true);
    this.#showErrors(null);
    try {
      const order = await withRetry(() => api.place(intent));
      this.#intent = null;
      this.#onPlaced(order);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (!error.passing) this.#intent = null;
      this.#showErrors(error, error.passing ? PLACE_AGAIN : "");
      this.#fields.find((field) => field.getAttribute("aria-invalid") === "true")?.focus();
    } finally {
      this.#setPlacing(false);
      this.#showLimits();
    }
  }

  /** @param {boolean} placing */
  #setPlacing(placing) {
    this.#placing = placing;
    byId("place").setAttribute("aria-disabled", String(placing));
    byId("place").textContent = placing ? "Placing …" : "Place order";
  }

  /** Show each message next to its field, the rest above the button. @param {Problem | null} problem */
  #showErrors(problem, advice = "") {
    const fields = problem?.fields ?? [];
    for (const field of this.#fields) {
      const text = fields
        .filter((error) => error.field === field.id)
        .map((error) => error.message)
        .join("; ");
      byId(`${field.id}-error`).textContent = text && `${nameOf(field)} ${text}`;
      field.setAttribute("aria-invalid", String(Boolean(text)));
    }
    const rest = fields
      .filter((error) => !this.#fields.some((field) => field.id === error.field))
      .map(({ field, message }) => `${field} ${message}`);
    // The engine's message for an unknown outcome is meant for callers of the API.
    const text = problem?.code === "outcome_unknown" ? advice : `${problem?.message} ${advice}`;
    byId("ticket-error").textContent = problem && !fields.length ? text : rest.join("; ");
    const wrong = [...byId("ticket").querySelectorAll(".field-error:not(:empty)")];
    if (wrong.length) announce(wrong.map((error) => error.textContent).join(". "));
  }
}

/** The buttons with the usual slippages. @returns {NodeListOf<HTMLElement>} */
const presets = () => document.querySelectorAll("[data-bps]");

/** The field's label, without its unit. @param {HTMLInputElement | HTMLSelectElement} field */
const nameOf = (field) => field.labels?.[0].firstChild?.textContent?.trim() ?? field.id;
