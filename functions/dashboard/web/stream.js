// @ts-check
// One WebSocket, subscribed to the account's channel, which is reopened whenever it breaks.
/** @import { Command, Frame, StreamHandlers } from "./types.d.ts" */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 20_000;
const PING_EVERY = 4 * 60_000; // API Gateway closes a WebSocket that is idle for 10 minutes
const ANSWER_WITHIN = 15_000; // including a cold start

export class Stream {
  #url;
  #key;
  #handlers;
  /** @type {WebSocket | null} */
  #socket = null;
  #live = false; // subscribed to the account
  #failures = 0;
  #retry = 0;
  #deadline = 0;
  #pings = 0;
  #listeners = new AbortController();

  /**
   * @param {string} url
   * @param {string} key
   * @param {StreamHandlers} handlers
   */
  constructor(url, key, handlers) {
    this.#url = url;
    this.#key = key;
    this.#handlers = handlers;
  }

  open() {
    const { signal } = this.#listeners;
    addEventListener("online", () => this.retryNow(), { signal });
    addEventListener("offline", () => this.#break(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake(), { signal });
    this.#connect();
  }

  /** Close the stream permanently. */
  close() {
    this.#listeners.abort();
    this.#drop();
    clearTimeout(this.#retry);
  }

  /** Reconnect immediately instead of after the wait. */
  retryNow() {
    if (this.#socket?.readyState === WebSocket.OPEN) return this.#check();
    this.#failures = Math.min(this.#failures, 1);
    this.#connect();
  }

  /**
   * Returns false if the socket is not open; after a reconnect, everything is read from the database anyway.
   * @param {Command} message
   */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #wake() {
    if (this.#socket?.readyState !== WebSocket.CONNECTING) this.retryNow();
  }

  #connect() {
    clearTimeout(this.#retry);
    this.#drop();
    this.#handlers.state(this.#failures === 0 ? "connecting" : navigator.onLine ? "reconnecting" : "offline");
    this.#expectAnswer();
    const socket = new WebSocket(this.#url, ["orders.v1", `bearer.${this.#key}`]);
    this.#socket = socket;
    socket.onopen = () => this.send({ action: "subscribe", channel: "account" });
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => this.#break();
  }

  /** @param {Frame} frame */
  #receive(frame) {
    if (frame.type === "pong") return this.#answered();
    if (frame.type === "subscribed") {
      this.#answered();
      this.#live = true;
      this.#failures = 0;
      clearInterval(this.#pings);
      this.#pings = setInterval(() => this.#check(), PING_EVERY);
      this.#handlers.state("live");
      return this.#handlers.live();
    }
    // Any other frame before that, except events, means that the subscription failed.
    if (!this.#live && frame.type !== "events") return this.#break();
    this.#handlers.frame(frame);
  }

  /** A socket can be dead without an error: ping, and drop it unless it replies. */
  #check() {
    if (this.send({ action: "ping" })) this.#expectAnswer();
  }

  #expectAnswer() {
    this.#answered();
    this.#deadline = setTimeout(() => this.#break(), ANSWER_WITHIN);
  }

  #answered() {
    clearTimeout(this.#deadline);
  }

  /** The connection is lost: reconnect after a wait that doubles, with jitter so that clients do not reconnect at once. */
  #break() {
    this.#drop();
    clearTimeout(this.#retry);
    this.#failures += 1;
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.#failures - 1));
    this.#retry = setTimeout(() => this.#connect(), wait * (0.5 + Math.random() / 2));
    this.#handlers.state(navigator.onLine ? "reconnecting" : "offline");
    this.#handlers.broken();
  }

  #drop() {
    clearTimeout(this.#deadline);
    clearInterval(this.#pings);
    this.#live = false;
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }
}
