// The form that places an order, with the venues' current quotes for it.
import { lessBps, readable, units } from "./decimals.js";
import { announce, byId, el } from "./dom.js";
import { Problem, withRetry } from "./http.js";
import { quoteCards } from "./quotes.js";
import { sentence } from "./words.js";

const FIELDS = ["tokenIn", "tokenOut", "amount", "slippageBps"];
const TYPING = 300; // a pause in typing after which quotes are requested
const REFRESH = 10_000;
const LOOKED_AT = 120_000; // quotes are refreshed for this long after the last input
const PLACE_AGAIN = "It may have been placed. Place it again: it will not be placed twice.";

const tradeOf = ({ tokenIn, tokenOut, amount }) => `${amount} ${tokenIn} ${tokenOut}`;

export class Ticket {
  #api = null;
  #onPlaced;
  #tokens = [];
  #quoting = null;
  #timer = null;
  #touched = 0;
  #quoted = null; // the trade of the shown quotes, and the best quote's payout
  #placing = false;
  #intent = null; // the order being placed, with its clientOrderId, until the engine has answered

  /** `onPlaced` is called with the accepted order. */
  constructor(onPlaced) {
    this.#onPlaced = onPlaced;
    const form = byId("ticket");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#place();
    });
    form.addEventListener("input", ({ target }) => this.#changed(target.id, TYPING));
    byId("swap").addEventListener("click", () => {
      [byId("tokenIn").value, byId("tokenOut").value] = [byId("tokenOut").value, byId("tokenIn").value];
      this.#changed("tokenIn");
    });
    for (const preset of form.querySelectorAll("[data-bps]")) {
      preset.addEventListener("click", () => {
        byId("slippageBps").value = preset.dataset.bps;
        this.#changed("slippageBps");
      });
    }
    byId("quotes-refresh").addEventListener("click", () => this.#quoteSoon(0));
    document.addEventListener("visibilitychange", () => document.hidden || this.#quoteSoon(0));
    this.#showLimits();
  }

  /** Use this account's API. */
  async use(api) {
    this.#api = api;
    try {
      this.#showTokens((await withRetry(() => api.tokens(), 8)).tokens);
      this.#quoteSoon(0);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#showErrors(error);
    }
  }

  #showTokens(tokens) {
    if (this.#tokens.length) return;
    this.#tokens = tokens;
    for (const [field, preferred] of [
      ["tokenIn", "SOL"],
      ["tokenOut", "USDC"],
    ]) {
      byId(field).replaceChildren(
        ...tokens.map(({ symbol, mint }) => el("option", { value: symbol, title: mint }, symbol)),
      );
      if (tokens.some(({ symbol }) => symbol === preferred)) byId(field).value = preferred;
    }
    byId("amount-unit").textContent = byId("tokenIn").value;
  }

  #order() {
    const slippage = byId("slippageBps").value.trim();
    return {
      tokenIn: byId("tokenIn").value,
      tokenOut: byId("tokenOut").value,
      amount: byId("amount").value.trim(),
      slippageBps: /^\d{1,9}$/.test(slippage) ? Number(slippage) : slippage,
    };
  }

  #changed(field, pause = 0) {
    this.#intent = null;
    this.#showErrors(null);
    byId("amount-unit").textContent = byId("tokenIn").value;
    this.#showLimits();
    if (field !== "slippageBps") this.#quoteSoon(pause);
  }

  /** The order's minimum payout, or null: without quotes for exactly this trade, the page promises nothing. */
  #least() {
    if (this.#intent) return this.#intent.minAmountOut ?? null;
    const { slippageBps, ...trade } = this.#order();
    if (this.#quoted?.trade !== tradeOf(trade)) return null;
    if (typeof slippageBps !== "number" || slippageBps > 10_000) return null;
    const { decimals } = this.#tokens.find(({ symbol }) => symbol === trade.tokenOut);
    const least = lessBps(this.#quoted.amountOut, slippageBps, decimals);
    return units(least) > 0n ? least : null;
  }

  #showLimits() {
    for (const preset of document.querySelectorAll("[data-bps]")) {
      preset.setAttribute("aria-pressed", preset.dataset.bps === byId("slippageBps").value.trim());
    }
    const least = this.#least();
    byId("least").textContent =
      least && `You get at least ${readable(least)} ${byId("tokenOut").value}, or nothing is swapped.`;
  }

  #quoteSoon(pause) {
    this.#touched = Date.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#quote(), pause);
  }

  async #quote() {
    this.#quoting?.abort();
    const { tokenIn, tokenOut, amount } = this.#order();
    if (!this.#api || !tokenIn) return;
    if (!amount) return this.#showQuotes(el("p", { class: "note" }, "Enter an amount to see what the venues pay."));
    const quoting = new AbortController();
    this.#quoting = quoting;
    byId("quotes").setAttribute("aria-busy", "true");
    try {
      const quotes = await this.#api.quotes({ tokenIn, tokenOut, amount }, quoting.signal);
      this.#quoted = { trade: tradeOf({ tokenIn, tokenOut, amount }), amountOut: quotes.quotes[0].amountOut };
      this.#showQuotes(...quoteCards(quotes, tokenIn, tokenOut));
    } catch (error) {
      if (quoting.signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      if (error.fields.length) this.#showErrors(error);
      const message = error.fields.length ? "No quotes until the order is valid." : sentence(error.message);
      this.#quoted = null;
      this.#showQuotes(el("p", { class: "refusal" }, message));
    }
    const worthIt = Date.now() - this.#touched < LOOKED_AT && !document.hidden;
    if (worthIt) this.#timer = setTimeout(() => this.#quote(), REFRESH);
  }

  #showQuotes(...content) {
    byId("quotes").replaceChildren(...content);
    byId("quotes").setAttribute("aria-busy", "false");
    this.#showLimits();
  }

  /** Every try has the same id, so that an order is not placed twice if a response is lost. */
  async #place() {
    if (this.#placing || !this.#api) return;
    const least = this.#least();
    this.#intent ??= {
      ...this.#order(),
      ...(least && { minAmountOut: least }),
      clientOrderId: crypto.randomUUID(),
    };
    const intent = this.#intent;
    this.#setPlacing(true);
    this.#showErrors(null);
    try {
      const order = await withRetry(() => this.#api.place(intent));
      this.#intent = null;
      this.#onPlaced(order);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (!error.passing) this.#intent = null;
      this.#showErrors(error, error.passing ? PLACE_AGAIN : "");
      FIELDS.map(byId)
        .find((input) => input.getAttribute("aria-invalid") === "true")
        ?.focus();
    } finally {
      this.#setPlacing(false);
      this.#showLimits();
    }
  }

  #setPlacing(placing) {
    this.#placing = placing;
    byId("place").setAttribute("aria-disabled", placing);
    byId("place").textContent = placing ? "Placing …" : "Place order";
  }

  /** Show each message next to its field, the rest above the button. */
  #showErrors(problem, advice = "") {
    const fields = problem?.fields ?? [];
    for (const field of FIELDS) {
      const text = fields
        .filter((error) => error.field === field)
        .map((error) => error.message)
        .join("; ");
      byId(`${field}-error`).textContent = text && `${byId(field).labels[0].firstChild.textContent.trim()} ${text}`;
      byId(field).setAttribute("aria-invalid", Boolean(text));
    }
    const rest = fields
      .filter((error) => !FIELDS.includes(error.field))
      .map(({ field, message }) => `${field} ${message}`);
    // The engine's message for an unknown outcome is meant for callers of the API.
    const text = problem?.code === "outcome_unknown" ? advice : `${problem?.message} ${advice}`;
    byId("ticket-error").textContent = problem && !fields.length ? text : rest.join("; ");
    const wrong = [...byId("ticket").querySelectorAll(".field-error:not(:empty)")];
    if (wrong.length) announce(wrong.map((error) => error.textContent).join(". "));
  }
}
