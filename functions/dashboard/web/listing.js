// @ts-check
// Selects the stored orders that the table shows: those of one status, as far back as they have been read.
/** @import { Api } from "./http.js" */
/** @import { OrderStore } from "./order_store.js" */
import { Problem, withRetry } from "./http.js";

const STEP = 25;

/** Dispatches "change" when the orders to show, or the state, have changed. */
export class Listing extends EventTarget {
  #api;
  #store;
  #shown = STEP;
  /** @type {string | null} */
  #cursor = null;
  /** @type {string | null} */
  #oldest = null; // the id of the oldest order that was read; null if there are no older ones
  #round = 0;

  /** The selected status; "" for all. */
  status = "";

  /** @type {"loading" | "ready" | "broken"} */
  state = "loading";

  /**
   * @param {Api} api
   * @param {OrderStore} store
   */
  constructor(api, store) {
    super();
    this.#api = api;
    this.#store = store;
  }

  /** The orders to show, newest first. */
  orders = () => this.#matching().slice(0, this.#shown);

  /** Whether there are more to show. */
  hasMore() {
    return this.#matching().length > this.#shown || (this.#cursor !== null && !this.#store.full);
  }

  /** Read the first page, of the orders of one status ("" for all). */
  open(status = "") {
    this.status = status;
    this.#shown = STEP;
    return this.#read(null);
  }

  /** Show more orders: those already read, or else the next page. */
  more() {
    if (this.state === "broken" && this.#cursor === null) return this.#read(null);
    this.#shown += STEP;
    if (this.#matching().length >= this.#shown || this.#cursor === null) return this.#changed("ready");
    return this.#read(this.#cursor);
  }

  /** Read the newest page of the selected status again, after events may have been missed. For all orders, see Feed. */
  async refresh() {
    if (!this.status) return;
    const page = await withRetry(() => this.#api.page({ status: this.status }), 2);
    for (const order of page.orders) this.#store.put(order);
  }

  /** @param {string | null} cursor */
  async #read(cursor) {
    this.#round += 1;
    const round = this.#round;
    if (!cursor) [this.#cursor, this.#oldest] = [null, null];
    this.#changed("loading");
    try {
      const page = await withRetry(() => this.#api.page({ status: this.status, cursor }));
      if (round !== this.#round) return;
      for (const order of page.orders) this.#store.put(order);
      this.#cursor = page.nextCursor;
      this.#oldest = page.nextCursor && page.orders[page.orders.length - 1].orderId;
      this.#changed("ready");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (round === this.#round) this.#changed("broken");
    }
  }

  #matching() {
    return this.#store
      .all()
      .filter(({ status, orderId }) => (!this.status || status === this.status) && orderId >= (this.#oldest ?? ""));
  }

  /** @param {"loading" | "ready" | "broken"} state */
  #changed(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
