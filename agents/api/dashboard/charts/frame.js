// What is around every chart: its title, the drawing at the width that there is, and the same as a table behind it.

import { h } from "../dom.js";

/** A table; the first of each line is its head. A cell is a text, a node, or `[text, way]` of a change. */
export function dataTable(caption, head, lines) {
  const column = (text) => (text ? h("th", { scope: "col" }, text) : h("td"));
  const cell = (one) => (Array.isArray(one) ? h("td", { "data-way": one[1] || null }, one[0]) : h("td", {}, one));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, h("table", { class: "plain-table" },
    h("caption", { class: "unseen" }, caption), h("thead", {}, h("tr", {}, head.map(column))),
    h("tbody", {}, lines.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), rest.map(cell))))));
}

/** The same behind a fold. */
export const behind = (caption, head, lines) => h("details", { class: "behind" }, h("summary", {}, "As a table"), dataTable(caption, head, lines));

/**
 * A chart: `draw(width)` makes the drawing, anew whenever the width changes; `said` says in a sentence what it shows;
 * `head` and `lines` are the table behind it. With links in it its role is `group`.
 */
export function chart({ title, draw, said, head, lines, tall, role = "img" }) {
  const stage = h("div", { class: "stage", role, "aria-label": said });
  let drawn = 0;
  const redraw = (wide) => {
    if (wide > 0 && Math.abs(wide - drawn) >= 1) {
      drawn = wide;
      stage.replaceChildren(draw(wide, tall));
    }
  };
  new ResizeObserver(([entry]) => redraw(entry.contentRect.width)).observe(stage);
  return h("figure", { class: "chart" }, stage, behind(title, head, lines));
}

/** Round numbers over a range, some four of them. */
export function steps(low, high, about = 4) {
  const raw = (high - low) / about || 1;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * size).find((one) => one >= raw) ?? size * 10;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + 1e-9; at += step) found.push(Number(at.toFixed(6)));
  return found;
}

/** A number of one range as one of another. */
export const scale = (from, to, low, high) => (value) => low + ((value - from) / (to - from || 1)) * (high - low);

/** Cut in the middle. */
export function cut(text, most) {
  const letters = [...text];
  const half = Math.max(2, Math.floor(most / 2));
  return letters.length <= most ? text : `${letters.slice(0, half).join("")}…${letters.slice(-half + 1).join("")}`;
}
