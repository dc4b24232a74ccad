// @ts-check
// One order: its facts, its outcome and every event.
/** @import { Content, Order, Part } from "./types.d.ts" */
/** @import { Problem } from "./http.js" */
import { exact, product, readable, signedBps, units } from "./decimals.js";
import { announce, byId, copyButton, el, patch } from "./dom.js";
import { badge, cancelButton, editButton, fact, failure, fillBps, routeOf, toneOf } from "./order_parts.js";
import { attempts, attemptView } from "./order_steps.js";
import { complete } from "./order_store.js";
import { priceOf, rate } from "./order_types.js";
import { clock, duration, tick, timeTaken } from "./times.js";
import { sentence, swapName, venueName } from "./words.js";

const MOST_ATTEMPTS = 20; // an order that rests again may be tried any number of times
const TOO_LATE = "Cancellation requested";

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
      ...attemptParts(order),
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
  const least = signed ? order.minAmountOut : floorOf(order);
  const price = priceOf(order);
  return el(
    "div",
    { class: "summary" },
    el(
      "p",
      { class: "row" },
      badge(order.status),
      order.status !== "resting" && el("span", { class: "took" }, elapsed(order)),
      el("span", { class: "actions" }, editButton(order), cancelButton(order) ?? (!order.terminal && TOO_LATE)),
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
      least && !order.amountOut && fact("At least", `${exact(least)} ${order.tokenOut}`, least),
      order.orderType !== "market" && fact("Type", sentence(order.orderType)),
      price && fact(`${sentence(order.orderType)} price`, rate(price, order), price),
      order.triggeredBy && fact("Triggered", clock(order.triggeredBy.at), order.triggeredBy.at),
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

/** @param {Order} order */
const elapsed = (order) =>
  order.terminal
    ? `in ${duration(timeTaken(order))}`
    : tick(el("span", { "data-since": order.triggeredBy?.at ?? order.createdAt }));

/**
 * The least that a swap may pay, before one is signed; undefined if only the slippage limits it.
 * @param {Order} order
 */
function floorOf({ floor, amount, limitPrice }) {
  const limit = product(amount, limitPrice) ?? undefined;
  return (units(limit) ?? 0n) > (units(floor) ?? 0n) ? limit : floor;
}

/** The latest attempts, each with its events. @param {Order} order @returns {Part[]} */
function attemptParts(order) {
  const all = attempts(order);
  const parts = all.map((attempt, index) => ({
    key: `attempt ${index}`,
    signature: `${order.orderId} ${attempt.map((event) => event.sequence)} ${index === all.length - 1 && complete(order)}`,
    make: () => attemptView(attempt, order, all.length, index),
  }));
  const hidden = all.length - MOST_ATTEMPTS;
  if (hidden <= 0) return parts;
  const note = `${hidden} earlier ${hidden === 1 ? "attempt is" : "attempts are"} not shown.`;
  return [{ key: "hidden", signature: note, make: () => el("p", { class: "note" }, note) }, ...parts.slice(hidden)];
}
