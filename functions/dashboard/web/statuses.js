// @ts-check
// The statuses of an order: their only definition in this page.

/**
 * In life-cycle order: a description, the colour (see styles.css), and the `next` step on the way to a fill; statuses
 * without it are final. A status that is missing here, because the engine is newer, is shown by its name alone.
 * @type {Record<string, { words: string, tone?: string, next?: string }>}
 */
export const STATUSES = {
  resting: { words: "Waiting for the market", next: "pending" },
  pending: { words: "Waiting in the queue", next: "routing" },
  routing: { words: "Asking the venues for quotes", tone: "active", next: "building" },
  building: { words: "Best venue chosen, building the swap", tone: "active", next: "submitted" },
  submitted: { words: "Signed and sent to the chain", tone: "active", next: "confirmed" },
  confirmed: { words: "Landed on the chain", tone: "good" },
  failed: { words: "Not executed", tone: "bad" },
  cancelled: { words: "Cancelled before it was executed", tone: "off" },
  expired: { words: "Not executed in time", tone: "late" },
};

/** The statuses in which orders end. */
export const ENDS = Object.keys(STATUSES).filter((status) => !STATUSES[status].next);
