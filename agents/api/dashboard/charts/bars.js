// Points as bars: what a score is made of, and what moved it.

import { h, s } from "../dom.js";
import { cause, fixed, signed, way } from "../format.js";

const LEAST = 0.005; // points: less is not shown

/** A strip of parts that add up, and each with its points: `[{name, points}]`. */
export function parts(list, of) {
  const shown = list.filter((one) => one.points >= LEAST).sort((a, b) => b.points - a.points);
  let x = 0;
  const strip = s("svg", { class: "strip", viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("rect", { class: "rest", width: 100, height: 12 }),
    shown.map((one, n) => {
      const rect = s("rect", { class: `k${(n % 8) + 1}`, x, width: Math.max(0, one.points - 0.3), height: 12 }, s("title", {}, `${cause(one.name)} ${fixed(one.points, 2)}`));
      x += one.points;
      return rect;
    }));
  const lines = shown.map((one, n) => h("tr", {}, h("th", { scope: "row" }, h("span", { class: `swatch k${(n % 8) + 1}`, "aria-hidden": "true" }), cause(one.name)), h("td", {}, fixed(one.points, 2))));
  return h("div", { class: "parts" }, strip, h("table", { class: "plain-table" }, h("caption", { class: "unseen" }, of),
    h("thead", { class: "unseen" }, h("tr", {}, h("th", { scope: "col" }, "part"), h("th", { scope: "col" }, "points"))), h("tbody", {}, lines)));
}

/** Gains to the right, losses to the left: `[{cause, points}]`. */
export function ledger(entries, of) {
  const most = Math.max(...entries.map((one) => Math.abs(one.points)), 0.01);
  const bar = (one) => {
    const wide = (Math.abs(one.points) / most) * 50;
    return s("svg", { class: "both", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("rect", { class: way(one.points, 4) === "up" ? "gain" : "loss", x: one.points < 0 ? 50 - wide : 50, width: wide, height: 10, rx: 1 }),
      s("line", { x1: 50, x2: 50, y1: -2, y2: 12 }));
  };
  const lines = entries.filter((one) => Math.abs(one.points) >= LEAST).map((one) =>
    h("tr", {}, h("th", { scope: "row" }, cause(one.cause)), h("td", { class: "bars" }, bar(one)), h("td", { "data-way": way(one.points, 2) }, signed(one.points, 2))));
  return h("table", { class: "plain-table ledger" }, h("caption", { class: "unseen" }, of),
    h("thead", { class: "unseen" }, h("tr", {}, h("th", { scope: "col" }, "cause"), h("td", {}), h("th", { scope: "col" }, "points"))), h("tbody", {}, lines));
}

/** A part of one as a small bar. */
export const share = (part) => s("svg", { class: "share", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
  s("rect", { class: "rest", width: 100, height: 6 }), s("rect", { class: "fill", width: Math.min(100, part * 100), height: 6 }));
