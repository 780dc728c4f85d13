// The leaderboard, live: overall, of a network, or for a topic; beside it what happens.

import { get } from "../api.js";
import { h, mark, put, s } from "../dom.js";
import { compact, millis, number } from "../format.js";
import * as live from "../live.js";
import { moving } from "../moves.js";
import { rows, table } from "../parts/rows.js";
import { empty, failed, loading, warning } from "../parts/states.js";
import { alertLine, deliveryLine, troubleLine } from "../parts/told.js";
import { link } from "../routes.js";

const N = 50;
const CLOSER_MS = 5_000;
const BOARDS_MS = 20_000; // new networks and topics come
const FAILED_MS = 15_000;
const AGAIN_MS = 3_000; // a board of a network or a topic is asked for as a whole; in between its scores are pushed
const TOPICS = 14;
const ALERTS = 8;

function tiles() {
  const cell = {};
  const tile = (name, title, hint) => {
    cell[name] = h("dd", {}, "–");
    return h("div", { title: hint }, h("dt", {}, title), cell[name]);
  };
  const pulse = s("polyline", { fill: "none", points: "" });
  const node = h("dl", { class: "tiles" }, tile("rate", "events a second", "over the last ten seconds"), tile("events", "events", "all that were counted"),
    tile("population", "people scored", "on the overall board"), tile("p50", "event to score", "half of them are quicker"), tile("p99", "99 of 100", "within"));
  node.firstChild.append(s("svg", { class: "pulse", viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true" }, pulse));
  const rates = [];

  function show(stats) {
    put(cell.rate, number(stats.events_per_s));
    put(cell.events, stats.events < 1e6 ? number(stats.events) : compact(stats.events));
    put(cell.population, number(stats.population));
    put(cell.p50, millis(stats.latency_p50_ms));
    put(cell.p99, millis(stats.latency_p99_ms));
    rates.push(stats.events_per_s);
    if (rates.length > 60) rates.shift();
    const top = Math.max(...rates, 1);
    mark(pulse, "points", rates.map((rate, n) => `${((n + 60 - rates.length) / 59) * 100},${28 - (rate / top) * 24}`).join(" "));
  }

  return { node, show };
}

function chips(found, { network, topic }) {
  const chip = (text, to, on) => h("a", { class: "chip", href: to, "aria-current": on ? "true" : null }, h("bdi", {}, text));
  const networks = found.networks.map((one) => chip(one.network, link("board", { network: one.network }), one.network === network));
  const some = found.topics.slice(0, TOPICS);
  if (topic && !some.includes(topic)) some.unshift(topic);
  const topics = some.map((one) => chip(`#${one}`, link("board", { topic: one }), one === topic));
  return [chip("everyone", link("board"), !network && !topic), networks, topics.length > 0 && h("span", { class: "parted", "aria-hidden": "true" }), topics];
}

/** Alerts and deliveries beside the board. */
function aside() {
  const alerts = h("ul", { id: "alerts" });
  const calm = h("p", { class: "soft", id: "calm" }, "Nobody has fallen so far.");
  const trouble = h("ul", { id: "trouble" });
  const delivered = h("ul", { id: "delivered" });
  const deliveries = h("section", { id: "deliveries", hidden: true }, h("h2", {}, "Delivered"), trouble, delivered);
  const note = h("p", { class: "note", hidden: true });
  let shown = "";
  let sent = "";

  function show(board) {
    const ids = JSON.stringify(board.alerts.map((alert) => alert.id));
    if (ids !== shown) {
      const known = new Set([...alerts.children].map((one) => one.dataset.id));
      const fresh = shown !== "" && moving();
      shown = ids;
      calm.hidden = board.alerts.length > 0;
      alerts.replaceChildren(...board.alerts.slice(0, ALERTS).map(alertLine));
      for (const one of alerts.children) {
        if (fresh && !known.has(one.dataset.id)) one.animate([{ opacity: 0, transform: "translateX(24px)" }, { opacity: 1, transform: "none" }], { duration: 450, easing: "ease-out" });
      }
    }
    const text = JSON.stringify(board.deliveries);
    if (text !== sent) {
      sent = text;
      deliveries.hidden = !board.deliveries.channels && !board.deliveries.latest.length;
      trouble.replaceChildren(...board.deliveries.trouble.map(troubleLine));
      delivered.replaceChildren(...board.deliveries.latest.slice(0, 4).map(deliveryLine));
    }
    note.hidden = !board.note;
    put(note, board.note ?? "");
  }

  const node = h("aside", { "aria-label": "What happens" }, note,
    h("section", {}, h("h2", {}, h("a", { href: link("alerts") }, "Latest alerts")), calm, alerts), deliveries);
  return { node, show };
}

/** What is wrong with what is shown, if something is. */
function staleness(board) {
  if (live.state.name === "away") return ["The server does not answer.", "What you see is the last that came; it goes on by itself."];
  if (live.state.name === "down") return ["Redis does not answer.", "Scores are safe; they come back as soon as it does."];
  const { fresh, of } = board?.stats.partitions ?? { fresh: 1, of: 1 };
  if (!fresh) return ["No worker is writing scores.", "What you see only fades until one does."];
  if (fresh < of) return [`${of - fresh} of ${of} partitions are silent.`, "Scores of their users only fade."];
  return null;
}

export function view({ query }) {
  const network = query.get("network") || null;
  const topic = query.get("topic") || null;
  const own = network || topic;
  const title = topic ? `#${topic}` : network ?? "Leaderboard";
  const list = rows();
  const head = tiles();
  const side = aside();
  const filters = h("nav", { class: "chips", "aria-label": "Boards" });
  const above = h("div", { class: "above" });
  const place = h("div", { class: "place" }, loading(10));
  const board = table(list.body, title);
  const ends = [];
  let entries = [];
  let due;
  let closed = false;
  let boards = "";
  let frame;
  let near = "";
  let nearer = 0;
  let later;

  /** Once for all that comes before the next frame. */
  function draw(at) {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => !closed && drawn(at));
  }

  function drawn(at) {
    if (!entries.length) {
      place.replaceChildren(empty("No scores yet", "They appear with the first event."));
    } else {
      if (place.firstChild !== board) place.replaceChildren(board);
      list.show(entries, at);
    }
  }

  function warn() {
    const said = staleness(live.board);
    const text = said?.join(" ") ?? "";
    if (above.textContent !== text) above.replaceChildren(...(said ? [warning(...said)] : []));
    place.classList.toggle("old", Boolean(said));
  }

  async function whole() {
    clearTimeout(due);
    let wait = AGAIN_MS;
    try {
      const found = await get("v1/leaderboard", { network, topic, limit: N });
      if (closed) return;
      entries = found.items.map((one) => ({ ...one, day: one.delta?.day, change: one.delta?.hour ?? 0 }));
      draw(found.as_of);
    } catch (error) {
      wait = FAILED_MS;
      if (!entries.length && !closed) place.replaceChildren(failed(error, whole));
    }
    if (!closed) due = setTimeout(whole, wait);
  }

  /** Scores of who is shown are pushed at once; the whole board, of which others may become part, four times a second. */
  function closer() {
    const users = entries.map(({ user }) => user).sort();
    const text = JSON.stringify(users);
    if (text === near || Date.now() - nearer < CLOSER_MS || !users.length) return;
    near = text;
    nearer = Date.now();
    live.ask({ users, scores: true, n: N });
  }

  async function which() {
    try {
      const found = await get("v1/boards", { topics: TOPICS });
      const text = JSON.stringify([found.networks.map((one) => one.network), found.topics]);
      if (text !== boards && !filters.contains(document.activeElement)) filters.replaceChildren(...chips(found, { network, topic }).flat().filter(Boolean));
      boards = text;
    } catch {
      // the board itself says what is wrong
    }
    if (!closed) later = setTimeout(which, BOARDS_MS);
  }

  function come(told) {
    head.show(told.stats);
    side.show(told);
    if (!own) {
      entries = told.top;
      draw(told.now);
    }
    warn();
  }

  ends.push(live.on("board", (told) => {
    come(told);
    if (!own) closer();
  }));
  ends.push(live.on("scores", ({ as_of, users }) => {
    const news = new Map(users.map((one) => [one.user, one.score]));
    if (!entries.some(({ user }) => news.has(user))) return;
    entries = entries.map((one) => (news.has(one.user) ? { ...one, score: news.get(one.user) } : one));
    if (!topic) entries.sort((a, b) => b.score - a.score);
    entries = entries.map((one, n) => ({ ...one, rank: n + 1 }));
    draw(as_of);
  }));
  ends.push(live.on("state", (state) => {
    if (state.name === "barred" && !entries.length) place.replaceChildren(failed(Object.assign(new Error(state.why), { barred: true, status: 401 }), live.again));
    warn();
  }));
  live.ask(own ? { network, topic, scores: true, n: 1 } : { n: N });
  if (own) whole();
  if (live.board) come(live.board);
  else warn();
  which();

  const name = h("h1", {}, topic ? h("bdi", {}, `#${topic}`) : h("bdi", {}, network ?? "Who moves people, right now"));
  const intro = topic ? "Who is engaged with most for this topic" : network ? "Everyone of this network" : "Social influence from 1 to 100, while it happens";
  const node = h("div", {}, h("div", { class: "title" }, name, h("p", {}, intro)), head.node, filters, above, h("div", { class: "columns" }, place, side.node));
  return {
    title: own ? title : "Clout",
    node,
    close() {
      closed = true;
      clearTimeout(due);
      clearTimeout(later);
      for (const end of ends) end();
    },
  };
}
