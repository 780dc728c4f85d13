// A score in large, with a ring that is as full as it is high.

import { h, mark, s } from "../dom.js";
import { count } from "../moves.js";

const R = 88;
const ROUND = 2 * Math.PI * R;
const PART = 0.75; // of the circle: open below

/** The ring; `show(score)` moves it there. */
export function ring() {
  const arc = (name) => s("circle", { class: name, cx: 100, cy: 100, r: R, fill: "none", "stroke-dasharray": `${ROUND * PART} ${ROUND}`, transform: "rotate(135 100 100)" });
  const full = arc("full");
  const digits = h("span", { class: "digits" });
  const node = h("div", { class: "ring" }, s("svg", { viewBox: "0 0 200 200", "aria-hidden": "true" }, arc("rest"), full), h("p", {}, digits, h("span", { class: "of" }, "of 100")));
  mark(full, "stroke-dasharray", `0 ${ROUND}`);

  function show(score) {
    count(digits, score, (value) => value.toFixed(1));
    requestAnimationFrame(() => mark(full, "stroke-dasharray", `${(ROUND * PART * score) / 100} ${ROUND}`));
  }

  return { node, show };
}
