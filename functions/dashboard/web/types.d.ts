// The types of this page's modules, for the type checker and editors only. This file is not served.
// The documents are those of order_engine/contracts/views.py: a field that is not set is left out.
import type { Api, Problem } from "./http.js";
import type { Listing } from "./listing.js";
import type { OrderStore } from "./order_store.js";

export type Failure = { code: string; message: string };

/** A venue's quote, net of fee and price impact. */
export type Offer = {
  venue: string;
  amountOut: string;
  price: string;
  feeBps: string;
  priceImpactBps: string;
  error?: undefined;
};

/** The reason why a venue gave no quote. */
export type Refusal = { venue: string; error: Failure; amountOut?: undefined };

export type Quote = Offer | Refusal;

/** The chosen venue, and every venue's quote, best first. */
export type Route = { venue: string; quotes: Quote[] };

/** A pair's price at one moment, which activated an order; `source` is the venue that paid it. */
export type PriceSample = { price: string; source: string; at: string };

/** What can be replaced in an order that rests; `triggerPrice` is its limit or stop price, which a sniper has not. */
export type Terms = { amount: string; triggerPrice?: string; expiresAt: string };

/** What happened to an order: each field is set at its event and kept until another attempt begins. */
export type Facts = {
  route?: Route;
  txHash?: string;
  minAmountOut?: string;
  amountOut?: string;
  executedPrice?: string;
  error?: Failure;
  retryInSeconds?: number;
  terms?: Terms;
  triggeredBy?: PriceSample;
  cancelRequested?: boolean;
};

/** One event of an order. */
export type OrderEvent = Facts & {
  type: "status";
  orderId: string;
  sequence: number;
  status: string;
  attempt: number;
  at: string;
  terminal: boolean;
};

export type Pair = { tokenIn: string; tokenOut: string };
export type Trade = Pair & { amount: string };

/** The limit price of a limit order, or the stop price of a stop order, in tokenOut per tokenIn. */
export type Prices = { limitPrice?: string; stopPrice?: string };

/** An order as the engine sends it; without `updatedAt` when it was just accepted, and with `events` if asked for. */
export type OrderDocument = Facts &
  Trade &
  Prices & {
    orderId: string;
    clientOrderId?: string;
    orderType: string;
    slippageBps: number;
    expiresAt: string;
    createdAt: string;
    updatedAt?: string;
    status: string;
    sequence: number;
    attempt: number;
    terminal: boolean;
    events?: OrderEvent[];
  };

/** An order as the store keeps it: with its known events by sequence, and `floor`, the requested minimum payout. */
export type Order = Omit<OrderDocument, "events" | "updatedAt"> & {
  updatedAt: string;
  floor?: string;
  events: Map<number, OrderEvent>;
};

/** An order to place; `slippageBps` as it was typed if it is not a number, so that the engine rejects it. */
export type NewOrder = Trade &
  Prices & {
    orderType: string;
    slippageBps: number | string;
    minAmountOut?: string;
    expiresAt?: string;
    clientOrderId?: string;
    force?: boolean;
  };

/** The terms to replace in an order that rests. */
export type NewTerms = Prices & { amount?: string; expiresAt?: string; force?: boolean };

/** The orders that were cancelled, and those that were not; not `complete` if there are more. */
export type CancelledOrders = {
  cancelled: string[];
  notCancelled: { orderId: string; code: string }[];
  complete: boolean;
};

export type Page = { orders: OrderDocument[]; nextCursor: string | null };
export type Quotes = Route & Trade;
export type Token = { symbol: string; decimals: number; mint: string };

/** An error of the engine (RFC 9457), or of API Gateway, which has only a message. */
export type ProblemDocument = {
  code?: string;
  detail?: string;
  message?: string;
  errors?: FieldError[];
  order?: OrderDocument;
  marketPrice?: string;
};
export type FieldError = { field: string; message: string };

/** What the WebSocket API sends. */
export type Frame =
  | { type: "events"; events: OrderEvent[] }
  | OrderEvent
  | (OrderDocument & { type: "snapshot"; requestId?: string })
  | { type: "subscribed" | "unsubscribed" | "pong" | "error"; requestId?: string };

/** What the page sends to it. */
export type Command =
  | { action: "ping" }
  | { action: "subscribe"; channel: "account" }
  | { action: "subscribe"; orderId: string; afterSequence: number; requestId: string }
  | { action: "unsubscribe"; orderId: string };

export type ConnectionState = "connecting" | "live" | "reconnecting" | "offline";

/** `live` is called when the stream is subscribed to the account, `broken` when a connection failed. */
export type StreamHandlers = {
  frame(frame: Frame): void;
  state(state: ConnectionState): void;
  live(): void;
  broken(): void;
};

/** `onState`: the connection's state. `onHistory`: an order's history was read, or could not be. */
export type FeedOptions = {
  api: Api;
  store: OrderStore;
  listing: Listing;
  resting: Listing;
  url: string;
  key: string;
  onState(state: ConnectionState): void;
  onHistory(orderId: string, problem: Problem | null): void;
};

/** What an element contains; false, null and undefined are left out. */
export type Content = string | Node | false | null | undefined | Content[];

/** An element's attributes; those that are false, null or undefined are left out, and true is an empty value. */
export type Attributes = Record<string, string | number | boolean | null | undefined>;

/** A child to show; `make` creates it, with `true` if it replaces one with the same key. */
export type Part = { key: string; signature: string; make(changed: boolean): Element };
