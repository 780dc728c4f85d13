// The rows of a leaderboard: made once for each user, filled with what comes, and moved.

import { h, mark, put, s } from "../dom.js";
import { compact, fixed, percent, signed, way } from "../format.js";
import { flash, moving, rearrange } from "../moves.js";
import { spark } from "./spark.js";
import { who } from "./who.js";

const crown = () => s("svg", { class: "crown", viewBox: "0 0 20 14", "aria-hidden": "true" }, s("path", { d: "M1 3.5 5.5 7 10 1l4.5 6L19 3.5 17.4 13H2.6z" }));
const SPARKS = 14;
const CALM_MS = 4_000;

function newRow(user) {
  const rank = h("td", { class: "rank" });
  const name = who(user, 32);
  const score = h("td", { class: "score" });
  const fill = h("div", { class: "track" });
  const line = spark();
  const change = h("td", { class: "change" });
  const day = h("td", { class: "change day" });
  const people = h("td", { class: "people" });
  const sure = h("td", { class: "sure" });
  const tr = h("tr", {}, rank, h("th", { scope: "row", class: "user" }, name), score, h("td", { class: "meter" }, fill), h("td", { class: "past" }, line.node), change, day, people, sure);
  return { user, tr, name, rank, score, fill, line, change, day, people, sure, shown: null };
}

function fillRow(row, entry, rank) {
  put(row.rank, String(rank));
  mark(row.tr, "data-rank", rank <= 3 ? rank : null);
  const { score } = entry;
  if (row.called !== entry.name) {
    row.called = entry.name;
    row.name.replaceChildren(...who(row.user, 32).children);
  }
  put(row.score, fixed(score));
  row.fill.style.setProperty("background-size", `${(score ?? 0).toFixed(1)}% 100%`);
  put(row.change, entry.change == null ? "new" : signed(entry.change));
  mark(row.change, "data-way", way(entry.change));
  put(row.day, signed(entry.day));
  mark(row.day, "data-way", way(entry.day));
  put(row.people, compact(entry.actors));
  put(row.sure, percent(entry.confidence));
  mark(row.sure, "title", entry.provisional ? "provisional: few different people are behind this score so far" : null);
}

/** What only shows that something happened: drawn where it is seen. */
function lively(row, score, at, seen) {
  if (score == null) return;
  if (seen && row.shown != null) flash(row.score, way(score - row.shown));
  row.shown = score;
  row.line.add(at, score, seen);
}

/** A burst where a new leader arrives. */
function cheer(tr) {
  if (!moving()) return;
  const burst = s("svg", { class: "burst", viewBox: "-60 -60 120 120", "aria-hidden": "true" });
  tr.querySelector(".face").after(burst);
  for (let n = 0; n < SPARKS; n++) {
    const piece = s("rect", { class: `s${(n % 5) + 1}`, x: -2, y: -4, width: 4, height: 8, rx: 1 });
    const turn = (n / SPARKS) * 2 * Math.PI;
    const far = 26 + (n % 3) * 12;
    burst.append(piece);
    piece.animate([
      { transform: "translate(0, 0) rotate(0deg) scale(.2)", opacity: 1 },
      { transform: `translate(${Math.cos(turn) * far}px, ${Math.sin(turn) * far}px) rotate(${n * 50}deg) scale(1)`, opacity: 1, offset: 0.6 },
      { transform: `translate(${Math.cos(turn) * far}px, ${Math.sin(turn) * far + 24}px) rotate(${n * 90}deg) scale(.8)`, opacity: 0 },
    ], { duration: 1_100, easing: "ease-out" });
  }
  setTimeout(() => burst.remove(), 1_100);
}

/** A body of rows: `show(entries, at)` has them in their order, each with `user` and `score`; `rank` counts from 1 where it is not said. */
export function rows() {
  const body = h("tbody");
  const made = new Map();
  const lead = crown();
  let leader = null;
  let cheered = -CALM_MS;

  function crowned(first) {
    if (!first || first.user === leader) return;
    first.tr.querySelector(".user").prepend(lead);
    if (leader && moving()) {
      lead.animate([{ transform: "translateY(-26px) rotate(-30deg) scale(1.6)", opacity: 0 }, { transform: "none", opacity: 1 }],
        { duration: 600, easing: "cubic-bezier(.3, 1.6, .5, 1)" });
      if (performance.now() - cheered > CALM_MS) cheer(first.tr);
      cheered = performance.now();
    }
    leader = first.user;
  }

  function show(entries, at) {
    const wanted = new Set(entries.map(({ user }) => user));
    for (const user of made.keys()) if (!wanted.has(user)) made.delete(user);
    for (const { user } of entries) if (!made.has(user)) made.set(user, newRow(user));
    const shown = entries.map(({ user }) => made.get(user));
    const fill = () => entries.forEach((entry, n) => fillRow(shown[n], entry, entry.rank ?? n + 1));
    const seen = rearrange(body, shown.map(({ tr }) => tr), fill);
    entries.forEach(({ score }, n) => lively(shown[n], score, at, seen.has(shown[n].tr)));
    crowned(shown[0]);
  }

  return { body, show };
}

/** The table around it. */
export function table(body, caption) {
  const head = [["rank", "rank", ""], ["user", "who", ""], ["score", "score", "1 to 100"], ["meter", "", ""], ["past", "2 min", "what was pushed in the last two minutes"],
    ["change", "1 min", "change over the last minute"], ["change day", "day", "change since the last daily close"],
    ["people", "people", "how many different people engaged"], ["sure", "sure", "confidence: how much stands behind the score"]];
  return h("table", { class: "leaders" }, h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, head.map(([name, text, title]) =>
      text ? h("th", { scope: "col", class: name, title: title || null }, text) : h("td", { class: name })))), body);
}
