// @ts-check
// The venues' quotes side by side, and why the winner was chosen. Used by the ticket and by an order's history.
/** @import { Offer, Quote, Route } from "./types.d.ts" */
import { bpsAbove, difference, readable, unsignedBps } from "./decimals.js";
import { el } from "./dom.js";
import { sentence, venueName } from "./words.js";

/**
 * A route as cards, with a sentence that explains the choice.
 * @param {Route} route
 * @param {string} tokenIn
 * @param {string} tokenOut
 */
export function quoteCards({ venue, quotes }, tokenIn, tokenOut) {
  const cards = [...quotes]
    .sort((one, other) => (one.venue < other.venue ? 1 : -1))
    .map((quote) => {
      const wins = quote.venue === venue;
      return el(
        "li",
        { class: wins ? "quote wins" : "quote" },
        el("p", { class: "venue" }, venueName(quote.venue), wins && el("span", { class: "tag" }, "Best")),
        quote.error ? el("p", { class: "refusal" }, sentence(quote.error.message)) : offer(quote, tokenIn, tokenOut),
      );
    });
  return [el("ul", { class: "quote-pair" }, cards), el("p", { class: "why" }, reason(quotes, tokenOut))];
}

/**
 * @param {Offer} quote
 * @param {string} tokenIn
 * @param {string} tokenOut
 */
function offer(quote, tokenIn, tokenOut) {
  return [
    el(
      "p",
      { class: "payout", title: `${quote.amountOut} ${tokenOut}` },
      readable(quote.amountOut),
      " ",
      el("small", {}, tokenOut),
    ),
    el(
      "dl",
      { class: "terms" },
      term("Price", readable(quote.price), `${quote.price} ${tokenOut} per ${tokenIn}`),
      term("Fee", `${quote.feeBps} bps`),
      term("Impact", `${quote.priceImpactBps} bps`),
    ),
  ];
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} [title]
 */
const term = (name, value, title) => el("div", {}, el("dt", {}, name), el("dd", { title }, value));

/**
 * @param {Quote[]} quotes
 * @param {string} tokenOut
 */
function reason(quotes, tokenOut) {
  const [best, next] = quotes.filter((quote) => !quote.error);
  if (!next) return `Only ${venueName(best.venue)} gave a quote.`;
  const bps = bpsAbove(best.amountOut, next.amountOut);
  if (bps === 0 && best.amountOut === next.amountOut) return "Both pay the same; the first venue wins.";
  const more = `${readable(difference(best.amountOut, next.amountOut))} ${tokenOut}`;
  const share = bps === null ? "" : ` (${unsignedBps(bps)})`;
  return `${venueName(best.venue)} pays ${more}${share} more, after fee and price impact.`;
}
