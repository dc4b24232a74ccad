// @ts-check
// Human-readable names and sentences.
/** @import { Trade } from "./types.d.ts" */
import { exact } from "./decimals.js";

/** Capitalized. @param {string} text */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** "raydium" → "Raydium". */
export const venueName = sentence;

/** "confirmed" → "Confirmed". */
export const statusName = sentence;

/** "1 SOL → USDC". @param {Trade} trade */
export const swapName = ({ amount, tokenIn, tokenOut }) => `${exact(amount)} ${tokenIn} → ${tokenOut}`;
