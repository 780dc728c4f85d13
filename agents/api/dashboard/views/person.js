// One person: the score in large, where it comes from, where it goes, and who is behind it.

import { about, get } from "../api.js";
import { circle } from "../charts/circle.js";
import { ring } from "../charts/ring.js";
import { style } from "../charts/style.js";
import { h } from "../dom.js";
import { above as beyond, ago, fixed, number, percent, signed, way, when } from "../format.js";
import * as live from "../live.js";
import { flash } from "../moves.js";
import * as made from "../parts/explained.js";
import { failed, loading, warning } from "../parts/states.js";
import { alertLine } from "../parts/told.js";
import { face, inline, split } from "../parts/who.js";
import { link } from "../routes.js";

const LEAST_MS = 2_000; // between two looks, however often the score moves
const LONGEST_MS = 20_000;
const CHANGES = [["hour", "last hour"], ["day", "today"], ["week", "7 days"], ["month", "30 days"]];

function hero(user) {
  const { name, beside } = split(user);
  const big = ring();
  const facts = h("dl", { class: "facts" });
  const tags = h("p", { class: "tags" });
  const fresh = h("p", { class: "soft fresh" });
  const links = h("p", { class: "links" }, h("a", { class: "button plain", href: link("compare", { ids: [user] }) }, "Compare"), h("a", { class: "button plain", href: link("spread", { user }) }, "Where in the spread"));
  const node = h("section", { class: "card hero" }, face(user, 84),
    h("div", { class: "about" }, h("h1", { title: user }, h("bdi", { dir: "auto" }, name)), h("p", { class: "soft" }, h("bdi", { dir: "auto" }, beside)), tags, facts, fresh, links), big.node);

  function fact(title, value, hint, change) {
    return h("div", { title: hint ?? null }, h("dt", {}, title), h("dd", { "data-way": change == null ? null : way(change) }, value));
  }

  function show(record) {
    big.show(record.score);
    const changes = CHANGES.filter(([key]) => record.delta?.[key] != null).map(([key, title]) => fact(title, signed(record.delta[key]), "points", record.delta[key]));
    const place = record.rank == null ? [] : [fact(record.board ? `rank on ${record.board}` : "rank", `${number(record.rank)}`, `of ${number(record.of)}`)];
    const above = record.percentile == null ? [] : [fact("above", beyond(record.percentile), "of those engaged with in the last 90 days")];
    facts.replaceChildren(...place, ...above, ...changes, fact("people", number(record.actors), record.actors_error ? `give or take ${percent(record.actors_error, 1)}` : "exact"), fact("confidence", percent(record.confidence), "how much stands behind the score"));
    tags.replaceChildren(...[
      record.provisional && h("span", { class: "tag", title: "fewer than five different people are behind this score" }, "provisional"),
      record.counted === false && h("span", { class: "tag", title: "nobody has engaged in the last 90 days" }, "not counted in percentiles"),
      record.person && h("span", {}, "an account of ", inline(record.person)),
      record.accounts?.length > 0 && h("span", {}, "accounts: ", record.accounts.flatMap((one, n) => [n ? ", " : "", inline(one)])),
    ].filter(Boolean));
    const { freshness } = record;
    fresh.replaceChildren("newest engagement ", when(record.event_ts), freshness?.as_of ? h("span", {}, ", partition ", number(freshness.partition), " spoke ", when(freshness.as_of)) : "", `, model ${record.model}`);
  }

  return { node, show, big, facts };
}

/** Sections that are made anew only when what they show has changed, and never while somebody reads or uses them. */
function sections() {
  const known = new Map();
  return (into, name, title, data, make, wide = "") => {
    let one = known.get(name);
    if (!one) {
      one = { body: h("div", {}), said: "" };
      known.set(name, one);
      one.node = h("section", { class: `card ${wide}`, "data-name": name }, h("h2", {}, title), one.body);
      into.append(one.node);
    }
    const said = JSON.stringify(data);
    const used = one.node.contains(document.activeElement) || one.node.querySelector("details[open], :hover");
    if (said === one.said || (used && one.said)) return;
    one.said = said;
    one.body.replaceChildren(...[make()].flat().filter(Boolean));
  };
}

export function view({ id: user }) {
  let top;
  const above = h("div");
  const grid = h("div", { class: "grid" });
  const node = h("div", {}, loading(8));
  const section = sections();
  const left = h("div", { class: "stack w7" });
  const right = h("div", { class: "stack w5" });
  const asking = new AbortController();
  const ends = [];
  let due;
  let looked = 0;

  function show(record, told, history_, ranked) {
    if (!top) node.replaceChildren(above, (top = hero(user)).node, grid);
    top.show(record);
    const { freshness } = record;
    const silent = freshness && !freshness.fresh;
    above.replaceChildren(...(silent ? [warning("Nobody keeps this score just now.", `Its partition spoke ${freshness.as_of ? ago(freshness.as_of) : "never"}; it only fades until a worker is back.`)] : []));
    const alerts = told.alerts ?? [];
    section(grid, "history", "Ninety days", [history_, alerts.map(({ id }) => id), fixed(record.score)], () => made.past(user, history_, record, alerts), "w8");
    section(grid, "style", "Style", told.standing, () => (told.standing.style ? style(told.standing.style) : made.nothing("Persons have no style of their own; their accounts have.")), "w4");
    section(grid, "parts", "What it is made of", [told.parts, told.windows], () => made.parts(told), "w4");
    section(grid, "ledger", "What moved it", [told.ledger, told.days], () => made.moves(told), "w4");
    section(grid, "outlook", "If nothing happens", told.outlook, () => made.outlook(told), "w4");
    if (!left.isConnected) grid.append(left, right);
    const { influencers = [], influencees = [], moments = [] } = told.influence ?? {};
    section(left, "people", "Who moves whom", [influencers, influencees], () => (influencers.length + influencees.length ? circle(user, influencers, influencees) : made.nothing("Nobody yet.")));
    section(left, "moments", "Best moments", moments, () => made.moments(moments));
    section(right, "topics", "What it is for", ranked, () => made.topics(ranked));
    section(right, "alerts", "Alerts", alerts.map(({ id }) => id), () => (alerts.length ? h("ul", {}, alerts.slice(0, 6).map(alertLine)) : made.nothing("None: this score has not set off any.")));
    section(right, "more", "What one more would give", [told.one_more, told.next_decade], () => made.oneMore(told));
    section(right, "card", "On your own page", user, () => made.embedded(user));
  }

  async function look() {
    clearTimeout(due);
    looked = Date.now();
    try {
      const [record, told, closes, ranked] = await Promise.all(["", "explain", "history", "topics"].map((part) => get(about(user, part), {}, asking.signal)));
      const models = new Map(told.history.map((close) => [close.date, close.model]));
      show(record, told, closes.items.map((close) => ({ ...close, model: models.get(close.date) })), ranked.items);
    } catch (error) {
      if (asking.signal.aborted) return;
      if (!top) node.replaceChildren(failed(error, look));
    }
    if (!asking.signal.aborted) due = setTimeout(look, LONGEST_MS);
  }

  function soon() {
    clearTimeout(due);
    due = setTimeout(look, Math.max(0, looked + LEAST_MS - Date.now()));
  }

  function moved(score, before) {
    if (!top) return;
    top.big.show(score);
    flash(top.node, way(score - before, 2));
    soon();
  }

  ends.push(live.on("scores", ({ users }) => {
    const mine = users.find((one) => one.user === user);
    if (mine) moved(mine.score, mine.before ?? mine.score);
  }));
  ends.push(live.on("alert", (alert) => alert.user === user && soon()));
  ends.push(live.on("snapshot", soon));
  ends.push(live.on("state", ({ name }) => node.classList.toggle("old", name === "away" || name === "down")));
  live.ask({ users: [user], scores: true, n: 1 });
  look();
  return {
    title: user,
    node,
    close() {
      asking.abort();
      clearTimeout(due);
      for (const end of ends) end();
    },
  };
}
