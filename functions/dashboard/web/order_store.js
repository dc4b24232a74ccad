// The orders that this page knows, each as its latest event says, whatever order the news came in.

const ASKED = [
  "orderId",
  "clientOrderId",
  "tokenIn",
  "tokenOut",
  "amount",
  "slippageBps",
  "floor",
  "expiresAt",
  "createdAt",
];
const MOST = 5000;

/** Dispatches "change" after it has changed. */
export class OrderStore extends EventTarget {
  #orders = new Map();
  #sorted = null;

  /** Whether old orders had to be left out for want of room. */
  full = false;

  get = (orderId) => this.#orders.get(orderId);

  /** Every order, newest first: ids are in the order of time. */
  all() {
    this.#sorted ??= [...this.#orders.values()].sort((one, other) => (one.orderId < other.orderId ? 1 : -1));
    return this.#sorted;
  }

  /** Take in an order as the API or a snapshot gives it; what is older than what is known changes nothing. */
  put({ events = [], ...document }) {
    const known = this.#orders.get(document.orderId);
    const history = known?.events ?? new Map();
    // What was asked for at the least: what was signed, and stands in its place from then on, may be more.
    const floor = document.txHash ? known?.floor : document.minAmountOut;
    const order =
      !known || document.sequence >= known.sequence ? { ...document, floor, events: history } : { ...known };
    for (const event of events) history.set(event.sequence, event);
    this.#keep(order);
  }

  /** Take in one event. Says "unknown" for an order never seen, "gap" when steps before it are missing. */
  apply(event) {
    const known = this.#orders.get(event.orderId);
    if (!known) return "unknown";
    if (known.events.has(event.sequence)) return "repeat";
    known.events.set(event.sequence, event);
    if (event.sequence <= known.sequence) {
      this.#keep({ ...known });
      return "applied";
    }
    const asked = Object.fromEntries(ASKED.filter((name) => name in known).map((name) => [name, known[name]]));
    const { type, at, ...facts } = event;
    this.#keep({ ...asked, minAmountOut: known.floor, ...facts, updatedAt: at, events: known.events });
    return event.sequence > known.sequence + 1 ? "gap" : "applied";
  }

  #keep(order) {
    this.#orders.set(order.orderId, order);
    this.#sorted = null;
    if (this.#orders.size > MOST) this.#forgetOldest();
    this.dispatchEvent(new Event("change"));
  }

  #forgetOldest() {
    this.full = true;
    for (const { orderId } of this.all().slice(MOST * 0.8)) this.#orders.delete(orderId);
    this.#sorted = null;
  }
}

/** The last sequence up to which no event is missing; 0 when the history was never read. */
export function contiguous(order) {
  let sequence = 0;
  while (order.events.has(sequence + 1)) sequence += 1;
  return sequence;
}

/** Whether every step so far is known. */
export const complete = (order) => contiguous(order) >= order.sequence;
