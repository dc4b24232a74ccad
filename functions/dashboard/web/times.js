// @ts-check
// Human-readable times, by the server's clock, because this machine's may be wrong.
/** @import { Order } from "./types.d.ts" */

let offset = 0;

/**
 * Learn this clock's offset from a response's Date header, which is precise to a second.
 * @param {string | null} header
 */
export function learnTime(header) {
  const apart = Date.parse(header ?? "") + 500 - Date.now();
  if (Number.isFinite(apart)) offset = Math.abs(apart) > 2000 ? apart : 0;
}

/** Milliseconds since 1970 at the server. */
export const serverNow = () => Date.now() + offset;

/** How long after being placed an order that rests may expire, in seconds. */
export const LIFETIMES = { "1 hour": 3600, "1 day": 86_400, "7 days": 604_800, "30 days": 2_592_000 };

/** The time in so many seconds. @param {number} seconds */
export const timeIn = (seconds) => new Date(serverNow() + seconds * 1000).toISOString();

/** How long an order took, in milliseconds; one that rested, from the price that activated it. @param {Order} order */
export function timeTaken({ createdAt, triggeredBy, updatedAt }) {
  const start = Math.max(Date.parse(createdAt), triggeredBy ? Date.parse(triggeredBy.at) : 0);
  return Date.parse(updatedAt) - start;
}

/** "320 ms", "2.91 s", "1 min 12 s", "3 h 20 min", "6 d 23 h". @param {number} milliseconds */
export function duration(milliseconds) {
  const ms = Math.max(0, Math.round(milliseconds));
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.round((ms % 60_000) / 1000)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** @type {Intl.DateTimeFormatOptions} */
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };

/** "14:03:22", preceded by the date unless it is today. @param {string} timestamp */
export function clock(timestamp) {
  const at = new Date(timestamp);
  const time = at.toLocaleTimeString("en-GB", CLOCK);
  if (at.toDateString() === new Date().toDateString()) return time;
  return `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`;
}

/** "14:03:22.120". @param {string} timestamp */
export function preciseClock(timestamp) {
  return new Date(timestamp).toLocaleTimeString("en-GB", { ...CLOCK, fractionalSecondDigits: 3 });
}

/** Make every element with data-since count up, and every one with data-until count down. */
export function startTicking() {
  const step = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 100;
  setInterval(() => {
    /** @type {NodeListOf<HTMLElement>} */
    const counting = document.querySelectorAll("[data-since], [data-until]");
    counting.forEach(tick);
  }, step);
}

/**
 * Update the text of a counting element.
 * @template {HTMLElement} T
 * @param {T} element
 */
export function tick(element) {
  const { since, until } = element.dataset;
  if (since) {
    const elapsed = serverNow() - Date.parse(since);
    element.textContent = elapsed < 60_000 ? `${(Math.max(0, elapsed) / 1000).toFixed(1)} s` : duration(elapsed);
  } else if (until) {
    const left = Math.ceil((Date.parse(until) - serverNow()) / 1000);
    element.textContent = left <= 0 ? "now" : `in ${left < 60 ? `${left} s` : duration(left * 1000)}`;
  }
  return element;
}
