// @ts-check
// Human-readable names and sentences.
/** @import { OrderDocument, Trade } from "./types.d.ts" */
import { exact } from "./decimals.js";

/** Capitalized. @param {string} text */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** "raydium" → "Raydium". */
export const venueName = sentence;

/** "confirmed" → "Confirmed". */
export const statusName = sentence;

/** "1 SOL → USDC". @param {Trade} trade */
export const swapName = ({ amount, tokenIn, tokenOut }) => `${exact(amount)} ${tokenIn} → ${tokenOut}`;

/** What has happened to an order that could not be cancelled or changed any more. @param {OrderDocument} order */
export function outcome({ status, terminal, amountOut, tokenOut, error, cancelRequested }) {
  if (amountOut) return `It was filled: ${exact(amountOut)} ${tokenOut} received.`;
  if (terminal) return `It is ${status}${error ? `: ${error.message}` : "."}`;
  if (cancelRequested) return "Its transaction is already sent. If that does not land, the order ends cancelled.";
  return status === "resting" ? "It has just expired." : `It was triggered and is ${status}.`;
}
