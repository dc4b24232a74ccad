// @ts-check
// How an order's trigger price compares with the market.
/** @import { FieldError, Order, Pair } from "./types.d.ts" */
/** @import { Problem } from "./http.js" */
import { bpsAbove, readable, signedPercent, unsignedPercent } from "./decimals.js";
import { TYPES, priceOf } from "./order_types.js";

/**
 * How far the market's price has to move until it activates the order; null for an order without a price, and while
 * the market's price is not known.
 * @param {Order} order
 * @param {string | undefined} market
 */
export function distance(order, market) {
  const price = priceOf(order);
  const bps = price === undefined ? null : bpsAbove(price, market);
  if (bps === null) return null;
  const reached = order.orderType === "stop" ? bps >= 0 : bps <= 0;
  return reached ? "reached" : signedPercent(bps);
}

/**
 * The market's price, and how far a price that is being entered is from it; empty while the market's is not known.
 * @param {string} price
 * @param {string | undefined} market
 * @param {Pair} pair
 */
export function marketSentence(price, market, { tokenIn, tokenOut }) {
  if (market === undefined) return "";
  const now = `The market pays ${readable(market)} ${tokenOut} per ${tokenIn} now`;
  const bps = bpsAbove(price, market);
  if (bps === null) return `${now}.`;
  const apart = bps === 0 ? "the same" : `${unsignedPercent(bps)} ${bps > 0 ? "above" : "below"} it`;
  return `${now}; your price is ${apart}.`;
}

/**
 * The problem's errors by field. A price out of range is an error of its field, too.
 * @param {Problem} problem
 * @param {Pair & { orderType: string }} order
 * @returns {FieldError[]}
 */
export function fieldErrors({ code, fields, marketPrice }, { orderType, tokenIn, tokenOut }) {
  const field = TYPES[orderType]?.priceField;
  if (code !== "price_out_of_range" || !field) return fields;
  const market = marketPrice ? `, which pays ${readable(marketPrice)} ${tokenOut} per ${tokenIn} now` : "";
  return [{ field, message: `is ${orderType === "stop" ? "not" : "far"} below the market${market}` }];
}
