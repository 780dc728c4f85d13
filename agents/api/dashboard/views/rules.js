// The rules in force; with a token they are written here. Before that they can be tried on the closes of ninety days.

import { get, post, put as send, remove } from "../api.js";
import { dataTable } from "../charts/frame.js";
import { h } from "../dom.js";
import { day, fixed, number, signed, way } from "../format.js";
import * as live from "../live.js";
import { fields, said, what, whom } from "../parts/rule.js";
import { empty, failed, loading } from "../parts/states.js";
import { inline } from "../parts/who.js";
import { amend } from "../routes.js";

const AGAIN_MS = 1_500; // workers take a rule up within a second or so
const SHOWN = 40;
const path = (name) => `v1/rules/${encodeURIComponent(name)}`;

/** What a trial came to. */
function outcome(found) {
  const { counts, alerted, judged, of, items } = found;
  const span = found.from ? `${day(found.from, { dateStyle: "medium" })} to ${day(found.until, { dateStyle: "medium" })}` : "no closes yet";
  const head = h("p", {}, h("b", { class: "verdict-number" }, number(counts.raised)), counts.raised === 1 ? " alert" : " alerts", ` about ${number(alerted)} of ${number(judged)} users`);
  const bounded = judged < of ? ` Only the ${number(judged)} highest of ${number(of)} were judged.` : "";
  const lines = items.slice(0, SHOWN).map((one) => [inline(one.user), one.state, day(one.date, { dateStyle: "medium" }), fixed(one.score), [signed(one.change), way(one.change)]]);
  const table = lines.length > 0 && dataTable("What it would have sent", ["user", "", "day", "score", "change"], lines);
  return [head, h("p", { class: "hint" }, `Judged at daily closes, ${span}.${bounded} Not seen: ${found.not_judged.join("; ")}.`), table, items.length > SHOWN && h("p", { class: "hint" }, `and ${number(items.length - SHOWN)} more of the newest`)];
}

/** What is wrong with what was sent, and where. */
function complaint(error) {
  if (error.barred || !error.status) return failed(error);
  const [first] = error.problem.errors ?? [];
  return h("p", { class: "complaint", role: "alert" }, first ? [h("b", {}, first.at), ` ${first.message}`] : error.message);
}

function editor(rule, saved, closed) {
  const result = h("div", { class: "outcome", "aria-live": "polite" });
  const button = (text, plain, more = {}) => h("button", { class: plain ? "button plain" : "button", ...more }, text);
  const form = h("form", { class: "card editor", on: { submit: write } }, h("h2", {}, rule?.name ? `Change ${rule.name}` : "A new rule"), fields(rule),
    h("p", { class: "actions" }, button("Cancel", true, { type: "button", on: { click: closed } }), button("Test against history", true, { type: "button", on: { click: tried } }), button("Put in force", false)), result);

  async function doing(act) {
    form.setAttribute("aria-busy", "true");
    try {
      await act(said(form, rule));
    } catch (error) {
      result.replaceChildren(complaint(error));
    } finally {
      form.removeAttribute("aria-busy");
    }
  }

  function tried() {
    if (!form.elements.amount.reportValidity()) return;
    result.replaceChildren(loading(3));
    doing(async ({ body }) => result.replaceChildren(...outcome(await post("v1/trial", body)).filter(Boolean)));
  }

  function write(event) {
    event.preventDefault();
    doing(async ({ name, body }) => {
      await send(path(name), body);
      saved(name);
    });
  }

  return form;
}

export function view({ query }) {
  const place = h("div", {}, loading(5));
  const edited = h("div");
  const told = h("p", { class: "sent", role: "status" });
  const asking = new AbortController();
  let due;

  function edit(rule) {
    amend("rules", { rule: rule?.name ?? "new" });
    const node = editor(rule, (name) => sent(`${name} is sent; workers take it up within a second or so.`), leave);
    edited.replaceChildren(node);
    node.querySelector("input").focus();
    node.scrollIntoView({ block: "nearest" });
  }

  function leave() {
    amend("rules");
    edited.replaceChildren();
  }

  function sent(text) {
    leave();
    told.textContent = text;
    due = setTimeout(look, AGAIN_MS);
  }

  function dropped(rule, card) {
    const sure = h("span", { class: "asked" }, "Remove it?", h("button", { type: "button", class: "button plain", on: { click: () => sure.remove() } }, "Keep"),
      h("button", { type: "button", class: "button", on: { click: async () => {
        try {
          await remove(path(rule.name));
          sent(`${rule.name} is removed; open alerts end with it.`);
        } catch (error) {
          sure.replaceChildren(error.barred ? failed(error) : h("p", { class: "complaint", role: "alert" }, error.message));
        }
      } } }, "Remove"));
    card.querySelector(".asked")?.remove();
    card.append(sure);
    sure.querySelector("button").focus();
  }

  function one(rule) {
    const severity = rule.severity ?? "warning";
    const card = h("li", { class: "card rule", "data-severity": severity }, h("h2", {}, rule.name), h("p", { class: "what" }, h("bdi", {}, whom(rule)), " ", h("b", {}, what(rule))),
      h("p", { class: "hint" }, [severity, rule.ignore?.length && `not because of ${rule.ignore.join(", ")}`, rule.require?.length && `only because of ${rule.require.join(", ")}`, rule.urgent && "urgent"].filter(Boolean).join(" · ")),
      h("p", { class: "actions" }, h("button", { type: "button", class: "button plain", on: { click: () => edit(rule) } }, "Change or test", h("span", { class: "unseen" }, ` ${rule.name}`)),
        h("button", { type: "button", class: "button plain", on: { click: () => dropped(rule, card) } }, "Remove", h("span", { class: "unseen" }, ` ${rule.name}`))));
    return card;
  }

  async function look() {
    try {
      const { items } = await get("v1/rules", {}, asking.signal);
      const list = items.length ? h("ul", { class: "rules" }, items.map(one)) : empty("No rules in force", "Nobody is told anything. Write the first one.");
      place.replaceChildren(list);
      const wanted = query.get("rule");
      if (wanted && !edited.firstChild) edit(items.find(({ name }) => name === wanted));
    } catch (error) {
      if (!asking.signal.aborted) place.replaceChildren(failed(error, look));
    }
  }

  live.ask({ n: 1 });
  look();
  const add = h("button", { type: "button", class: "button", on: { click: () => edit() } }, "New rule");
  const node = h("div", {}, h("div", { class: "title" }, h("h1", {}, "Rules"), h("p", {}, "At what an alert is raised, and of whom"), add), told, edited, place);
  return { title: "Rules", node, close() { asking.abort(); clearTimeout(due); } };
}
