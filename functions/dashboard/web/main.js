// @ts-check
// The page's entry point. Everything shown is drawn from the store, at most once per frame.
/** @import { ConnectionState } from "./types.d.ts" */
import { OrderStore } from "./order_store.js";
import { renderCharts } from "./charts.js";
import { byId, el, notify, selectById } from "./dom.js";
import { Editor } from "./editor.js";
import { Feed } from "./feed.js";
import { Api } from "./http.js";
import { Keys } from "./keys.js";
import { Listing } from "./listing.js";
import { Market } from "./market.js";
import { OrderActions } from "./order_actions.js";
import { OrderView } from "./order_view.js";
import { renderResting } from "./resting_table.js";
import { STATUSES } from "./statuses.js";
import { renderTable } from "./table.js";
import { Ticket } from "./ticket.js";
import { startTicking } from "./times.js";
import { statusName } from "./words.js";

const STATES = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", offline: "Offline" };

/** @type {{ webSocketUrl: string, apiKey: string }} */
const configuration = JSON.parse(byId("configuration").textContent);
const ticket = new Ticket((order) => {
  notify("");
  session?.store.put(order);
  location.hash = `#/orders/${order.orderId}`;
  if (byId("order").getBoundingClientRect().top > innerHeight / 2) byId("order").scrollIntoView();
});
const view = new OrderView(() => session?.feed.select(selected()));
const keys = new Keys(configuration.apiKey, (key) => enter(key));
/**
 * For one key.
 * @typedef {{ api: Api, store: OrderStore, listing: Listing, resting: Listing, market: Market, feed: Feed,
 *   actions: OrderActions, editor: Editor }} Session
 * @type {Session | null}
 */
let session = null;
const filter = selectById("status-filter");

/** Start a session with this key; without one, ask for it. @param {string} key */
function enter(key) {
  closeSession();
  keys.show();
  if (!key) return keys.ask();
  const api = new Api(key, () => {
    if (session?.api !== api) return;
    closeSession();
    keys.refused();
  });
  const store = new OrderStore();
  const listing = new Listing(api, store);
  const resting = new Listing(api, store);
  const market = new Market(api);
  const feed = new Feed({
    api,
    store,
    listing,
    resting,
    url: configuration.webSocketUrl,
    key,
    onState: showState,
    onHistory: (orderId, problem) => {
      view.historyRead(orderId, problem);
      draw();
    },
  });
  const [actions, editor] = [new OrderActions(api, feed), new Editor(api, feed, market)];
  session = { api, store, listing, resting, market, feed, actions, editor };
  for (const source of [store, listing, resting, market]) source.addEventListener("change", draw);
  filter.value = "";
  ticket.use(api);
  feed.open();
  market.open();
  choose();
}

function closeSession() {
  session?.feed.close();
  session?.market.close();
}

/** The order in the address: #/orders/<id>. */
const selected = () => /^#\/orders\/([^/]+)$/.exec(location.hash)?.[1] ?? null;

function choose() {
  view.show(selected());
  session?.feed.select(selected());
  draw();
}

let frame = 0;
let chartsTimer = 0;

function draw() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    if (!session) return;
    view.render(session.store.get(selected()));
    session.market.watch(session.resting.orders());
    renderResting(session.resting, session.market, selected());
    renderTable(session.listing, selected());
    drawChartsSoon();
  });
}

function drawChartsSoon() {
  chartsTimer ||= setTimeout(() => {
    chartsTimer = 0;
    if (session) renderCharts(session.store.all());
  }, 300);
}

/** A click on one of the buttons that views have for an order. @param {Element} target */
function act(target) {
  const button = target.closest("[data-cancel], [data-edit]");
  if (!session || !(button instanceof HTMLElement)) return;
  const { cancel, edit } = button.dataset;
  const order = session.store.get(cancel ?? edit ?? null);
  if (!order) return;
  if (edit) return session.editor.open(order, button);
  button.setAttribute("aria-disabled", "true");
  session.actions.cancel(order).finally(() => button.removeAttribute("aria-disabled"));
}

/** @param {ConnectionState} state */
function showState(state) {
  byId("connection").dataset.state = state;
  byId("connection-text").textContent = STATES[state];
  const broken = state === "reconnecting" || state === "offline";
  byId("banner").dataset.shown = String(broken);
  byId("banner-text").textContent = broken
    ? `${state === "offline" ? "You are offline" : "The live connection was lost; reconnecting"}. Orders are still executed, and every missed step will be shown.`
    : "";
  byId("banner-retry").hidden = !broken;
}

filter.append(...Object.keys(STATUSES).map((status) => el("option", { value: status }, statusName(status))));
filter.addEventListener("change", () => session?.listing.open(filter.value));
byId("orders-more").addEventListener("click", () => session?.listing.more());
byId("resting-more").addEventListener("click", () => session?.resting.more());
byId("resting-cancel").addEventListener("click", () => session?.actions.cancelResting());
byId("notice-dismiss").addEventListener("click", () => {
  notify("");
  byId("orders-title").focus({ preventScroll: true });
});
byId("banner-retry").addEventListener("click", () => session?.feed.retryNow());
addEventListener("hashchange", choose);
addEventListener("click", ({ target }) => {
  if (!(target instanceof Element)) return;
  if (target.closest("tbody a")) byId("order-title").focus();
  act(target);
});
setInterval(drawChartsSoon, 15_000); // the time axis moves on without orders, too
startTicking();
enter(keys.current);
