// A small line of what was pushed in the last minutes, beside a row.

import { mark, s } from "../dom.js";

const WIDE = 72;
const HIGH = 22;
const KEPT_MS = 120_000;
const LEAST_MS = 30_000;
const LEAST_SPAN = 1; // points: less than that is flat

/** A line that grows; `add(at, score, seen)` draws it anew where it is seen. */
export function spark() {
  const line = s("polyline", { fill: "none", points: "" });
  const node = s("svg", { class: "spark", viewBox: `0 0 ${WIDE} ${HIGH}`, width: WIDE, height: HIGH, "aria-hidden": "true" }, line);
  const past = [];

  function add(at, score, seen) {
    if (past.length && Math.abs(past.at(-1)[1] - score) < 0.005 && at - past.at(-1)[0] < 1_000) return;
    past.push([at, score]);
    while (past.length > 2 && at - past[0][0] > KEPT_MS) past.shift();
    if (!seen) return;
    const scores = past.map(([, value]) => value);
    const middle = (Math.max(...scores) + Math.min(...scores)) / 2;
    const span = Math.max(LEAST_SPAN, Math.max(...scores) - Math.min(...scores));
    const over = Math.max(LEAST_MS, at - past[0][0]);
    const x = (when) => (WIDE - 3 - ((at - when) / over) * (WIDE - 6)).toFixed(1);
    const y = (value) => (HIGH / 2 - ((value - middle) / span) * (HIGH - 8)).toFixed(1);
    mark(line, "points", past.map(([when, value]) => `${x(when)},${y(value)}`).join(" "));
  }

  return { node, add };
}
