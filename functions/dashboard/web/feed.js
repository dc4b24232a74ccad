// @ts-check
// Keeps the store up to date: events by WebSocket, and the HTTP API whenever events may have been missed.
/** @import { FeedOptions, Frame, Order, OrderDocument, OrderEvent } from "./types.d.ts" */
import { complete, contiguous } from "./order_store.js";
import { Problem, withRetry } from "./http.js";
import { Stream } from "./stream.js";
import { serverNow } from "./times.js";

const MOST_PAGES = 50; // more than the store holds
const QUIET = 10_000; // an open order without events for this long is read again
const MOST_RESTING = 200; // of the newest ones

/** Whether the next event of an open order is due soon: it does not wait for the market. @param {Order} order */
const isMoving = ({ status }) => status !== "resting";

export class Feed {
  #api;
  #store;
  #listing;
  #resting;
  #onHistory;
  #stream;
  /** @type {string | null} */
  #selected = null;
  /** @type {Set<string>} */
  #wanted = new Set();
  #lookUp = 0;
  /** @type {Set<string>} */
  #reading = new Set();
  /** @type {string | null} */
  #caughtUpTo = null; // the id of the newest order up to which none is missing
  #watch = 0;
  #closed = false;

  /** @param {FeedOptions} options */
  constructor({ api, store, listing, resting, url, key, onState, onHistory }) {
    this.#api = api;
    this.#store = store;
    this.#listing = listing;
    this.#resting = resting;
    this.#onHistory = onHistory;
    this.#stream = new Stream(url, key, {
      frame: (frame) => this.#receive(frame),
      state: onState,
      live: () => this.#catchUp(true),
      broken: () => navigator.onLine && this.#catchUp(false), // also detects a rejected key
    });
  }

  open() {
    this.#stream.open();
    this.#listing.open();
    this.#resting.open("resting");
    this.#watch = setInterval(() => this.#pollStale(), QUIET);
  }

  close() {
    this.#closed = true;
    this.#stream.close();
    clearInterval(this.#watch);
    clearTimeout(this.#lookUp);
  }

  retryNow = () => this.#stream.retryNow();

  /** Select the order that is shown: its whole history is loaded. @param {string | null} orderId */
  select(orderId) {
    this.#selected = orderId;
    if (orderId) this.#readHistory(orderId);
  }

  /**
   * Take over an order that was changed from the API's answer. Of the selected one, the event is read, too.
   * @param {OrderDocument} order
   */
  take(order) {
    const known = this.#store.put(order);
    if (order.orderId === this.#selected && !complete(known)) this.#readHistory(order.orderId);
  }

  /** @param {Frame} frame */
  #receive(frame) {
    if (frame.type === "events") for (const event of frame.events) this.#apply(event);
    else if (frame.type === "status") this.#apply(frame);
    else if (frame.type === "snapshot") this.#takeSnapshot(frame);
    else if (frame.requestId && frame.requestId === this.#selected) this.#readHistory(frame.requestId); // no snapshot
  }

  /** @param {OrderEvent} event */
  #apply(event) {
    const outcome = this.#store.apply(event);
    // Events do not contain what was ordered: orders placed elsewhere have to be read.
    if (outcome === "unknown") this.#lookUpSoon(event.orderId);
    // For an order in the table the latest event is enough, unless it rested: then its terms may have been replaced.
    // The selected order needs every event.
    if (outcome !== "gap") return;
    if (event.orderId === this.#selected) this.#readHistory(event.orderId);
    else if (this.#store.get(event.orderId)?.orderType !== "market") this.#lookUpSoon(event.orderId);
  }

  /**
   * Missed events of one order. Later ones come through the account's channel, subscribed to earlier.
   * @param {OrderDocument & { type: "snapshot", requestId?: string }} frame
   */
  #takeSnapshot({ type: _type, requestId: _requestId, ...order }) {
    this.#stream.send({ action: "unsubscribe", orderId: order.orderId });
    const known = this.#store.put(order);
    if (order.orderId !== this.#selected) return;
    if (complete(known)) this.#onHistory(order.orderId, null);
    else this.#readHistory(order.orderId);
  }

  /** After a connection was opened, or failed: read everything that has changed meanwhile. @param {boolean} live */
  async #catchUp(live) {
    await this.#unlessUnavailable(async () => {
      const read = await this.#readPages((oldest) => !this.#caughtUpTo || oldest <= this.#caughtUpTo);
      this.#caughtUpTo = read[0] ?? this.#caughtUpTo;
      await this.#listing.refresh();
      await this.#resting.refresh();
      if (this.#closed || !live) return;
      const open = this.#store.all().filter((order) => !order.terminal && !read.includes(order.orderId));
      for (const order of open.filter(isMoving).slice(0, 100)) this.#readOn(order.orderId, order.sequence);
      await this.#checkResting(open);
    });
    const selected = this.#store.get(this.#selected);
    if (this.#closed || !this.#selected || (selected?.terminal && complete(selected))) return;
    if (!selected || !this.#readOn(selected.orderId, contiguous(selected))) this.#readHistory(this.#selected);
  }

  /**
   * Request an order's events after the known ones from the stream; false if there is no stream.
   * @param {string} orderId
   * @param {number} afterSequence
   */
  #readOn(orderId, afterSequence) {
    return this.#stream.send({ action: "subscribe", orderId, afterSequence, requestId: orderId });
  }

  /**
   * Read pages of orders of one status ("" for all), newest first, until there are enough. Returns the ids.
   * @param {(oldest: string, pages: number) => boolean} enough
   */
  async #readPages(enough, status = "") {
    /** @type {string[]} */
    const read = [];
    /** @type {string | null | undefined} */
    let cursor;
    for (let pages = 1; pages <= MOST_PAGES && cursor !== null && !this.#closed; pages += 1) {
      const page = await withRetry(() => this.#api.page({ status, cursor }), 2);
      for (const order of page.orders) {
        read.push(order.orderId);
        this.#store.put(order);
      }
      cursor = page.nextCursor;
      if (enough(read[read.length - 1], pages)) break;
    }
    return read;
  }

  /** Push is best effort: the events of a quiet order may have been lost. */
  #pollStale() {
    if (document.hidden) return;
    const since = serverNow() - QUIET;
    const quiet = this.#store
      .all()
      .filter((order) => !order.terminal && Date.parse(order.updatedAt) < since);
    const selected = quiet.find(({ orderId }) => orderId === this.#selected);
    if (selected) this.#readHistory(selected.orderId);
    const others = quiet.filter((order) => order !== selected);
    for (const order of others.filter(isMoving).slice(0, 20)) this.#lookUpSoon(order.orderId);
    this.#unlessUnavailable(() => this.#checkResting(others));
  }

  /**
   * Orders may rest for months, so they are read in pages; only those that do not rest any more are read one by one.
   * @param {Order[]} orders
   */
  async #checkResting(orders) {
    const resting = orders.filter((order) => !isMoving(order)).slice(0, MOST_RESTING);
    if (!resting.length) return;
    const last = resting[resting.length - 1].orderId;
    const read = await this.#readPages((oldest) => oldest <= last, "resting");
    for (const { orderId } of resting) if (!read.includes(orderId)) this.#lookUpSoon(orderId);
  }

  /** @param {string} orderId */
  #lookUpSoon(orderId, pause = 150) {
    this.#wanted.add(orderId);
    this.#lookUp ||= setTimeout(() => {
      const wanted = [...this.#wanted];
      this.#wanted.clear();
      this.#lookUp = 0;
      this.#unlessUnavailable(
        () => this.#readOrders(wanted),
        () => wanted.forEach((id) => this.#lookUpSoon(id, 5000)),
      );
    }, pause);
  }

  /** Many orders at once are probably the newest ones, and cheaper to read as pages. @param {string[]} wanted */
  async #readOrders(wanted) {
    const read =
      wanted.length > 3 ? await this.#readPages((_, pages) => pages >= 3 || pages * 100 >= wanted.length) : [];
    for (const orderId of wanted.filter((id) => !read.includes(id))) {
      const order = await withRetry(() => this.#api.order(orderId));
      if (this.#closed) return;
      this.#store.put(order);
    }
  }

  /** @param {string} orderId */
  async #readHistory(orderId) {
    if (this.#reading.has(orderId)) return;
    this.#reading.add(orderId);
    try {
      let known;
      do known = this.#store.put(await withRetry(() => this.#api.order(orderId)));
      while (!this.#closed && orderId === this.#selected && !complete(known));
      this.#onHistory(orderId, null);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#onHistory(orderId, error);
    } finally {
      this.#reading.delete(orderId);
    }
  }

  /**
   * The API may be unavailable; the next connection, or `otherwise`, tries again.
   * @param {() => Promise<void>} work
   */
  async #unlessUnavailable(work, otherwise = () => {}) {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.passing && !this.#closed) otherwise();
    }
  }
}
