// The sections of a person's page: each makes people's words and charts of a part of the explanation.

import { dataTable } from "../charts/frame.js";
import { ledger, parts as strip, share } from "../charts/bars.js";
import { falling, history } from "../charts/line.js";
import { about } from "../api.js";
import { h } from "../dom.js";
import { counted, day, fixed, number, percent, signed, way, when } from "../format.js";
import { link } from "../routes.js";

const FAR_MS = 400 * 86_400_000;
const WINDOWS = { day: "halves every day", week: "halves every 7 days", quarter: "halves every 62 days" };

export const nothing = (text) => h("p", { class: "hint" }, text);

export function past(user, closes, record, alerts) {
  const none = closes.length === 0 && nothing("The first daily close comes at the end of the day; until then this is where the score stands.");
  return [none, history({ user, closes, score: record.score, now: record.as_of, alerts })];
}

/** What the score is made of, and how lasting that is. */
export function parts({ parts: { kinds, networks, reach, participation, facts = {} }, windows }) {
  const list = [...Object.entries(kinds), ["reach", reach], ["participation", participation], ...Object.entries(facts)].map(([name, points]) => ({ name, points }));
  const many = Object.keys(networks).length > 1;
  return [strip(list, "Points by kind"),
    many && h("div", { class: "sub" }, h("h3", {}, "By network"), strip(Object.entries(networks).map(([name, points]) => ({ name, points })), "Points by network")),
    h("div", { class: "sub" }, h("h3", {}, "How lasting"), strip(Object.entries(windows).map(([name, points]) => ({ name: WINDOWS[name] ?? name, points })), "Points by window"))];
}

/** Since the last close, and on the closed days before. */
export function moves({ ledger: now, days }) {
  const since = now.at == null ? "since the beginning" : ["since the close ", when(now.at)];
  return [h("p", { class: "hint" }, since, `: ${fixed(now.score, 2)}, and `, h("b", { "data-way": way(now.points, 2) }, signed(now.points, 2))),
    now.entries.length ? ledger(now.entries, "Points since the last close") : nothing("Nothing moved it."),
    days.length > 0 && h("details", { class: "behind" }, h("summary", {}, `${days.length} closed ${days.length > 1 ? "days" : "day"} before`),
      [...days].reverse().map((one) => h("div", { class: "sub" }, h("h3", {}, day(one.date, { dateStyle: "medium" }), " ", h("span", { "data-way": way(one.points, 2) }, signed(one.points, 2)), `, closed at ${fixed(one.score, 2)}`), ledger(one.entries, one.date))))];
}

export function outlook({ score, as_of, outlook: { later, below } }) {
  const falls = below.filter((one) => one.at != null && one.at - as_of < FAR_MS);
  const points = [{ at: as_of, score }, ...later, ...falls].sort((a, b) => a.at - b.at);
  const next = below.find((one) => one.at != null);
  return [falling(points), h("ul", { class: "lines" },
    later.map((one) => h("li", {}, `in ${one.days} ${one.days === 1 ? "day" : "days"}`, h("b", {}, fixed(one.score)), h("span", { "data-way": way(one.score - score) }, signed(one.score - score)))),
    next && h("li", {}, `below ${next.score}`, when(next.at)))];
}

export function topics(items) {
  if (!items.length) return nothing("No topics yet: they count from three different people on two days on.");
  return h("ul", { class: "shares" }, items.map((one) => h("li", {}, h("a", { href: link("board", { topic: one.topic }) }, h("bdi", {}, `#${one.topic}`)), share(one.share), h("b", {}, percent(one.share)),
    h("span", { class: "soft" }, `${one.rank == null ? "" : `rank ${number(one.rank)} · `}${number(one.people)} people · `, when(one.last)))));
}

/** What somebody calls an object is an address only if it plainly is one. */
function object(text) {
  const name = h("bdi", { dir: "auto" }, text);
  return /^https?:\/\/[^\s"<>]+$/.test(text) ? h("a", { class: "object", href: text, rel: "noopener noreferrer nofollow", target: "_blank", title: text }, name) : h("span", { class: "object", title: text }, name);
}

export function moments(items) {
  if (!items.length) return nothing("Nothing has stood out yet.");
  return h("ol", { class: "shares" }, items.map((one) => h("li", {}, object(one.object), share(one.share), h("b", {}, percent(one.share)),
    h("span", { class: "soft" }, Object.entries(one.kinds).map(([kind, count]) => counted(count, kind)).join(", "), ` · ${number(one.people)} people · `, when(one.last)))));
}

export function oneMore({ one_more: { average, selective }, next_decade: next }) {
  const kinds = Object.keys(average.points);
  const head = ["one more", "from an average person", "from a selective one", ...(next ? [`for ${next.score}`] : [])];
  const lines = kinds.map((kind) => [kind, signed(average.points[kind], 2), signed(selective.points[kind], 2), ...(next ? [number(next.engagements[kind])] : [])]);
  return [dataTable("What one more engagement would give, in points", head, lines),
    next && h("p", { class: "hint" }, `${next.score} is ${fixed(next.points)} points away: so many of one kind at once, from as many average people, are enough.`)];
}

/** The card and the badge, and what to write to have them elsewhere. */
export function embedded(user) {
  const card = new URL(about(user, "card"), document.baseURI).href;
  return [h("img", { src: about(user, "badge.svg"), alt: `badge of ${user}`, height: 20 }), h("p", { class: "hint" }, "A card that keeps itself current, for an iframe:"),
    h("pre", { class: "snippet", tabindex: 0 }, h("code", {}, `<iframe src="${card}" width="340" height="150" title="Clout score"></iframe>`))];
}
