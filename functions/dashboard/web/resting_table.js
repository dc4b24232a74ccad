// @ts-check
// The table of the account's resting orders.
/** @import { Listing } from "./listing.js" */
/** @import { Market } from "./market.js" */
/** @import { Order } from "./types.d.ts" */
import { readable } from "./decimals.js";
import { byId, el, patch } from "./dom.js";
import { cancelButton, editButton } from "./order_parts.js";
import { priceOf, rate } from "./order_types.js";
import { distance } from "./prices.js";
import { clock, tick } from "./times.js";
import { sentence, swapName } from "./words.js";

/**
 * Render the resting orders, with their distance to the market; the selected one is marked. Without any, the table is
 * hidden.
 * @param {Listing} resting
 * @param {Market} market
 * @param {string | null} selected
 */
export function renderResting(resting, market, selected) {
  const orders = resting.orders();
  const body = byId("resting-body");
  const focused = byId("resting").contains(document.activeElement);
  byId("resting").hidden = !orders.length && resting.state !== "broken";
  patch(
    body,
    orders.map((order) => ({
      key: order.orderId,
      signature: `${order.sequence} ${order.orderId === selected}`,
      make: (changed) => row(order, order.orderId === selected, changed),
    })),
  );
  orders.forEach((order, index) => {
    const cell = body.children[index].querySelector("[data-distance]");
    if (cell) cell.textContent = distance(order, market.price(order)) ?? "–";
  });
  const broken = byId("resting-broken");
  broken.hidden = resting.state !== "broken";
  const more = byId("resting-more");
  more.hidden = resting.state !== "broken" && !resting.hasMore();
  more.textContent = { broken: "Try again", loading: "Loading …", ready: "Load more" }[resting.state];
  // The row with the focus was removed: its order does not rest any more.
  if (focused && !byId("resting").contains(document.activeElement)) {
    byId(orders.length ? "resting-title" : "orders-title").focus({ preventScroll: true });
  }
}

/**
 * @param {Order} order
 * @param {boolean} selected
 * @param {boolean} changed
 */
function row(order, selected, changed) {
  const price = priceOf(order);
  const type = sentence(order.orderType);
  const until = clock(order.expiresAt);
  return el(
    "tr",
    { "aria-current": selected && "true", "data-order": order.orderId, class: changed && "changed" },
    el(
      "td",
      { class: "wraps" },
      el("a", { href: `#/orders/${order.orderId}` }, swapName(order)),
      el("span", { class: "under" }, `${type}${price ? ` at ${readable(price)}` : ""}, until ${until}`),
    ),
    el("td", { class: "optional" }, type),
    el("td", { class: "number optional", title: price && rate(price, order) }, price ? readable(price) : ""),
    el("td", { class: "number", "data-distance": true }),
    el("td", { class: "optional" }, tick(el("span", { "data-until": order.expiresAt, title: until }))),
    el("td", { class: "number actions" }, editButton(order), cancelButton(order)),
  );
}
