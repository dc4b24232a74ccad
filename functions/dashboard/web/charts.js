// @ts-check
// Three small charts of the orders that this page has loaded, each with its numbers as text.
/** @import { Content, Order } from "./types.d.ts" */
import { byId, el, svg } from "./dom.js";
import { ENDS, STATUSES } from "./statuses.js";
import { duration, serverNow, timeTaken } from "./times.js";
import { venueName } from "./words.js";

const MINUTES = 30;
const WIDTH = 320;
const OPEN = "open";
const OUTCOMES = [...ENDS, OPEN];

/** Draw all charts. @param {Order[]} orders */
export function renderCharts(orders) {
  const count = orders.length === 1 ? "one order" : `${orders.length.toLocaleString("en")} orders`;
  byId("charts-note").textContent = `Computed from the ${count} loaded on this page, live.`;
  const filled = orders.filter(({ amountOut }) => amountOut);
  byId("chart-rate").replaceChildren(rate(orders));
  byId("chart-latency").replaceChildren(latency(filled));
  byId("chart-venues").replaceChildren(venues(filled));
}

/** @param {Order} order */
const outcomeOf = ({ status }) => (ENDS.includes(status) ? status : OPEN);
/** @param {string} outcome */
const kindOf = (outcome) => STATUSES[outcome]?.tone ?? outcome;
/** @returns {Record<string, number>} */
const none = () => Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]));
/** @param {string} text */
const nothing = (text) => el("p", { class: "note" }, text);

/** @param {Order[]} orders */
function rate(orders) {
  const thisMinute = Math.floor(serverNow() / 60_000);
  const minutes = Array.from({ length: MINUTES }, none);
  const totals = none();
  for (const order of orders) {
    const ago = Math.max(0, thisMinute - Math.floor(Date.parse(order.createdAt) / 60_000));
    if (ago >= MINUTES) continue;
    minutes[MINUTES - 1 - ago][outcomeOf(order)] += 1;
    totals[outcomeOf(order)] += 1;
  }
  /** @param {Record<string, number>} counts */
  const sum = (counts) => OUTCOMES.reduce((total, outcome) => total + counts[outcome], 0);
  const highest = Math.max(...minutes.map(sum));
  if (!highest) return nothing("No orders in the last 30 minutes.");
  const [top, bottom, left] = [14, 84, 26];
  const step = (WIDTH - left) / MINUTES;
  const bars = minutes.flatMap((counts, index) => {
    let y = bottom;
    return OUTCOMES.filter((outcome) => counts[outcome]).map((outcome) => {
      const height = (counts[outcome] / highest) * (bottom - top);
      y -= height;
      const time = new Date((thisMinute - (MINUTES - 1 - index)) * 60_000).toLocaleTimeString("en-GB", {
        hour: "2-digit",
        minute: "2-digit",
      });
      return svg(
        "rect",
        { class: `bar ${kindOf(outcome)}`, x: left + index * step + 1, y, width: step - 2, height },
        svg("title", {}, `${time}: ${counts[outcome]} ${outcome}`),
      );
    });
  });
  const entries = OUTCOMES.filter((outcome) => totals[outcome]).map((outcome) => ({
    kind: kindOf(outcome),
    text: `${totals[outcome]} ${outcome}`,
  }));
  const summary = entries.map(({ text }) => text).join(", ");
  return el(
    "div",
    {},
    drawing(102, `Orders per minute in the last ${MINUTES} minutes: ${summary}; at most ${highest} in one minute.`, [
      svg("line", { class: "axis", x1: left, x2: WIDTH, y1: bottom + 0.5, y2: bottom + 0.5 }),
      svg("line", { class: "grid", x1: left, x2: WIDTH, y1: top + 0.5, y2: top + 0.5 }),
      label(left - 6, top + 4, highest, "end"),
      label(left - 6, bottom + 1, 0, "end"),
      label(left, 100, "30 min ago", "start"),
      label(WIDTH, 100, "now", "end"),
      bars,
    ]),
    legend(entries),
  );
}

/** @param {Order[]} filled */
function latency(filled) {
  const times = filled
    .map(timeTaken)
    .sort((one, other) => one - other);
  if (!times.length) return nothing("Nothing confirmed yet.");
  /** @param {number} share */
  const quantile = (share) => times[Math.max(0, Math.ceil(share * times.length) - 1)];
  const [p50, p99, longest] = [quantile(0.5), quantile(0.99), Math.max(1, times[times.length - 1])];
  /** @type {number[]} */
  const bins = Array(24).fill(0);
  for (const time of times) bins[Math.min(bins.length - 1, Math.floor((time / longest) * bins.length))] += 1;
  const [top, bottom, tallest] = [6, 52, Math.max(...bins)];
  const step = WIDTH / bins.length;
  /** @param {number} value */
  const at = (value) => Math.min(WIDTH - 1, Math.max(1, (value / longest) * WIDTH));
  /**
   * @param {number} value
   * @param {string} name
   */
  const mark = (value, name) =>
    svg("line", { class: `mark ${name}`, x1: at(value), x2: at(value), y1: top - 4, y2: bottom });
  return el(
    "div",
    {},
    el(
      "dl",
      { class: "figures" },
      figureOf("p50", duration(p50)),
      figureOf("p99", duration(p99)),
      figureOf("orders", times.length.toLocaleString("en")),
    ),
    drawing(
      70,
      `Time from placing, or from the price that activated it, to confirmation of ${times.length} orders: half within ${duration(p50)}, 99 % within ${duration(p99)}, the longest ${duration(longest)}.`,
      [
        bins.map((count, index) => {
          const height = count && Math.max(2, (count / tallest) * (bottom - top));
          return svg("rect", { class: "bar plain", x: index * step + 1, y: bottom - height, width: step - 2, height });
        }),
        svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: bottom + 0.5, y2: bottom + 0.5 }),
        mark(p50, "p50"),
        mark(p99, "p99"),
        label(0, 67, "0 s", "start"),
        label(WIDTH, 67, duration(longest), "end"),
      ],
    ),
  );
}

/** @param {Order[]} filled */
function venues(filled) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { route } of filled) if (route) counts.set(route.venue, (counts.get(route.venue) ?? 0) + 1);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (!total) return nothing("Nothing confirmed yet.");
  const shares = [...counts].sort(([one], [other]) => (one < other ? 1 : -1));
  /** @param {number} count */
  const percent = (count) => `${Math.round((count / total) * 100)} %`;
  let x = 0;
  const parts = shares.map(([, count], index) => {
    const width = (count / total) * WIDTH;
    const part = svg("rect", {
      class: `share share-${index % 4}`,
      x,
      y: 0,
      width: Math.max(1, width - 2),
      height: 16,
      rx: 3,
    });
    x += width;
    return part;
  });
  const texts = shares.map(([venue, count]) => `${venueName(venue)} ${percent(count)} (${count})`);
  return el(
    "div",
    {},
    drawing(16, `Share of ${total} fills: ${texts.join(", ")}.`, parts),
    legend(texts.map((text, index) => ({ kind: `share-${index % 4}`, text }))),
  );
}

/**
 * @param {number} height
 * @param {string} description
 * @param {Content[]} content
 */
const drawing = (height, description, content) =>
  svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": description }, content);
/**
 * @param {number} x
 * @param {number} y
 * @param {string | number} text
 * @param {"start" | "end"} anchor
 */
const label = (x, y, text, anchor) => svg("text", { x, y, "text-anchor": anchor }, String(text));
/** @param {{ kind: string, text: string }[]} entries */
const legend = (entries) =>
  el(
    "ul",
    { class: "legend" },
    entries.map(({ kind, text }) => el("li", {}, el("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), text)),
  );
/**
 * @param {string} name
 * @param {string} value
 */
const figureOf = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
