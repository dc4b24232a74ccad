// @ts-check
// Cancels orders, and says what has happened.
/** @import { Feed } from "./feed.js" */
/** @import { Api } from "./http.js" */
/** @import { Order } from "./types.d.ts" */
import { notify } from "./dom.js";
import { Problem, withRetry } from "./http.js";
import { outcome, swapName } from "./words.js";

export class OrderActions {
  #api;
  #feed;

  /**
   * @param {Api} api
   * @param {Feed} feed
   */
  constructor(api, feed) {
    this.#api = api;
    this.#feed = feed;
  }

  /** @param {Order} order */
  async cancel(order) {
    try {
      this.#feed.take(await withRetry(() => this.#api.cancel(order.orderId)));
      notify(`${swapName(order)} is cancelled.`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.order) this.#feed.take(error.order);
      notify(`${swapName(order)} is not cancelled. ${error.order ? outcome(error.order) : error.message}`);
    }
  }

  /** Cancel every order of the account that rests, also those that this page has not read. */
  async cancelResting() {
    let [cancelled, late] = [0, 0];
    try {
      for (let complete = false; !complete; ) {
        const result = await withRetry(() => this.#api.cancelResting());
        cancelled += result.cancelled.length;
        late += result.notCancelled.length;
        complete = result.complete;
      }
      notify(`${counted(cancelled)} cancelled.${late ? ` Too late for ${counted(late)}.` : ""}`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      notify(`${counted(cancelled)} cancelled, others may still rest. ${error.message}`);
    }
  }
}

/** @param {number} count */
const counted = (count) => (count === 1 ? "1 order" : `${count.toLocaleString("en")} orders`);
