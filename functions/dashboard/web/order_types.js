// @ts-check
// The types of an order: their only definition in this page.
/** @import { Order, Pair, Prices } from "./types.d.ts" */
import { exact } from "./decimals.js";

/**
 * `priceField`: the field that has the trigger price, in tokenOut per tokenIn; `waits`: what an order of this type
 * waits for. A type that is missing here, because the engine is newer, is shown by its name alone.
 * @type {Record<string, { priceField?: keyof Prices, waits?: (rate: string, pair: Pair) => string }>}
 */
export const TYPES = {
  market: {},
  limit: { priceField: "limitPrice", waits: (rate) => `Waits until the market pays at least ${rate}.` },
  stop: { priceField: "stopPrice", waits: (rate) => `Waits until the market pays no more than ${rate}.` },
  sniper: { waits: (_, { tokenIn, tokenOut }) => `Waits until a venue lists ${tokenIn} for ${tokenOut}.` },
};

/** The trigger price, if the order has one. @param {Prices} order */
export const priceOf = ({ limitPrice, stopPrice }) => limitPrice ?? stopPrice;

/**
 * The trigger price of an order as a field of its type.
 * @param {string} orderType
 * @param {string | undefined} price
 * @returns {Prices}
 */
export function pricesOf(orderType, price) {
  const field = TYPES[orderType]?.priceField;
  return field && price !== undefined ? { [field]: price } : {};
}

/** "150 USDC per SOL". @param {string} price @param {Pair} pair */
export const rate = (price, { tokenIn, tokenOut }) => `${exact(price)} ${tokenOut} per ${tokenIn}`;

/**
 * What a resting order with this trigger price waits for.
 * @param {Order} order
 * @param {string | undefined} price
 */
export const waitsFor = (order, price) =>
  TYPES[order.orderType]?.waits?.(price === undefined ? "" : rate(price, order), order) ?? "Waits for the market.";
