// Alerts as they come, with their causes, and what became of their messages.

import { get } from "../api.js";
import { h } from "../dom.js";
import * as live from "../live.js";
import { moving } from "../moves.js";
import { empty, failed, loading } from "../parts/states.js";
import { alertCard, deliveryLine, loud, troubleLine } from "../parts/told.js";
import { amend } from "../routes.js";

const N = 60;

const fits = {
  raised: (alert) => alert.state === "raised",
  over: (alert) => alert.state !== "raised",
  critical: (alert) => loud(alert) === "critical",
  feeds: (alert) => alert.type === "feed",
};

export function view({ query }) {
  const only = new Set((query.get("only") ?? "").split(",").filter((name) => name in fits));
  const list = h("ul", { class: "alerts" });
  const place = h("div", { class: "place" }, loading(8));
  const trouble = h("ul");
  const delivered = h("ul");
  const none = h("p", { class: "soft" }, "No channel has been told anything yet. ", h("code", {}, "clout channel add"), " says where alerts go.");
  const filters = h("div", { class: "chips", role: "group", "aria-label": "Which alerts" });
  const asking = new AbortController();
  const cards = new Map(); // id -> node
  let items = [];
  let asked = false;

  function chip(name) {
    const node = h("button", { type: "button", class: "chip", "aria-pressed": String(only.has(name)), on: { click: () => {
      if (!only.delete(name)) only.add(name);
      node.setAttribute("aria-pressed", String(only.has(name)));
      amend("alerts", { only: [...only].join(",") });
      draw();
    } } }, name);
    return node;
  }

  function draw() {
    const shown = items.filter((alert) => [...only].every((name) => fits[name](alert)));
    if (!shown.length) {
      place.replaceChildren(items.length ? empty("None of these", "Other alerts there are: choose fewer filters.") : empty("No alerts so far", "Nobody has moved as far as a rule says."));
      return;
    }
    const nodes = shown.map((alert) => {
      if (!cards.has(alert.id)) {
        const node = alertCard(alert);
        cards.set(alert.id, node);
        if (asked && moving()) requestAnimationFrame(() => node.animate([{ opacity: 0, transform: "translateY(-14px)" }, { opacity: 1, transform: "none" }], { duration: 420, easing: "ease-out" }));
      }
      return cards.get(alert.id);
    });
    list.replaceChildren(...nodes);
    if (place.firstChild !== list) place.replaceChildren(list);
  }

  function come(alert) {
    if (items.some(({ id }) => id === alert.id)) return;
    items = [alert, ...items].slice(0, N);
    draw();
  }

  function beside({ deliveries, alerts }) {
    trouble.replaceChildren(...deliveries.trouble.map(troubleLine));
    delivered.replaceChildren(...deliveries.latest.map(deliveryLine));
    none.hidden = deliveries.latest.length > 0 || deliveries.channels > 0;
    if (asked) for (const alert of [...alerts].reverse()) come(alert);
  }

  async function look() {
    try {
      items = (await get("v1/alerts", { limit: N }, asking.signal)).items;
      draw();
      asked = true;
    } catch (error) {
      if (!asking.signal.aborted) place.replaceChildren(failed(error, look));
    }
  }

  filters.append(...Object.keys(fits).map(chip));
  const ends = [live.on("alert", (alert) => asked && come(alert)), live.on("board", beside)];
  if (live.board) beside(live.board);
  live.ask({ n: 1 });
  look();
  const side = h("aside", { "aria-label": "Deliveries" }, h("section", {}, h("h2", {}, "Delivered"), trouble, delivered, none));
  const node = h("div", {}, h("div", { class: "title" }, h("h1", {}, "Alerts"), h("p", {}, "Whose score moved, how far, and why")), filters, h("div", { class: "columns" }, place, side));
  return { title: "Alerts", node, close() { asking.abort(); for (const end of ends) end(); } };
}
