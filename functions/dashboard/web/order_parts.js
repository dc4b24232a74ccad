// @ts-check
// Parts of an order that several views show.
/** @import { Content, Facts, Failure, Order } from "./types.d.ts" */
import { bpsAbove } from "./decimals.js";
import { el } from "./dom.js";
import { STATUSES } from "./statuses.js";
import { sentence, statusName, swapName } from "./words.js";

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

/** @param {Failure} failure */
export const failure = ({ code, message }) =>
  el("p", { class: "failure" }, sentence(message), " ", el("code", {}, code));

/**
 * @param {string} name
 * @param {Content} value
 * @param {string | null} [title]
 * @param {string | null} [tone]
 */
export const fact = (name, value, title, tone) =>
  el("div", {}, el("dt", {}, name), el("dd", { title, class: tone }, value));

/** "good" above the quote, "bad" below it, otherwise null. @param {number | null} bps */
export const toneOf = (bps) => (bps ? (bps > 0 ? "good" : "bad") : null);

/** Cancels the order, see OrderActions; null if that is not possible any more. @param {Order} order */
export const cancelButton = (order) =>
  order.terminal || order.cancelRequested ? null : actionButton(order, "Cancel", { "data-cancel": order.orderId });

/** Opens the dialog that edits the order; null if the order does not rest. @param {Order} order */
export const editButton = (order) =>
  order.status === "resting" ? actionButton(order, "Edit", { "data-edit": order.orderId }) : null;

/**
 * @param {Order} order
 * @param {string} name
 * @param {Record<string, string>} data
 */
const actionButton = (order, name, data) =>
  el("button", { type: "button", class: "quiet", "aria-label": `${name} ${swapName(order)}`, ...data }, name);
