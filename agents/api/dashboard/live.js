// The one stream of this page: what the view asks for is pushed to it, and the board's figures to the frame around it.

import { heard } from "./clock.js";
import { learn } from "./parts/who.js";
import { follow } from "./push.js";
import { address } from "./routes.js";

const BOARD_N = 50;
const listeners = new Map(); // name of an event -> who wants it
let end = null;
let followed = "";

/** The last board, or null; for whoever comes between two. */
export let board = null;

/** How the stream is: `connecting`, `open`, `away`, `barred`, or `down` when Redis does not answer; and why. */
export const state = { name: "connecting", why: "" };

/** Calls `act` with each event of this name (`board`, `snapshot`, `scores`, `alert`, `state`). Returns how to end that. */
export function on(name, act) {
  if (!listeners.has(name)) listeners.set(name, new Set());
  listeners.get(name).add(act);
  return () => listeners.get(name).delete(act);
}

function tell(name, data) {
  for (const act of listeners.get(name) ?? []) act(data);
}

function become(name, why = "") {
  if (state.name === name && state.why === why) return;
  Object.assign(state, { name, why });
  tell("state", state);
}

function event(name, data) {
  if (name === "down") return become("down", data.reason);
  if (name === "closed") return;
  become("open");
  if (name === "board") {
    learn(data.top);
    board = data;
    heard(data.now);
  }
  tell(name, data);
}

/** Follows what a view wants: `{users, network, topic, n, scores, min_change}`, beside the board and the alerts. */
export function ask({ users, network, topic, n = BOARD_N, scores = false, min_change } = {}) {
  const events = ["board", "alerts", ...(scores ? ["scores"] : [])].join(",");
  const all = users?.length === 1 ? [users[0], users[0]] : users; // one alone would be parted at its commas
  const wanted = address("v1/stream", { events, users: all, network, topic, n, min_change });
  if (wanted === followed && end) return;
  followed = wanted;
  again();
}

/** Begins anew: another token, or the reader wants to try now. */
export function again() {
  end?.();
  if (state.name !== "open") become("connecting");
  end = follow(followed, {
    event,
    state: (name, why) => become(name, name === "barred" ? why.message : why),
  });
}
