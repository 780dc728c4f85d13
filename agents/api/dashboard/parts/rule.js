// A rule: in words, and as a form; both ways to and from what the API takes.

import { h } from "../dom.js";

const WITHIN = { "1h": "in an hour", "1d": "in a day", "7d": "in 7 days", "30d": "in 30 days" };
export const CAUSES = ["idle", "engagement", "reversed", "links", "reach", "participation", "facts", "model", "gap"];

/** What a rule looks for: `falls 10 points in a day`. */
export function what({ when }) {
  const unit = when.unit === "percent" ? " %" : " points";
  const within = WITHIN[when.within ?? "1d"];
  if (when.falls != null) return `falls ${when.falls}${unit} ${within}`;
  if (when.rises != null) return `rises ${when.rises}${unit} ${within}`;
  if (when.below != null) return `falls below ${when.below}`;
  if (when.percentile != null) return `falls below the percentile ${when.percentile}`;
  return `falls out of the top ${when.top}`;
}

/** Of whom. */
export function whom({ who = {} }) {
  const { users = [], network, topic, min_score, min_confidence } = who;
  const named = users.length > 3 ? `${users.slice(0, 3).join(", ")} and ${users.length - 3} more` : users.join(", ");
  return [named || [topic && `#${topic}`, network].filter(Boolean).join(" on ") || "everyone", min_score > 1 && `from ${min_score} on`, min_confidence > 0 && `confidence from ${min_confidence}`].filter(Boolean).join(", ");
}

const field = (title, input, hint) => h("label", { class: "field" }, h("span", {}, title), input, hint && h("small", {}, hint));
const select = (name, options, value) => h("select", { name }, options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
const text = (name, value, more = {}) => h("input", { name, value: value ?? null, autocomplete: "off", spellcheck: "false", dir: "auto", ...more });
const amount = (name, value, more = {}) => text(name, value, { type: "number", step: "any", inputmode: "decimal", ...more });

/** The fields of a rule; without one those of a new rule. */
export function fields(rule = { when: { falls: 5 } }) {
  const { who = {}, when } = rule;
  const sort = ["falls", "rises", "below", "percentile", "top"].find((name) => when[name] != null) ?? "falls";
  const sorts = [["falls", "falls by"], ["rises", "rises by"], ["below", "falls below"], ["percentile", "falls below the percentile"], ["top", "falls out of the top"]];
  return h("div", { class: "fields" },
    field("Name", text("name", rule.name, { required: true, pattern: "[a-z0-9][a-z0-9_.\\-]{0,63}", maxlength: 64, placeholder: "big-fall" }), "a to z, 0 to 9 and _ . -"),
    field("Severity", select("severity", [["info", "info"], ["warning", "warning"], ["critical", "critical"]], rule.severity ?? "warning")),
    h("fieldset", {}, h("legend", {}, "Of whom"),
      field("These users", text("users", who.users?.join(", "), { placeholder: "everyone" }), "parted by commas"),
      field("Network", text("network", who.network)), field("Topic", text("topic", who.topic)),
      field("From a score of", amount("min_score", who.min_score, { min: 1, max: 100 }))),
    h("fieldset", {}, h("legend", {}, "At what"),
      field("The score", select("sort", sorts, sort)), field("So much", amount("amount", when[sort], { required: true, min: 0.1 })),
      field("In", select("unit", [["points", "points"], ["percent", "per cent"]], when.unit ?? "points")),
      field("Compared with", select("within", [["1h", "an hour ago"], ["1d", "the last daily close"], ["7d", "seven days ago"], ["30d", "thirty days ago"]], when.within ?? "1d"))),
    h("fieldset", { class: "ignored" }, h("legend", {}, "Not because of"), CAUSES.map((name) => h("label", { class: "check" }, h("input", { type: "checkbox", name: "ignore", value: name, checked: (rule.ignore ?? (rule.name ? [] : ["model"])).includes(name) }), name))),
    field("Again after hours", amount("cooldown", (rule.cooldown_s ?? 21_600) / 3_600, { min: 0 }), "for the same user"));
}

const some = (value) => (value === "" || value == null ? undefined : value);

/** What a form says, as a rule; `name` stands in the address. */
export function said(form, before = {}) {
  const data = new FormData(form);
  const get = (name) => some(String(data.get(name) ?? "").trim());
  const numbers = (name) => (get(name) === undefined ? undefined : Number(get(name)));
  const users = get("users")?.split(",").map((one) => one.trim()).filter(Boolean);
  const sort = get("sort");
  const moves = sort === "falls" || sort === "rises";
  const who = { ...before.who, users, network: get("network"), topic: get("topic"), min_score: numbers("min_score") };
  const when = { [sort]: numbers("amount"), ...(moves ? { unit: get("unit"), within: get("within") } : {}) };
  const { type, name, ...kept } = before; // what the form has no field for stays as it was
  return { name: get("name"), body: JSON.parse(JSON.stringify({ ...kept, who, when, severity: get("severity"), ignore: data.getAll("ignore"), cooldown_s: Math.round(numbers("cooldown") * 3_600) })) };
}
