// Exact arithmetic with amounts, which are decimal strings, as integers in units of 10^-18.

const SCALE = 18;

/** "1.5" → 1500000000000000000n; null if it is not a plain decimal. */
export function units(text) {
  const match = /^(\d+)(?:\.(\d*))?$/.exec(text ?? "");
  return match && (match[2] ?? "").length <= SCALE ? BigInt(match[1] + (match[2] ?? "").padEnd(SCALE, "0")) : null;
}

/** 1500000000000000000n → "1.5". */
export function plain(amount) {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(SCALE + 1, "0");
  const fraction = digits.slice(-SCALE).replace(/0+$/, "");
  return `${amount < 0n ? "−" : ""}${digits.slice(0, -SCALE)}${fraction && `.${fraction}`}`;
}

/** How much more `amount` is than `base`, in bps; a number, negative when it is less. */
export function bpsAbove(amount, base) {
  const [above, below] = [units(amount), units(base)];
  return above === null || !below ? null : Number(((above - below) * 1_000_000n) / below) / 100;
}

/** The minimum payout: `bps` below `amount`, rounded down to the token's decimals. */
export function lessBps(amount, bps, decimals) {
  const step = 10n ** BigInt(SCALE - decimals);
  return plain(((units(amount) * BigInt(10_000 - bps)) / 10_000n / step) * step);
}

/** The exact difference between two amounts, without a sign. */
export function difference(one, other) {
  const apart = units(one) - units(other);
  return plain(apart < 0n ? -apart : apart);
}

/** For display: about nine digits, or six significant ones if the amount is below 1. Truncated, never rounded up. */
export function readable(text) {
  const [whole, fraction = ""] = exact(text).split(".");
  const leading = whole === "0" ? /^0*/.exec(fraction)[0].length : 0;
  const decimals = leading + Math.min(6, Math.max(2, 9 - whole.replaceAll(",", "").length));
  const kept = fraction.slice(0, decimals).replace(/0+$/, "");
  return whole + (kept && `.${kept}`);
}

/** Every digit, with thousands separators. */
export function exact(text) {
  const [whole, fraction] = text.split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (fraction ? `.${fraction}` : "");
}

/** "+1.25 bps". */
export const signedBps = (bps) => `${bps > 0 ? "+" : bps < 0 ? "−" : "±"}${unsignedBps(bps)}`;

/** "1.25 bps". */
export function unsignedBps(bps) {
  const size = Math.abs(bps);
  return `${size.toFixed(size < 10 ? 2 : 1)} bps`;
}
