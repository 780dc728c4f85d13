// What runs and what is wrong: workers and partitions, feeds, channels and deliveries.

import { get } from "../api.js";
import { behind, dataTable } from "../charts/frame.js";
import { h } from "../dom.js";
import { millis, number, when } from "../format.js";
import * as live from "../live.js";
import { failed, loading } from "../parts/states.js";
import { deliveryLine } from "../parts/told.js";
import { link } from "../routes.js";

const AGAIN_MS = 4_000;
const LATE_MS = 10_000;
const SILENT_MS = 30_000; // as `clout status` has it

const age = (ms) => (ms == null ? "never" : ms > SILENT_MS ? "silent" : ms > LATE_MS ? "late" : "fresh");

function partitions(list) {
  const tile = (one) => h("li", { "data-age": age(one.age_ms), title: `partition ${one.partition}: ${one.owner ?? "nobody"}, ${one.age_ms == null ? "it never wrote" : `spoke ${millis(one.age_ms)} ago`}` },
    h("b", {}, String(one.partition)), h("span", {}, number(one.users)));
  const lines = list.map((one) => [String(one.partition), h("bdi", {}, one.owner ?? "–"), millis(one.age_ms), number(one.users), one.model ?? "–", String(one.version ?? "–")]);
  return [h("ul", { class: "grid-of" }, list.map(tile)), behind("Partitions", ["partition", "worker", "spoke", "users", "model", "version"], lines)];
}

function channels(list) {
  if (!list.length) return h("p", { class: "soft" }, "No channels: alerts are shown here, and sent nowhere. ", h("code", {}, "clout channel add"), " says where to.");
  const lines = list.map(({ name, state, trouble, standing }) => [h("bdi", {}, name), [state, trouble && "down"], ...["waiting", "dead", "delivered", "failed"].map((key) => number(standing?.[key]))]);
  return dataTable("Channels", ["channel", "state", "waiting", "dead", "delivered", "failed"], lines);
}

/** Feeds whose newest alert says that nothing comes. */
function feeds(alerts, networks) {
  const newest = new Map();
  for (const one of alerts) if (one.type === "feed" && !newest.has(one.network)) newest.set(one.network, one);
  const names = [...new Set([...networks.map(({ network }) => network), ...newest.keys()])];
  if (!names.length) return h("p", { class: "soft" }, "No network has sent anything yet.");
  return h("ul", {}, names.map((network) => {
    const alert = newest.get(network);
    const silent = alert?.state === "raised";
    return h("li", { class: "told", "data-state": silent ? "raised" : "recovered" }, h("p", { class: "head" }, h("span", { class: "what" }, silent ? "silent" : "well"), h("a", { class: "inline", href: link("board", { network }) }, h("bdi", {}, network)), silent && when(alert.at)), silent && h("p", { class: "why" }, alert.sentence));
  }));
}

function verdict(found) {
  if (!found.wrong.length) return h("section", { class: "card verdict", "data-well": true }, h("h2", {}, "All is well"), h("p", { class: "soft" }, `${number(found.workers.length)} ${found.workers.length === 1 ? "worker" : "workers"} for ${number(found.partitions.length)} partitions, ${number(found.users)} users`));
  return h("section", { class: "card verdict", role: "alert" }, h("h2", {}, found.wrong.length === 1 ? "One thing is wrong" : `${found.wrong.length} things are wrong`), h("ul", {}, found.wrong.map((text) => h("li", { dir: "auto" }, text))));
}

function figures(found) {
  const stats = live.board?.stats;
  const one = (title, value) => h("div", {}, h("dt", {}, title), h("dd", {}, value));
  return h("dl", { class: "tiles five" }, one("workers", number(found.workers.length)), one("users", number(found.users)), one("events a second", number(stats?.events_per_s)), one("event to score, half", millis(found.latency_ms.p50)), one("99 of 100", millis(found.latency_ms.p99)));
}

export function view() {
  const place = h("div", {}, loading(8));
  const node = h("div", {}, h("div", { class: "title" }, h("h1", {}, "Health"), h("p", {}, "What runs, what arrives, and what is wrong")), place);
  const asking = new AbortController();
  let due;

  function show(found, alerts, boards) {
    const card = (title, name, ...body) => h("section", { class: `card ${name}` }, h("h2", {}, title), body);
    const workers = h("ul", { class: "workers" }, found.workers.map((one) => h("li", {}, h("bdi", {}, one), h("span", { class: "soft" }, ` ${number(found.partitions.filter(({ owner }) => owner === one).length)} partitions`))));
    place.replaceChildren(verdict(found), figures(found), h("div", { class: "grid" }, card("Partitions", "w8", partitions(found.partitions)), card("Workers", "w4", found.workers.length ? workers : h("p", { class: "soft" }, "None. Is ", h("code", {}, "clout worker"), " running?")),
      card("Channels", "w8", channels(found.channels)), card("Feeds", "w4", feeds(alerts, boards.networks)),
      card("Deliveries", "w12", found.deliveries.length ? h("ul", {}, found.deliveries.map(deliveryLine)) : h("p", { class: "soft" }, "None yet."))),
    h("p", { class: "hint soft gap" }, "Gaps and silences that were declared stand in Kafka: ", h("code", {}, "clout status"), " has them."));
  }

  async function look() {
    try {
      const [found, { items }, boards] = await Promise.all([get("v1/status", {}, asking.signal), get("v1/alerts", { limit: 200 }, asking.signal), get("v1/boards", { topics: 0 }, asking.signal)]);
      if (!place.querySelector("details[open], :focus-within")) show(found, items, boards);
      place.classList.remove("old");
    } catch (error) {
      if (asking.signal.aborted) return;
      if (place.querySelector(".card")) place.classList.add("old");
      else place.replaceChildren(failed(error, look));
    }
    if (!asking.signal.aborted) due = setTimeout(look, AGAIN_MS);
  }

  live.ask({ n: 1 });
  look();
  return { title: "Health", node, close() { asking.abort(); clearTimeout(due); } };
}
