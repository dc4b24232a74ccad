// @ts-check
// The orders that this page has loaded, each in its latest state, whatever order its events arrived in.
/** @import { Order, OrderDocument, OrderEvent } from "./types.d.ts" */
import { priceOf, pricesOf } from "./order_types.js";

const MOST = 5000;

/** Dispatches "change" after every change. */
export class OrderStore extends EventTarget {
  /** @type {Map<string, Order>} */
  #orders = new Map();
  /** @type {Order[] | null} */
  #sorted = null;
  #most = MOST;

  /** Whether old orders were dropped because the store was full. */
  full = false;

  /** @param {string | null} orderId */
  get = (orderId) => (orderId === null ? undefined : this.#orders.get(orderId));

  /** Every order, newest first: ids sort by time. */
  all() {
    this.#sorted ??= [...this.#orders.values()].sort((one, other) => (one.orderId < other.orderId ? 1 : -1));
    return this.#sorted;
  }

  /**
   * Add an order from the API or a snapshot; only its events are used if it is older than the known state. Returns
   * what is known now.
   * @param {OrderDocument} order
   */
  put({ events = [], ...document }) {
    const known = this.#orders.get(document.orderId);
    const history = known?.events ?? new Map();
    // The requested minimum. Once a swap is signed, minAmountOut is the signed minimum instead, which may be higher.
    const floor = document.txHash ? known?.floor : document.minAmountOut;
    const updatedAt = document.updatedAt ?? document.createdAt;
    const order =
      !known || document.sequence >= known.sequence ? { ...document, updatedAt, floor, events: history } : { ...known };
    for (const event of events) history.set(event.sequence, event);
    this.#keep(order);
    return order;
  }

  /**
   * Add one event. Returns "applied", "repeat", "gap" (earlier events are missing) or "unknown" (order).
   * @param {OrderEvent} event
   */
  apply(event) {
    const known = this.#orders.get(event.orderId);
    if (!known) return "unknown";
    if (known.events.has(event.sequence)) return "repeat";
    known.events.set(event.sequence, event);
    if (event.sequence <= known.sequence) {
      this.#keep({ ...known });
      return "applied";
    }
    const { type: _type, at, ...facts } = event;
    const asked = askedNow(known, event);
    this.#keep({ ...asked, minAmountOut: known.floor, ...facts, updatedAt: at, events: known.events });
    return event.sequence > known.sequence + 1 ? "gap" : "applied";
  }

  /** @param {Order} order */
  #keep(order) {
    this.#orders.set(order.orderId, order);
    this.#sorted = null;
    if (this.#orders.size > this.#most) this.#forgetOldest();
    this.dispatchEvent(new Event("change"));
  }

  /** Open orders are kept, however old they are. */
  #forgetOldest() {
    this.full = true;
    for (const { orderId, terminal } of this.all().slice(MOST * 0.8)) if (terminal) this.#orders.delete(orderId);
    this.#most = Math.max(MOST, this.#orders.size * 1.2);
    this.#sorted = null;
  }
}

/**
 * What is ordered, without anything that happened before the event. An event at which the order rests has its terms.
 * @param {Order} order
 * @param {OrderEvent} event
 */
function askedNow(order, { status, terms, triggeredBy }) {
  const { orderId, clientOrderId, orderType, tokenIn, tokenOut, slippageBps, floor, createdAt } = order;
  const { amount = order.amount, expiresAt = order.expiresAt, triggerPrice = priceOf(order) } = terms ?? {};
  return {
    ...{ orderId, clientOrderId, orderType, tokenIn, tokenOut, amount, slippageBps, floor, expiresAt, createdAt },
    ...pricesOf(orderType, triggerPrice),
    triggeredBy: status === "resting" ? undefined : (triggeredBy ?? order.triggeredBy),
  };
}

/** The last sequence up to which no event is missing; 0 if the history was never read. @param {Order} order */
export function contiguous(order) {
  let sequence = 0;
  while (order.events.has(sequence + 1)) sequence += 1;
  return sequence;
}

/** Whether every event so far is known. @param {Order} order */
export const complete = (order) => contiguous(order) >= order.sequence;
