// Two to five people beside each other.

import { get } from "../api.js";
import { dataTable } from "../charts/frame.js";
import { histories } from "../charts/line.js";
import { h } from "../dom.js";
import { above, number, percent, signed, way } from "../format.js";
import * as live from "../live.js";
import { count } from "../moves.js";
import { search } from "../parts/search.js";
import { empty, failed, loading } from "../parts/states.js";
import { face, named, who } from "../parts/who.js";
import { link } from "../routes.js";

const MOST = 5;
const AGAIN_MS = 15_000;

const LINES = [
  ["behind the first", (one) => (one.behind ? signed(-one.behind) : "first")],
  ["rank", (one) => number(one.rank)],
  ["above", (one) => above(one.percentile)],
  ["today", (one) => [signed(one.delta?.day), way(one.delta?.day)]],
  ["7 days", (one) => [signed(one.delta?.week), way(one.delta?.week)]],
  ["people", (one) => number(one.actors)],
  ["engagements", (one) => number(one.engagements)],
  ["confidence", (one) => percent(one.confidence)],
];

function table(items, scores, take) {
  const head = items.map((one, n) => [h("div", { class: "beside" }, h("span", { class: `swatch k${n + 1}`, "aria-hidden": "true" }), who(one.user, 26),
    h("button", { type: "button", class: "icon small", "aria-label": `take ${one.user} away`, on: { click: () => take(one.user) } }, "×")), scores.get(one.user)]);
  const topics = items.map((one) => h("span", { class: "wrap" }, one.topics.slice(0, 5).flatMap((topic) => [h("a", { href: link("board", { topic }) }, h("bdi", {}, `#${topic}`)), " "]), one.topics.length === 0 && "–"));
  const found = dataTable("Beside each other", ["", ...head], [...LINES.map(([title, write]) => [title, ...items.map(write)]), ["topics", ...topics]]);
  found.firstChild.classList.add("compared");
  return found;
}

export function view({ query }) {
  const ids = [...new Set(query.getAll("ids"))].slice(0, MOST);
  const to = (some) => { location.hash = link("compare", { ids: some }); };
  const take = (user) => to(ids.filter((one) => one !== user));
  const scores = new Map(ids.map((user) => [user, h("p", { class: "big" })]));
  const place = h("div", {}, ids.length > 1 ? loading(8) : null);
  const add = ids.length < MOST && h("div", { class: "search" }, search({ id: "added", placeholder: ids.length ? "Add somebody" : "Who first?", choose: (user) => to([...ids, user]) }));
  const chosen = ids.length === 1 && h("span", { class: "chip" }, face(ids[0], 18), named(ids[0]));
  const node = h("div", {}, h("div", { class: "title" }, h("h1", {}, "Compare"), h("p", {}, "Up to five people beside each other")), h("div", { class: "finder" }, add, chosen), place);
  const asking = new AbortController();
  let due;

  function show(items, now, common) {
    items.forEach((one) => count(scores.get(one.user), one.score, (value) => value.toFixed(1)));
    const series = items.map((one) => ({ user: one.user, score: one.score, closes: one.history }));
    if (place.querySelector("details[open], :focus-within")) return;
    place.replaceChildren(h("section", { class: "card" }, histories(series, now)), h("section", { class: "card gap" }, table(items, scores, take)),
      common.length > 0 && h("p", { class: "chips gap" }, h("span", { class: "soft" }, "in common"), common.map((topic) => h("a", { class: "chip", href: link("board", { topic }) }, h("bdi", {}, `#${topic}`)))) || "");
  }

  async function look() {
    try {
      const found = await get("v1/compare", { ids }, asking.signal);
      show(found.items, found.as_of, found.topics_in_common);
    } catch (error) {
      if (asking.signal.aborted) return;
      if (!place.querySelector(".card")) place.replaceChildren(failed(error, look));
    }
    if (!asking.signal.aborted) due = setTimeout(look, AGAIN_MS);
  }

  const end = live.on("scores", ({ users }) => {
    for (const one of users) if (scores.has(one.user)) count(scores.get(one.user), one.score, (value) => value.toFixed(1));
  });
  if (ids.length > 1) look();
  else place.replaceChildren(empty(ids.length ? "One more, and they stand beside each other" : "Nobody chosen yet", "Search above: by the beginning of a name, with the network or without."));
  live.ask(ids.length > 1 ? { users: ids, scores: true, n: 1 } : { n: 1 });
  return { title: "Compare", node, close() { asking.abort(); clearTimeout(due); end(); } };
}
