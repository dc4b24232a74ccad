// @ts-check
// The venues' current quotes for the trade in the order form.
/** @import { Api } from "./http.js" */
/** @import { Offer, Pair, Trade } from "./types.d.ts" */
import { byId, el } from "./dom.js";
import { Problem } from "./http.js";
import { quoteCards } from "./quotes.js";
import { sentence } from "./words.js";

const REFRESH = 10_000;
const LOOKED_AT = 120_000; // quotes are refreshed for this long after the last input
const NO_AMOUNT = "Enter an amount to see what the venues pay.";

export class LiveQuotes {
  /** @type {Api | null} */
  #api = null;
  #trade;
  #onChange;
  /** @type {AbortController | null} */
  #quoting = null;
  #timer = 0;
  #touched = 0;
  /** @type {{ trade: Trade, best: Offer } | null} */
  #quoted = null; // the trade of the shown quotes, and the best quote

  /**
   * `trade` returns the trade to quote; `onChange` is called with what was wrong with it, or null, once it is shown.
   * @param {() => Trade} trade
   * @param {(problem: Problem | null) => void} onChange
   */
  constructor(trade, onChange) {
    this.#trade = trade;
    this.#onChange = onChange;
    byId("quotes-refresh").addEventListener("click", () => this.refresh(0));
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh(0));
  }

  /** Use this account's API. @param {Api} api */
  use(api) {
    this.#api = api;
    this.refresh(0);
  }

  /** Quote again after a pause in milliseconds, unless this is called again by then. @param {number} pause */
  refresh(pause) {
    this.#touched = Date.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#quote(), pause);
  }

  /** The best quote's payout for exactly this trade; undefined without one. @param {Trade} trade */
  payout({ tokenIn, tokenOut, amount }) {
    const { trade, best } = this.#quoted ?? {};
    return trade?.amount === amount && isSamePair(trade, { tokenIn, tokenOut }) ? best?.amountOut : undefined;
  }

  /** The best price of this pair; undefined without a quote. @param {Pair} pair */
  price(pair) {
    return this.#quoted && isSamePair(this.#quoted.trade, pair) ? this.#quoted.best.price : undefined;
  }

  async #quote() {
    this.#quoting?.abort();
    const trade = this.#trade();
    if (!this.#api || !trade.tokenIn) return;
    if (!trade.amount) return this.#show(null, el("p", { class: "note" }, NO_AMOUNT));
    const quoting = new AbortController();
    this.#quoting = quoting;
    byId("quotes").setAttribute("aria-busy", "true");
    try {
      const quotes = await this.#api.quotes(trade, quoting.signal);
      const [best] = quotes.quotes;
      this.#quoted = best.error ? null : { trade, best };
      this.#show(null, ...quoteCards(quotes, trade.tokenIn, trade.tokenOut));
    } catch (error) {
      if (quoting.signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      this.#quoted = null;
      const message = error.fields.length ? "No quotes until the order is valid." : sentence(error.message);
      this.#show(error, el("p", { class: "refusal" }, message));
    }
    const worthIt = Date.now() - this.#touched < LOOKED_AT && !document.hidden;
    if (worthIt) this.#timer = setTimeout(() => this.#quote(), REFRESH);
  }

  /**
   * @param {Problem | null} problem
   * @param {Element[]} content
   */
  #show(problem, ...content) {
    byId("quotes").replaceChildren(...content);
    byId("quotes").setAttribute("aria-busy", "false");
    this.#onChange(problem);
  }
}

/**
 * @param {Pair} one
 * @param {Pair} other
 */
const isSamePair = (one, other) => one.tokenIn === other.tokenIn && one.tokenOut === other.tokenOut;
