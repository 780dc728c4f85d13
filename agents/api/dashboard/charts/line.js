// Scores over days: one line with what happened on it, or several beside each other.

import { chart, scale, steps } from "./frame.js";
import { h, put, mark, s } from "../dom.js";
import { day, fixed, number } from "../format.js";

const LEFT = 34;
const RIGHT = 14;
const TOP = 14;
const BOTTOM = 26;
const DAY_MS = 86_400_000;
const LEAST_SPAN = 8; // points, so that a quiet quarter looks quiet

const at = (date) => Date.parse(`${date}T00:00:00Z`);

function frame(series, wide, tall, now) {
  const times = series.flatMap(({ closes }) => closes.map(({ date }) => at(date)));
  const scores = series.flatMap(({ closes, score }) => [...closes.map((close) => close.score), score]);
  const middle = (Math.min(...scores) + Math.max(...scores)) / 2;
  const half = Math.max(LEAST_SPAN, Math.max(...scores) - Math.min(...scores)) / 2 + 1.5;
  const low = Math.max(0, middle - half);
  const high = Math.min(100, middle + half);
  const first = Math.min(...times, now - 6 * DAY_MS);
  return { first, low, high, x: scale(first, now, LEFT, wide - RIGHT), y: scale(low, high, tall - BOTTOM, TOP) };
}

function axes({ first, low, high, x, y }, wide, tall, now) {
  const lines = steps(low, high).map((score) => [
    s("line", { class: "rule", x1: LEFT, x2: wide - RIGHT, y1: y(score), y2: y(score) }),
    s("text", { class: "tick", x: LEFT - 7, y: y(score) + 4, "text-anchor": "end" }, fixed(score, 0))]);
  const days = Math.max(1, Math.round((now - first) / DAY_MS));
  const every = Math.max(1, Math.ceil(days / Math.max(2, Math.floor(wide / 110))));
  const dates = [];
  for (let back = 0; back <= days; back += every) {
    const when = now - back * DAY_MS;
    const anchor = back === 0 ? "end" : "middle";
    if (x(when) > LEFT + 12 || back === 0) dates.push(s("text", { class: "tick", x: x(when), y: tall - 6, "text-anchor": anchor }, back === 0 ? "now" : day(new Date(when).toISOString().slice(0, 10))));
  }
  return s("g", { class: "axes" }, lines, dates);
}

/** Where closes are, each at the end of its day, and the score now. */
const places = ({ closes, score }, { x, y }, now) => [...closes.map((close) => [x(Math.min(now, at(close.date) + DAY_MS)), y(close.score)]), [x(now), y(score)]];

const path = (points) => points.map(([x, y], n) => `${n ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/** A line that follows the pointer, and what stands there. */
function pointed(svg, wide, found, write) {
  const line = s("line", { class: "pointer", y1: TOP, y2: 0, visibility: "hidden" });
  const box = h("p", { class: "pointed", hidden: true });
  svg.append(line);
  const move = (event) => {
    const x = event.clientX - svg.getBoundingClientRect().left;
    const near = found.reduce((best, one) => (Math.abs(one.x - x) < Math.abs(best.x - x) ? one : best));
    for (const name of ["x1", "x2"]) mark(line, name, near.x);
    mark(line, "y2", svg.clientHeight - BOTTOM);
    mark(line, "visibility", "visible");
    put(box, write(near));
    box.hidden = false;
    const left = Math.min(Math.max(near.x, 70), wide - 70);
    box.style.setProperty("left", `${left}px`);
  };
  svg.addEventListener("pointermove", move);
  svg.addEventListener("pointerleave", () => { box.hidden = true; mark(line, "visibility", "hidden"); });
  return h("div", { class: "hover" }, svg, box);
}

/** Daily closes of one user, up to now, with alerts and changes of the model on them. */
export function history({ user, closes, score, now, alerts }) {
  const models = closes.filter((close, n) => n && close.model !== closes[n - 1].model);
  const raised = alerts.filter((alert) => alert.state === "raised");
  function draw(wide, tall) {
    const axis = frame([{ closes, score }], wide, tall, now);
    const { x, y } = axis;
    const points = places({ closes, score }, axis, now);
    const line = path(points);
    const svg = s("svg", { viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall }, axes(axis, wide, tall, now),
      points.length > 1 && s("path", { class: "area", d: `${line}L${x(now)} ${tall - BOTTOM}L${points[0][0]} ${tall - BOTTOM}Z` }),
      models.map((close) => s("g", { class: "model" },
        s("line", { x1: x(at(close.date)), x2: x(at(close.date)), y1: TOP, y2: tall - BOTTOM }),
        s("text", { x: x(at(close.date)) + 5, y: TOP + 10 }, close.model))),
      s("path", { class: "line s1", d: line }),
      raised.map((alert) => s("g", { class: `flag ${alert.severity ?? "warning"}`, transform: `translate(${Math.max(LEFT, x(alert.at))} ${y(alert.score)})` },
        s("title", {}, alert.sentence ?? alert.rule), s("path", { d: "M0-5 6-15H-6z" }))),
      s("circle", { class: "now", cx: x(now), cy: y(score), r: 4.5 }));
    const found = [...closes.map((close, n) => ({ ...close, x: points[n][0], before: closes[n - 1]?.score })), { date: null, score, x: x(now), before: closes.at(-1)?.score }];
    return pointed(svg, wide, found, (one) => `${one.date ? day(one.date, { weekday: "short", day: "numeric", month: "short" }) : "now"}  ${fixed(one.score, 2)}`);
  }
  const lines = closes.map((close, n) => [day(close.date, { dateStyle: "medium" }), fixed(close.score, 2), n ? fixed(close.score - closes[n - 1].score, 2) : "–", close.model ?? "–"]).reverse();
  const told = closes.length ? `Daily closes of ${user}: ${number(closes.length)} days, from ${fixed(closes[0].score)} to ${fixed(closes.at(-1).score)}, now ${fixed(score)}` : `${user} has no daily close yet, and now ${fixed(score)}`;
  return chart({ title: "Daily closes", draw, said: told, head: ["day", "close", "change", "model"], lines, tall: 250 });
}

/** Several users beside each other: `[{user, score, closes}]`. */
export function histories(series, now) {
  function draw(wide, tall) {
    const axis = frame(series, wide, tall, now);
    const { x, y } = axis;
    const drawn = series.map((one, n) => s("g", { class: `s${n + 1}` }, s("path", { class: "line", d: path(places(one, axis, now)) }), s("circle", { class: "end", cx: x(now), cy: y(one.score), r: 4 })));
    return s("svg", { viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall }, axes(axis, wide, tall, now), drawn);
  }
  const dates = [...new Set(series.flatMap(({ closes }) => closes.map(({ date }) => date)))].sort().reverse();
  const by = series.map(({ closes }) => new Map(closes.map((close) => [close.date, close.score])));
  const lines = [["now", ...series.map(({ score }) => fixed(score, 2))], ...dates.map((date) => [day(date, { dateStyle: "medium" }), ...by.map((some) => fixed(some.get(date), 2))])];
  const said = `Daily closes of ${series.map(({ user, score }) => `${user}, now ${fixed(score)}`).join("; ")}`;
  return chart({ title: "Daily closes", draw, said, head: ["day", ...series.map(({ user }) => user)], lines, tall: 280 });
}

/** How a score falls if nothing happens: `[{at, score}]`, the first is now. */
export function falling(points) {
  function draw(wide, tall) {
    const x = scale(points[0].at, points.at(-1).at, LEFT, wide - RIGHT);
    const high = points[0].score + 3;
    const low = Math.max(0, points.at(-1).score - 4);
    const y = scale(low, high, tall - BOTTOM, TOP);
    const line = path(points.map((one) => [x(one.at), y(one.score)]));
    return s("svg", { viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall },
      steps(low, high, 3).map((score) => [s("line", { class: "rule", x1: LEFT, x2: wide - RIGHT, y1: y(score), y2: y(score) }), s("text", { class: "tick", x: LEFT - 7, y: y(score) + 4, "text-anchor": "end" }, fixed(score, 0))]),
      s("path", { class: "line dashed s1", d: line }), points.map((one) => s("circle", { class: "dot", cx: x(one.at), cy: y(one.score), r: 3 })),
      s("text", { class: "tick", x: LEFT, y: tall - 6 }, "now"),
      s("text", { class: "tick", x: wide - RIGHT, y: tall - 6, "text-anchor": "end" }, `in ${Math.round((points.at(-1).at - points[0].at) / DAY_MS)} days`));
  }
  const lines = points.map((one) => [day(new Date(one.at).toISOString().slice(0, 10), { dateStyle: "medium" }), fixed(one.score, 2)]);
  return chart({ title: "If nothing happens", draw, said: `From ${fixed(points[0].score)} now to ${fixed(points.at(-1).score)}`, head: ["day", "score"], lines, tall: 130 });
}
