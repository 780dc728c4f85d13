// Alerts and deliveries as lines: what happened, to whom, why, how far it moved them.

import { h } from "../dom.js";
import { cause, fixed, signed, way, when } from "../format.js";
import { inline, split } from "./who.js";

// an alert of an older version has `fall` instead of `change`, and neither a sentence nor how loud it is
export const moved = (alert) => alert.change ?? -(alert.fall ?? 0);
export const loud = (alert) => alert.severity ?? "warning";

const points = (alert) => h("span", { class: "moved", "data-way": way(moved(alert)) }, signed(moved(alert)));

/** One alert in short. */
export function alertLine(alert) {
  const { state } = alert;
  const feed = alert.type === "feed";
  const title = [loud(alert), feed ? "feed" : `rule ${alert.rule}`, alert.cause && `cause: ${cause(alert.cause)}`].filter(Boolean).join(", ");
  return h("li", { class: "told", "data-state": state, "data-severity": loud(alert), "data-id": alert.id, title },
    h("p", { class: "head" }, h("span", { class: "what" }, state), feed ? h("bdi", { class: "inline" }, alert.network) : inline(alert.user, split(alert.user).id),
      !feed && points(alert), when(alert.at)),
    alert.sentence && h("p", { class: "why", dir: "auto" }, alert.sentence));
}

/** One alert with all of what moved the score. */
export function alertCard(alert) {
  const line = alertLine(alert);
  if (alert.type === "feed") return line;
  const most = Math.max(...(alert.causes ?? []).map((one) => Math.abs(one.points)), 0.01);
  const causes = (alert.causes ?? []).filter((one) => Math.abs(one.points) >= 0.05).map((one) => h("li", { "data-way": way(one.points) },
    h("span", {}, cause(one.cause)), h("meter", { min: 0, max: most, value: Math.abs(one.points), "aria-hidden": "true" }), h("b", {}, signed(one.points))));
  if (causes.length) line.append(h("ul", { class: "causes" }, causes));
  const about = [`rule ${alert.rule}`, `now ${fixed(alert.score)}`, alert.reference && `then ${fixed(alert.reference.score)}`];
  line.append(h("p", { class: "about" }, about.filter(Boolean).join(" · ")));
  if (alert.people?.length) line.append(h("p", { class: "about" }, "engage most: ", alert.people.slice(0, 4).flatMap((user, n) => [n ? ", " : "", inline(user)])));
  return line;
}

/** What became of a message to a channel. */
export function deliveryLine(one) {
  const attempts = one.attempts > 1 ? `, ${one.attempts} attempts` : "";
  return h("li", { class: "told", "data-delivery": one.state, title: one.id },
    h("p", { class: "head" }, h("span", { class: "what" }, one.state), h("bdi", {}, one.channel), when(one.at)),
    h("p", { class: "why", dir: "auto" }, h("bdi", {}, one.about), one.said ? ` · ${one.said}${attempts}` : attempts));
}

export const troubleLine = ({ channel, why }) =>
  h("li", { class: "told", "data-state": "raised", "data-severity": "critical" }, h("p", { class: "head" }, h("bdi", {}, channel)), h("p", { class: "why", dir: "auto" }, why));
