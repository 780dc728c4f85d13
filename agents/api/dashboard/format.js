// Numbers and times for people: in the reader's own way of writing them and the reader's own zone.

import { h } from "./dom.js";
import { now } from "./clock.js";

const whole = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const STEPS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1_000]];

const NONE = "–";
export const number = (value) => (value == null ? NONE : whole.format(Math.round(value)));
export const compact = (value) => (value == null ? NONE : short.format(value));
export const fixed = (value, digits = 1) => (value == null ? NONE : value.toFixed(digits));
export const percent = (part, digits = 0) => (part == null ? NONE : `${(part * 100).toFixed(digits)} %`);
export const millis = (value) => (value == null ? NONE : value < 10_000 ? `${number(value)} ms` : `${fixed(value / 1000)} s`);

/** `up`, `down` or nothing, of a change as it is shown. */
export const way = (change, digits = 1) => {
  const shown = Number((change ?? 0).toFixed(digits));
  return shown > 0 ? "up" : shown < 0 ? "down" : "";
};

/** A change with its sign; a dot for none. */
export function signed(change, digits = 1) {
  if (change == null) return NONE;
  const size = Math.abs(change).toFixed(digits);
  return Number(size) === 0 ? "·" : `${change < 0 ? "−" : "+"}${size}`;
}

/** `3 min. ago`, `in 2 hr.`. */
export function ago(at, from = now()) {
  const away = at - from;
  const [unit, ms] = STEPS.find(([, size]) => Math.abs(away) >= size) ?? ["second", 1_000];
  return unit === "second" && Math.abs(away) < 5_000 ? "just now" : relative.format(Math.round(away / ms), unit);
}

export const moment = (at) => absolute.format(at);

/** A day as it is written, `2026-11-28`, in the reader's way. A day of the server's, so no zone moves it. */
export const day = (date, options = { day: "numeric", month: "short" }) =>
  new Intl.DateTimeFormat(undefined, { ...options, timeZone: "UTC" }).format(new Date(`${date}T00:00:00Z`));

/** How long ago, with the absolute time in the reader's zone behind it; `tick` keeps it true. */
export function when(at) {
  const node = h("time", { datetime: new Date(at).toISOString(), title: moment(at), "data-at": at });
  node.textContent = ago(at);
  return node;
}

/** Says anew how long ago everything was. */
export function tick(root = document) {
  for (const node of root.querySelectorAll("time[data-at]")) {
    const text = ago(Number(node.dataset.at));
    if (node.textContent !== text) node.textContent = text;
  }
}

const CAUSES = {
  like: "likes", follow: "follows", mention: "mentions", reply: "replies", share: "shares", retweet: "retweets",
  decay: "silence", idle: "silence", reversed: "taken back", fewer: "fewer came", engagement: "engagement", links: "accounts linked",
  reach: "followers", participation: "own actions", facts: "facts", model: "another model", gap: "a gap in the feed", earlier: "earlier",
};

/** So many of a kind: `1 like`, `3 replies`. */
export const counted = (count, kind) => `${number(count)} ${count === 1 ? kind : cause(kind)}`;

/** A percentile; nobody who is above all but a few is above all. */
export const above = (value) => (value == null ? NONE : `${(Math.floor(value * 10) / 10).toFixed(1)} %`);

/** What moved a score, for people. */
export const cause = (name) => CAUSES[name] ?? name;
