// @ts-check
// The market's prices of some pairs, polled while the page is visible.
/** @import { Api } from "./http.js" */
/** @import { Order, Pair, Quote, Trade } from "./types.d.ts" */
import { plain, units } from "./decimals.js";
import { Problem } from "./http.js";
import { priceOf } from "./order_types.js";

const EVERY = 5000; // for each pair
const LOOK = 500;
const BPS = 10_000n * 10n ** 18n;

/** @param {Pair} pair */
const keyOf = ({ tokenIn, tokenOut }) => `${tokenIn} ${tokenOut}`;

/** Dispatches "change" when a price was read. */
export class Market extends EventTarget {
  #api;
  /** @type {Map<string, { price: string | undefined, at: number }>} */
  #read = new Map();
  /** @type {Map<string, Trade>} */
  #watched = new Map();
  #reading = false;
  #timer = 0;
  #closing = new AbortController();

  /** @param {Api} api */
  constructor(api) {
    super();
    this.#api = api;
  }

  open() {
    this.#timer = setInterval(() => this.#look(), LOOK);
  }

  close() {
    clearInterval(this.#timer);
    this.#closing.abort();
  }

  /** The price of a watched pair for a small amount; undefined while it is not known. @param {Pair} pair */
  price = (pair) => (this.#watched.has(keyOf(pair)) ? this.#read.get(keyOf(pair))?.price : undefined);

  /** Watch the pairs of the orders that have a trigger price, and no others. @param {Order[]} orders */
  watch(orders) {
    this.#watched.clear();
    for (const order of orders.filter((each) => priceOf(each) !== undefined)) {
      const smallest = this.#watched.get(keyOf(order));
      if (!smallest || (units(order.amount) ?? 0n) < (units(smallest.amount) ?? 0n))
        this.#watched.set(keyOf(order), order);
    }
  }

  /** Read the prices that are due, one after the other. */
  async #look() {
    if (this.#reading || document.hidden) return;
    this.#reading = true;
    const due = [...this.#watched].filter(([key]) => Date.now() - (this.#read.get(key)?.at ?? 0) >= EVERY);
    for (const [key, trade] of due) {
      const price = await this.#priceOf(trade);
      if (this.#closing.signal.aborted) return;
      this.#read.set(key, { price, at: Date.now() });
      this.dispatchEvent(new Event("change"));
    }
    this.#reading = false;
  }

  /** @param {Trade} trade */
  async #priceOf({ tokenIn, tokenOut, amount }) {
    try {
      const { quotes } = await this.#api.quotes({ tokenIn, tokenOut, amount }, this.#closing.signal);
      return highest(quotes);
    } catch (error) {
      if (!(error instanceof Problem) && !this.#closing.signal.aborted) throw error;
      return undefined;
    }
  }
}

/**
 * The highest price for a small amount, which is what activates orders: without the price impact.
 * @param {Quote[]} quotes
 */
function highest(quotes) {
  let best = 0n;
  for (const quote of quotes) {
    if (quote.error) continue;
    const [price, impact] = [units(quote.price) ?? 0n, units(quote.priceImpactBps) ?? 0n];
    const small = impact < BPS ? (price * BPS) / (BPS - impact) : 0n;
    if (small > best) best = small;
  }
  return best ? plain(best) : undefined;
}
