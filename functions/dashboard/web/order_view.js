// @ts-check
// One order: its facts, its outcome and every event.
/** @import { Content, Facts, Failure, Order, OrderEvent, Part } from "./types.d.ts" */
/** @import { Problem } from "./http.js" */
import { complete } from "./order_store.js";
import { bpsAbove, exact, readable, signedBps, unsignedBps } from "./decimals.js";
import { announce, byId, copyButton, el, patch } from "./dom.js";
import { quoteCards } from "./quotes.js";
import { STATUSES } from "./statuses.js";
import { clock, duration, preciseClock, tick } from "./times.js";
import { sentence, statusName, swapName, venueName } from "./words.js";

/** A status as a coloured badge. @param {string} status */
export const badge = (status) =>
  el(
    "span",
    { class: "badge", "data-tone": STATUSES[status]?.tone },
    el("span", { class: "dot", "aria-hidden": "true" }),
    statusName(status),
  );

/**
 * The route of the current attempt or of the fill; null between two attempts and for an order that ended unfilled.
 * @param {Order} order
 */
export const routeOf = ({ route, error, terminal, amountOut }) => (error || (terminal && !amountOut) ? null : route);

/** How much the fill is above the chosen quote, in bps; null without a fill. @param {Facts} facts */
export function fillBps({ amountOut, route }) {
  const quote = route?.quotes.find(({ venue }) => venue === route.venue);
  return amountOut && quote ? bpsAbove(amountOut, quote.amountOut) : null;
}

export class OrderView {
  /** @type {string | null} */
  #orderId = null;
  /** @type {Problem | null} */
  #problem = null;
  /** @type {string | null} */
  #said = null;
  #retry;

  /** `retry` is called to read the order again. @param {() => void} retry */
  constructor(retry) {
    this.#retry = retry;
  }

  /** Show another order, or none (null). @param {string | null} orderId */
  show(orderId) {
    [this.#orderId, this.#problem, this.#said] = [orderId, null, null];
  }

  /**
   * The order's history was read (`problem` is null), or could not be read.
   * @param {string} orderId
   * @param {Problem | null} problem
   */
  historyRead(orderId, problem) {
    if (orderId === this.#orderId) this.#problem = problem;
  }

  /** @param {Order | undefined} order */
  render(order) {
    byId("order-title").textContent = order ? swapName(order) : "Order";
    document.title = order ? `${swapName(order)}: ${order.status}` : "Order engine";
    if (!order) return patch(byId("order-body"), [this.#instead()]);
    this.#say(order);
    const { orderId, sequence } = order;
    patch(byId("order-body"), [
      { key: "facts", signature: `${orderId} ${sequence}`, make: () => facts(order) },
      ...(this.#problem ? [this.#instead()] : []),
      ...attempts(order).map((attempt, index, all) => ({
        key: `attempt ${index}`,
        signature: `${orderId} ${attempt.map((event) => event.sequence)} ${index === all.length - 1 && complete(order)}`,
        make: () => attemptView(attempt, order, all.length, index),
      })),
    ]);
  }

  /** @param {Order} order */
  #say(order) {
    const news = `${swapName(order)}: ${order.status}${order.error ? `. ${sentence(order.error.message)}` : ""}`;
    if (this.#said !== null && this.#said !== news) announce(news);
    this.#said = news;
  }

  /** The content if there is no order to show. @returns {Part} */
  #instead() {
    /**
     * @param {string} key
     * @param {Content[]} content
     */
    const part = (key, ...content) => ({
      key,
      signature: `${this.#orderId} ${key}`,
      make: () => el("div", { class: "empty" }, ...content),
    });
    if (!this.#orderId) {
      return part("nothing", el("p", {}, "No order chosen. Place one, or choose one from the table."));
    }
    if (!this.#problem) return part("loading", el("p", {}, "Reading the order …"));
    if (this.#problem.status === 404 || this.#problem.status === 422) {
      return part(
        "not found",
        el("p", { class: "strong" }, "There is no such order in this account."),
        el("p", {}, "The link may be incomplete, or the order belongs to another account."),
        el("p", {}, el("a", { href: "#/" }, "Back to all orders")),
      );
    }
    const again = el("button", { type: "button" }, "Try again");
    again.addEventListener("click", this.#retry);
    return part(
      `problem ${this.#problem.message}`,
      el("p", {}, `The order's events could not be read. ${this.#problem.message}`),
      again,
    );
  }
}

/** @param {Order} order */
function facts(order) {
  const bps = fillBps(order);
  const route = routeOf(order);
  const quoted = route?.quotes.find(({ venue }) => venue === route.venue)?.amountOut;
  const signed = order.txHash && !order.error;
  const end = order.terminal ? Date.parse(order.updatedAt) - Date.parse(order.createdAt) : null;
  return el(
    "div",
    { class: "summary" },
    el(
      "p",
      { class: "row" },
      badge(order.status),
      el(
        "span",
        { class: "took" },
        end === null ? tick(el("span", { "data-since": order.createdAt })) : `in ${duration(end)}`,
      ),
    ),
    order.terminal && order.error && failure(order.error),
    el(
      "dl",
      { class: "facts" },
      order.amountOut
        ? fact("Received", `${exact(order.amountOut)} ${order.tokenOut}`, order.amountOut)
        : quoted && !order.terminal && fact("Quoted", `${exact(quoted)} ${order.tokenOut}`, quoted),
      order.executedPrice &&
        fact(
          `Price per ${order.tokenIn}`,
          `${readable(order.executedPrice)} ${order.tokenOut}`,
          `${order.executedPrice} ${order.tokenOut} per ${order.tokenIn}`,
        ),
      bps !== null && fact("Fill vs quote", signedBps(bps), null, toneOf(bps)),
      route && fact("Venue", venueName(route.venue)),
      order.minAmountOut &&
        !order.amountOut &&
        fact("At least", `${exact(order.minAmountOut)} ${order.tokenOut}`, order.minAmountOut),
      fact("Slippage", `${order.slippageBps} bps`),
      fact("Placed", clock(order.createdAt), order.createdAt),
      !order.terminal &&
        !signed &&
        fact("Expires", tick(el("span", { "data-until": order.expiresAt })), order.expiresAt),
    ),
    el(
      "p",
      { class: "id" },
      el("span", { class: "note" }, "Order "),
      el("code", {}, order.orderId),
      copyButton(order.orderId, "order id"),
    ),
  );
}

/** @param {Failure} failure */
const failure = ({ code, message }) => el("p", { class: "failure" }, sentence(message), " ", el("code", {}, code));
/**
 * @param {string} name
 * @param {Content} value
 * @param {string | null} [title]
 * @param {string | null} [tone]
 */
const fact = (name, value, title, tone) => el("div", {}, el("dt", {}, name), el("dd", { title, class: tone }, value));
/** "good" above the quote, "bad" below it, otherwise null. @param {number | null} bps */
export const toneOf = (bps) => (bps ? (bps > 0 ? "good" : "bad") : null);

/** The events of each attempt: a claim with a higher number begins a new one. @param {Order} order */
function attempts(order) {
  const events = [...order.events.values()].sort((one, other) => one.sequence - other.sequence);
  /** @type {OrderEvent[][]} */
  const all = [];
  let number = 0;
  for (const event of events) {
    if (!all.length || (event.attempt > number && number > 0)) all.push([]);
    if (event.attempt > number) number = event.attempt;
    all[all.length - 1].push(event);
  }
  return all;
}

/**
 * @param {OrderEvent[]} events
 * @param {Order} order
 * @param {number} count
 * @param {number} index
 */
function attemptView(events, order, count, index) {
  const last = events[events.length - 1];
  const over = last.error || index < count - 1;
  const steps = el(
    "ol",
    { class: "timeline" },
    events.map((event) => stepView(event, order)),
    !over && ahead(last.status),
  );
  if (count === 1 && (!last.error || last.terminal)) return el("section", { "aria-label": "Steps" }, steps);
  const number = Math.max(1, last.attempt);
  if (index === count - 1) return el("section", { class: "attempt" }, el("h3", {}, `Attempt ${number}`), steps);
  return el(
    "details",
    { class: "attempt" },
    el(
      "summary",
      {},
      el("strong", {}, `Attempt ${number}`),
      " ",
      last.error ? sentence(last.error.message) : "It was interrupted.",
      last.error && [" ", el("code", {}, last.error.code)],
    ),
    steps,
  );
}

/**
 * @param {OrderEvent} event
 * @param {Order} order
 */
function stepView(event, order) {
  const before = order.events.get(event.sequence - 1);
  const current = event.sequence === order.sequence && !event.terminal;
  const retry = event.error && !event.terminal;
  const { words = "", tone } = STATUSES[event.status] ?? {};
  return el(
    "li",
    {
      class: "step",
      "data-step": event.status,
      "data-tone": tone,
      "data-retry": Boolean(retry),
      "aria-current": current && "step",
    },
    el(
      "div",
      { class: "step-head" },
      el("span", { class: "step-name" }, statusName(event.status)),
      el("span", { class: "step-words" }, retry ? "The attempt failed, another one follows" : words),
      el("time", { datetime: event.at, title: event.at }, preciseClock(event.at)),
      el("span", { class: "step-took" }, before ? `+${duration(Date.parse(event.at) - Date.parse(before.at))}` : ""),
    ),
    el("div", { class: "step-body" }, stepDetails(event, order, current)),
  );
}

/**
 * @param {OrderEvent} event
 * @param {Order} order
 * @param {boolean} current
 */
function stepDetails(event, order, current) {
  if (event.amountOut) return fillDetails(event, event.amountOut, order);
  if (event.terminal) return null; // the reason is shown at the top
  if (event.error) {
    const due = new Date(Date.parse(event.at) + (event.retryInSeconds ?? 0) * 1000).toISOString();
    return [
      failure(event.error),
      event.retryInSeconds !== undefined &&
        current &&
        el("p", { class: "countdown" }, `Attempt ${event.attempt + 1} `, tick(el("span", { "data-until": due }))),
    ];
  }
  if (event.txHash) {
    return el(
      "dl",
      { class: "facts" },
      event.minAmountOut && fact("At least", `${exact(event.minAmountOut)} ${order.tokenOut}`, event.minAmountOut),
      el(
        "div",
        { class: "hash" },
        el("dt", {}, "Transaction"),
        el("dd", {}, el("code", { title: event.txHash }, event.txHash), copyButton(event.txHash, "transaction hash")),
      ),
    );
  }
  return event.route ? quoteCards(event.route, order.tokenIn, order.tokenOut) : null;
}

/**
 * @param {OrderEvent} event
 * @param {string} amountOut
 * @param {Order} order
 */
function fillDetails(event, amountOut, order) {
  const bps = fillBps(event);
  return el(
    "p",
    {},
    el("strong", {}, `${exact(amountOut)} ${order.tokenOut}`),
    " received",
    bps !== null && [", ", el("span", { class: toneOf(bps) }, comparison(bps))],
    ".",
  );
}

/** How a fill compares with its quote. @param {number} bps */
const comparison = (bps) =>
  bps === 0 ? "exactly as quoted" : `${unsignedBps(bps)} ${bps > 0 ? "better" : "worse"} than quoted`;

/** The steps that have not happened yet. @param {string} status */
function ahead(status) {
  const steps = [];
  for (let step = STATUSES[status]?.next; step; step = STATUSES[step].next) steps.push(step);
  return steps.map((step) =>
    el(
      "li",
      { class: "step ahead", "data-ahead": step },
      el(
        "div",
        { class: "step-head" },
        el("span", { class: "step-name" }, statusName(step)),
        el("span", { class: "step-words" }, STATUSES[step].words),
      ),
    ),
  );
}
