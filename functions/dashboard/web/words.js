// Names and sentences as people read them.
import { exact } from "./decimals.js";

/** With a capital at its beginning. */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** "raydium" → "Raydium". */
export const venueName = sentence;

/** "confirmed" → "Confirmed". */
export const statusName = sentence;

/** "1 SOL → USDC". */
export const swapName = ({ amount, tokenIn, tokenOut }) => `${exact(amount)} ${tokenIn} → ${tokenOut}`;
