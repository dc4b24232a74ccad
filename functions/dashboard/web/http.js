// @ts-check
// The HTTP API. Every failure is a Problem.
/** @import { CancelledOrders, NewOrder, NewTerms, OrderDocument, Page } from "./types.d.ts" */
/** @import { ProblemDocument, Quotes, Token, Trade } from "./types.d.ts" */
import { learnTime } from "./times.js";

/**
 * What went wrong. `status` is 0 if there was no response; `fields` lists the invalid fields of a request; `order` is
 * the order whose status did not allow it, and `marketPrice` what the market pays if a price is out of range.
 */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {ProblemDocument} document
   */
  constructor(status, { code = "unknown", detail, message, errors = [], order, marketPrice } = {}) {
    super(detail ?? message ?? `The engine answered ${status}.`);
    this.status = status;
    this.code = code;
    this.fields = errors;
    this.order = order;
    this.marketPrice = marketPrice;
  }

  /** Whether the same request may succeed a moment later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** The API, with one account's key. */
export class Api {
  #key;
  #onRefused;

  /**
   * `onRefused` is called if the key is not valid, or no longer.
   * @param {string} key
   * @param {() => void} onRefused
   */
  constructor(key, onRefused = () => {}) {
    this.#key = key;
    this.#onRefused = onRefused;
  }

  /** @returns {Promise<{ tokens: Token[] }>} */
  tokens = () => this.#call("/api/tokens");

  /**
   * @param {Trade} trade
   * @param {AbortSignal} signal
   * @returns {Promise<Quotes>}
   */
  quotes = (trade, signal) => this.#call(`/api/quotes?${new URLSearchParams(trade)}`, { signal });

  /** @type {(orderId: string) => Promise<OrderDocument>} */
  order = (orderId) => this.#call(`/api/orders/${encodeURIComponent(orderId)}`);

  /**
   * A repeat with the same `clientOrderId` returns the same order instead of placing another one.
   * @param {NewOrder} order
   * @returns {Promise<OrderDocument>}
   */
  place = (order) => this.#send("POST", "/api/orders/execute", order);

  /** @type {(orderId: string, terms: NewTerms) => Promise<OrderDocument>} */
  replace = (orderId, terms) => this.#send("PATCH", `/api/orders/${orderId}`, terms);

  /** Cancelling a cancelled order again is not an error. @type {(orderId: string) => Promise<OrderDocument>} */
  cancel = (orderId) => this.#call(`/api/orders/${orderId}`, { method: "DELETE" });

  /** Cancel the orders that rest, as many as one call can. @returns {Promise<CancelledOrders>} */
  cancelResting = () => this.#call("/api/orders?status=resting", { method: "DELETE" });

  /**
   * A page of orders, newest first.
   * @param {{ status?: string, cursor?: string | null, limit?: number }} query
   * @returns {Promise<Page>}
   */
  page({ status, cursor, limit = 100 } = {}) {
    const query = new URLSearchParams({ limit: String(limit), ...(status && { status }), ...(cursor && { cursor }) });
    return this.#call(`/api/orders?${query}`);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} document
   */
  #send(method, path, document) {
    const headers = { "Content-Type": "application/json" };
    return this.#call(path, { method, headers, body: JSON.stringify(document) });
  }

  /**
   * @param {string} path
   * @param {{ method?: string, headers?: Record<string, string>, body?: string, signal?: AbortSignal }} options
   */
  async #call(path, { headers = {}, signal, ...options } = {}) {
    const timeout = AbortSignal.timeout(15_000);
    /** @type {Response | undefined} */
    let response;
    let document;
    try {
      response = await fetch(path, {
        ...options,
        headers: { ...headers, Authorization: `Bearer ${this.#key}` },
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        cache: "no-store",
      });
      learnTime(response.headers.get("Date"));
      document = await response.json();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem(response?.ok === false ? response.status : 0, {
        code: "unreachable",
        detail: "The engine cannot be reached.",
      });
    }
    if (response.ok) return document;
    if (response.status === 401 || response.status === 403) this.#onRefused();
    throw new Problem(response.status, document);
  }
}

/**
 * Retry with exponential backoff while the failure is transient.
 * @template T
 * @param {() => Promise<T>} call
 * @returns {Promise<T>}
 */
export async function withRetry(call, attempts = 4) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Problem && error.passing) || attempt >= attempts) throw error;
      await new Promise((wake) => setTimeout(wake, 400 * 2 ** (attempt - 1) * (0.5 + Math.random())));
    }
  }
}
