// @ts-check
// Exact arithmetic with amounts, which are decimal strings, as integers in units of 10^-18.

const SCALE = 18;
const ONE = 10n ** BigInt(SCALE);

/** "1.5" → 1500000000000000000n; null if it is not a plain decimal. @param {string | undefined} text */
export function units(text) {
  const match = /^(\d+)(?:\.(\d*))?$/.exec(text ?? "");
  return match && (match[2] ?? "").length <= SCALE ? BigInt(match[1] + (match[2] ?? "").padEnd(SCALE, "0")) : null;
}

/** As `units`, for an amount that is known to be one. @param {string} text */
function known(text) {
  const amount = units(text);
  if (amount === null) throw new TypeError(`not an amount: ${text}`);
  return amount;
}

/** 1500000000000000000n → "1.5". @param {bigint} amount */
export function plain(amount) {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(SCALE + 1, "0");
  const fraction = digits.slice(-SCALE).replace(/0+$/, "");
  return `${amount < 0n ? "−" : ""}${digits.slice(0, -SCALE)}${fraction && `.${fraction}`}`;
}

/**
 * How much more `amount` is than `base`, in bps; a number, negative when it is less.
 * @param {string} amount
 * @param {string | undefined} base
 */
export function bpsAbove(amount, base) {
  const [above, below] = [units(amount), units(base)];
  return above === null || !below ? null : Number(((above - below) * 1_000_000n) / below) / 100;
}

/**
 * The minimum payout: `bps` below `amount`, rounded down to the token's decimals.
 * @param {string} amount
 * @param {number} bps
 * @param {number} decimals
 */
export function lessBps(amount, bps, decimals) {
  const step = 10n ** BigInt(SCALE - decimals);
  return plain(((known(amount) * BigInt(10_000 - bps)) / 10_000n / step) * step);
}

/**
 * The product, rounded down to 18 decimals; null if one of the two is not a plain decimal.
 * @param {string | undefined} one
 * @param {string | undefined} other
 */
export function product(one, other) {
  const [left, right] = [units(one), units(other)];
  return left === null || right === null ? null : plain((left * right) / ONE);
}

/**
 * The exact difference between two amounts, without a sign.
 * @param {string} one
 * @param {string} other
 */
export function difference(one, other) {
  const apart = known(one) - known(other);
  return plain(apart < 0n ? -apart : apart);
}

/**
 * For display: about nine digits, or six significant ones if the amount is below 1. Truncated, never rounded up.
 * @param {string} text
 */
export function readable(text) {
  const [whole, fraction = ""] = exact(text).split(".");
  const leading = whole === "0" ? fraction.length - fraction.replace(/^0+/, "").length : 0;
  const decimals = leading + Math.min(6, Math.max(2, 9 - whole.replaceAll(",", "").length));
  const kept = fraction.slice(0, decimals).replace(/0+$/, "");
  return whole + (kept && `.${kept}`);
}

/** Every digit, with thousands separators. @param {string} text */
export function exact(text) {
  const [whole, fraction] = text.split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (fraction ? `.${fraction}` : "");
}

/** "+1.25 bps". @param {number} bps */
export const signedBps = (bps) => `${signOf(bps)}${unsignedBps(bps)}`;

/** 125 → "+1.25 %". @param {number} bps */
export const signedPercent = (bps) => `${signOf(bps)}${unsignedPercent(bps)}`;

/** 125 → "1.25 %". @param {number} bps */
export const unsignedPercent = (bps) => `${Math.abs(bps / 100).toLocaleString("en", PERCENT)} %`;

const PERCENT = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
/** @param {number} value */
const signOf = (value) => (value > 0 ? "+" : value < 0 ? "−" : "±");

/** "1.25 bps". @param {number} bps */
export function unsignedBps(bps) {
  const size = Math.abs(bps);
  return `${size.toFixed(size < 10 ? 2 : 1)} bps`;
}
