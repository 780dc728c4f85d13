// Habits on four axes, as far as events tell.

import { h, s, unseen } from "../dom.js";
import { fixed, number } from "../format.js";

const AXES = [["sharing_creating", "sharing", "creating"], ["broad_focused", "broad", "focused"],
  ["casual_consistent", "casual", "consistent"], ["listening_participating", "listening", "participating"]];

/** Each axis runs from -1, its left word, to 1, its right one. */
export function style(found) {
  const axis = ([name, left, right]) => {
    const value = found[name];
    const x = 50 + value * 46;
    const track = s("svg", { viewBox: "0 0 100 16", preserveAspectRatio: "none", "aria-hidden": "true" }, s("line", { class: "axis", x1: 2, x2: 98, y1: 8, y2: 8 }), s("line", { class: "reach", x1: 50, x2: x, y1: 8, y2: 8 }), s("line", { class: "middle", x1: 50, x2: 50, y1: 3, y2: 13 }));
    const dot = s("svg", { class: "at", viewBox: "0 0 100 16", "aria-hidden": "true" }, s("circle", { cx: `${x}%`, cy: "50%", r: 6 }));
    dot.removeAttribute("viewBox");
    return h("tr", {}, h("th", { scope: "row", class: value < 0 ? "strong" : null }, left), h("td", {}, h("span", { class: "axis" }, track, dot), unseen(fixed(value, 2))), h("td", { class: value > 0 ? "strong" : null }, right));
  };
  return h("table", { class: "style" }, h("caption", {}, found.label ? h("b", { class: "label" }, found.label) : h("b", { class: "label" }, "too little to tell"),
    h("span", { class: "hint" }, ` by ${number(found.events)} events: habits, no judgement`)),
  h("thead", { class: "unseen" }, h("tr", {}, h("th", { scope: "col" }, "from -1"), h("th", { scope: "col" }, "value"), h("th", { scope: "col" }, "to 1"))), h("tbody", {}, AXES.map(axis)));
}
