// @ts-check
// The table of the account's orders.
/** @import { Listing } from "./listing.js" */
/** @import { Order } from "./types.d.ts" */
import { readable, signedBps } from "./decimals.js";
import { byId, el, patch } from "./dom.js";
import { badge, cancelButton, fillBps, routeOf, toneOf } from "./order_parts.js";
import { clock, duration, timeTaken } from "./times.js";
import { sentence, swapName, venueName } from "./words.js";

/**
 * Render the listing's orders; the selected one is marked.
 * @param {Listing} listing
 * @param {string | null} selected
 */
export function renderTable(listing, selected) {
  const orders = listing.orders();
  patch(
    byId("orders-body"),
    orders.map((order) => ({
      key: order.orderId,
      signature: `${order.sequence} ${order.orderId === selected}`,
      make: (changed) => row(order, order.orderId === selected, changed),
    })),
  );
  const empty = byId("orders-empty");
  empty.hidden = orders.length > 0 && listing.state !== "broken";
  empty.textContent = {
    loading: "Reading the orders …",
    broken: "The orders could not be read.",
    ready: listing.status ? `No ${listing.status} orders.` : "No orders yet. Place the first one.",
  }[listing.state];
  const more = byId("orders-more");
  more.hidden = listing.state !== "broken" && !listing.hasMore();
  more.textContent = { broken: "Try again", loading: "Loading …", ready: "Load more" }[listing.state];
}

/**
 * @param {Order} order
 * @param {boolean} selected
 * @param {boolean} changed
 */
function row(order, selected, changed) {
  const route = routeOf(order);
  const bps = fillBps(order);
  const took = order.terminal ? duration(timeTaken(order)) : cancelButton(order);
  const received = order.amountOut ? `${readable(order.amountOut)} ${order.tokenOut}` : "";
  return el(
    "tr",
    { "aria-current": selected && "true", "data-order": order.orderId, class: changed && "changed" },
    el("td", {}, el("time", { datetime: order.createdAt, title: order.createdAt }, clock(order.createdAt))),
    el(
      "td",
      { class: "wraps" },
      el("a", { href: `#/orders/${order.orderId}` }, swapName(order)),
      el("span", { class: "under" }, received || (order.error ? sentence(order.error.message) : "")),
    ),
    el("td", {}, badge(order.status)),
    el("td", { class: "optional" }, route ? venueName(route.venue) : ""),
    el("td", { class: "number optional", title: order.amountOut }, received),
    el("td", { class: `number optional ${toneOf(bps) ?? ""}` }, bps === null ? "" : signedBps(bps)),
    el("td", { class: "number optional actions" }, took),
  );
}
