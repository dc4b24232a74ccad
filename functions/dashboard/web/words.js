// Human-readable names and sentences.
import { exact } from "./decimals.js";

/** Capitalized. */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** "raydium" → "Raydium". */
export const venueName = sentence;

/** "confirmed" → "Confirmed". */
export const statusName = sentence;

/** "1 SOL → USDC". */
export const swapName = ({ amount, tokenIn, tokenOut }) => `${exact(amount)} ${tokenIn} → ${tokenOut}`;
