// @ts-check
// The history of one order: its events, grouped by attempt.
/** @import { Order, OrderEvent, Terms } from "./types.d.ts" */
import { exact, readable, unsignedBps } from "./decimals.js";
import { copyButton, el } from "./dom.js";
import { fact, failure, fillBps, toneOf } from "./order_parts.js";
import { rate, waitsFor } from "./order_types.js";
import { quoteCards } from "./quotes.js";
import { STATUSES } from "./statuses.js";
import { clock, duration, preciseClock, tick } from "./times.js";
import { sentence, statusName, venueName } from "./words.js";

const WAITING = ["resting", "pending"];

/**
 * The events of each attempt. A new one begins after a failure from which the order goes on, and when another worker
 * claims an order whose attempt was interrupted. Attempt numbers repeat: an order that rests again has not used one up.
 * @param {Order} order
 */
export function attempts(order) {
  const events = [...order.events.values()].sort((one, other) => one.sequence - other.sequence);
  /** @type {OrderEvent[][]} */
  const all = [];
  /** @type {OrderEvent | undefined} */
  let before;
  for (const event of events) {
    const interrupted = before && event.attempt > before.attempt && !WAITING.includes(before.status);
    if (!before || (before.error && !event.terminal) || interrupted) all.push([]);
    all[all.length - 1].push(event);
    before = event;
  }
  return all;
}

/**
 * One of an order's attempts, of which there are `count`.
 * @param {OrderEvent[]} events
 * @param {Order} order
 * @param {number} count
 * @param {number} index
 */
export function attemptView(events, order, count, index) {
  const last = events[events.length - 1];
  const over = last.error || index < count - 1;
  const steps = el(
    "ol",
    { class: "timeline" },
    events.map((event) => stepView(event, order)),
    !over && ahead(last.status),
  );
  if (count === 1 && (!last.error || last.terminal)) return el("section", { "aria-label": "Steps" }, steps);
  const name = nameOf(events);
  if (index === count - 1) return el("section", { class: "attempt" }, el("h3", {}, name), steps);
  return el(
    "details",
    { class: "attempt" },
    el(
      "summary",
      {},
      el("strong", {}, name),
      " ",
      last.error ? sentence(last.error.message) : "It was interrupted.",
      last.error && [" ", el("code", {}, last.error.code)],
    ),
    steps,
  );
}

/** @param {OrderEvent[]} events */
function nameOf(events) {
  if (events.every(({ status }) => WAITING.includes(status))) return "Waiting";
  const number = Math.max(1, ...events.map(({ attempt }) => attempt));
  return `Attempt ${number}${events[events.length - 1].status === "resting" ? ", not counted" : ""}`;
}

/**
 * @param {OrderEvent} event
 * @param {Order} order
 */
function stepView(event, order) {
  const before = order.events.get(event.sequence - 1);
  const current = event.sequence === order.sequence && !event.terminal;
  return el(
    "li",
    {
      class: "step",
      "data-step": event.status,
      "data-tone": STATUSES[event.status]?.tone,
      "data-retry": Boolean(event.error && !event.terminal),
      "aria-current": current && "step",
    },
    el(
      "div",
      { class: "step-head" },
      el("span", { class: "step-name" }, statusName(event.status)),
      el("span", { class: "step-words" }, wordsOf(event, before)),
      el("time", { datetime: event.at, title: event.at }, preciseClock(event.at)),
      el("span", { class: "step-took" }, before ? `+${duration(Date.parse(event.at) - Date.parse(before.at))}` : ""),
    ),
    el("div", { class: "step-body" }, stepDetails(event, order, before, current)),
  );
}

/**
 * What has happened, in a few words.
 * @param {OrderEvent} event
 * @param {OrderEvent | undefined} before
 */
function wordsOf(event, before) {
  if (event.status === "resting" && event.error) return "The price was gone, waiting for it again";
  if (event.status === "resting" && before?.status === "resting") return "Replaced";
  if (event.status === "submitted" && event.cancelRequested) return "Cancellation requested";
  if (event.status === "cancelled" && event.cancelRequested) return "Cancelled after its transaction did not land";
  if (event.triggeredBy) return "Triggered, waiting in the queue";
  if (event.error && !event.terminal) return "The attempt failed, another one follows";
  return STATUSES[event.status]?.words ?? "";
}

/**
 * @param {OrderEvent} event
 * @param {Order} order
 * @param {OrderEvent | undefined} before
 * @param {boolean} current
 */
function stepDetails(event, order, before, current) {
  if (event.amountOut) return fillDetails(event, event.amountOut, order);
  if (event.terminal) return null; // the reason is shown at the top
  if (event.error) return [failure(event.error), current && countdown(event)];
  if (event.status === "resting") return el("p", {}, restingSentence(event, order, before));
  if (event.triggeredBy) {
    const { price, source, at } = event.triggeredBy;
    const paid = `${venueName(source)} paid ${readable(price)} ${order.tokenOut} per ${order.tokenIn}`;
    return el("p", { title: rate(price, order) }, `${paid} at ${preciseClock(at)}.`);
  }
  if (event.cancelRequested) {
    return el("p", {}, "It was too late to stop the transaction. If that does not land, the order ends cancelled.");
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

/** When the order is tried again. @param {OrderEvent} event */
function countdown({ status, attempt, at, retryInSeconds }) {
  if (retryInSeconds === undefined) return null;
  const due = new Date(Date.parse(at) + retryInSeconds * 1000).toISOString();
  const what = status === "resting" ? "At its price, it is tried again " : `Attempt ${attempt + 1} `;
  return el("p", { class: "countdown" }, what, tick(el("span", { "data-until": due })));
}

/**
 * @param {OrderEvent} event
 * @param {Order} order
 * @param {OrderEvent | undefined} before
 */
const restingSentence = ({ terms }, order, before) =>
  terms && before?.terms && before.status === "resting"
    ? replacement(before.terms, terms, order)
    : waitsFor(order, terms?.triggerPrice);

/**
 * "Limit price 150 → 151 USDC per SOL, amount 1 → 2 SOL."
 * @param {Terms} old
 * @param {Terms} terms
 * @param {Order} order
 */
function replacement(old, terms, order) {
  const changes = [
    terms.triggerPrice !== old.triggerPrice &&
      `${order.orderType} price ${exact(old.triggerPrice ?? "")} → ${rate(terms.triggerPrice ?? "", order)}`,
    terms.amount !== old.amount && `amount ${exact(old.amount)} → ${exact(terms.amount)} ${order.tokenIn}`,
    terms.expiresAt !== old.expiresAt && `expiry ${clock(old.expiresAt)} → ${clock(terms.expiresAt)}`,
  ];
  return `${sentence(changes.filter(Boolean).join(", "))}.`;
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
