// One order: its facts, its outcome and every step.
import { complete } from "./order_store.js";
import { bpsAbove, exact, readable, signedBps, unsignedBps } from "./decimals.js";
import { announce, byId, copyButton, el, patch } from "./dom.js";
import { quoteCards } from "./quotes.js";
import { STATUSES } from "./statuses.js";
import { clock, duration, preciseClock, tick } from "./times.js";
import { sentence, statusName, swapName, venueName } from "./words.js";

/** A status as a coloured badge. */
export const badge = (status) =>
  el(
    "span",
    { class: "badge", "data-tone": STATUSES[status]?.tone },
    el("span", { class: "dot", "aria-hidden": "true" }),
    statusName(status),
  );

/** The route of the current attempt or of the fill; null between two attempts and for an order that ended unfilled. */
export const routeOf = ({ route, error, terminal, amountOut }) => (error || (terminal && !amountOut) ? null : route);

/** How much the fill is above the chosen quote, in bps; null without a fill. */
export function fillBps({ amountOut, route }) {
  const quote = route?.quotes.find(({ venue }) => venue === route.venue);
  return amountOut && quote ? bpsAbove(amountOut, quote.amountOut) : null;
}

export class OrderView {
  #orderId = null;
  #problem = null;
  #said = null;
  #retry;

  /** `retry` is called to read the order again. */
  constructor(retry) {
    this.#retry = retry;
  }

  /** Show another order, or none (null). */
  show(orderId) {
    [this.#orderId, this.#problem, this.#said] = [orderId, null, null];
  }

  /** The order's history was read (`problem` is null), or could not be read. */
  historyRead(orderId, problem) {
    if (orderId === this.#orderId) this.#problem = problem;
  }

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

  #say(order) {
    const news = `${swapName(order)}: ${order.status}${order.error ? `. ${sentence(order.error.message)}` : ""}`;
    if (this.#said !== null && this.#said !== news) announce(news);
    this.#said = news;
  }

  /** The content if there is no order to show. */
  #instead() {
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
    return part(
      `problem ${this.#problem.message}`,
      el("p", {}, `The order's steps could not be read. ${this.#problem.message}`),
      el("button", { type: "button", on: { click: this.#retry } }, "Try again"),
    );
  }
}

function facts(order) {
  const bps = fillBps(order);
  const route = routeOf(order);
  const quote = route?.quotes.find(({ venue }) => venue === route.venue);
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
        : quote && !order.terminal && fact("Quoted", `${exact(quote.amountOut)} ${order.tokenOut}`, quote.amountOut),
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

const failure = ({ code, message }) => el("p", { class: "failure" }, sentence(message), " ", el("code", {}, code));
const fact = (name, value, title, tone) => el("div", {}, el("dt", {}, name), el("dd", { title, class: tone }, value));
const toneOf = (bps) => (bps > 0 ? "good" : bps < 0 ? "bad" : null);

/** The events of each attempt: a claim with a higher number begins a new one. */
function attempts(order) {
  const events = [...order.events.values()].sort((one, other) => one.sequence - other.sequence);
  const all = [];
  let number = 0;
  for (const event of events) {
    if (!all.length || (event.attempt > number && number > 0)) all.push([]);
    if (event.attempt > number) number = event.attempt;
    all.at(-1).push(event);
  }
  return all;
}

function attemptView(events, order, count, index) {
  const last = events.at(-1);
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

function stepDetails(event, order, current) {
  if (event.amountOut) return fillDetails(event, order);
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
      fact("At least", `${exact(event.minAmountOut)} ${order.tokenOut}`, event.minAmountOut),
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

function fillDetails(event, order) {
  const bps = fillBps(event);
  const words = bps === 0 ? "exactly as quoted" : `${unsignedBps(bps)} ${bps > 0 ? "better" : "worse"} than quoted`;
  return el(
    "p",
    {},
    el("strong", {}, `${exact(event.amountOut)} ${order.tokenOut}`),
    " received, ",
    el("span", { class: toneOf(bps) }, words),
    ".",
  );
}

/** The steps that have not happened yet. */
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
