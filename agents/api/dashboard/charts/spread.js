// How scores are spread: how many have each, and where somebody stands among them.

import { chart, scale, steps } from "./frame.js";
import { s } from "../dom.js";
import { fixed, number } from "../format.js";

const LEFT = 46;
const RIGHT = 10;
const TOP = 34;
const BOTTOM = 26;

/** How many have a score from each whole point up to the next, of bins of a tenth. */
export function byPoint(bins) {
  const found = new Array(100).fill(0);
  for (const { score, users } of bins) found[Math.min(99, Math.floor(score + 1e-9))] += users;
  return found;
}

function marker(x, tall, text, name, wide, y) {
  const side = x > wide * 0.7 ? "end" : "start";
  return s("g", { class: `marker ${name}` }, s("line", { x1: x, x2: x, y1: y, y2: tall - BOTTOM }), s("text", { x: x + (side === "end" ? -6 : 6), y: y + 10, "text-anchor": side }, text));
}

/** The histogram; `marked` is `{score, text}` or null. */
export function spread({ bins, mean, population }, marked) {
  const counts = byPoint(bins);
  function draw(wide, tall) {
    const most = Math.max(...counts, 1);
    const x = scale(0, 100, LEFT, wide - RIGHT);
    const y = scale(0, most, tall - BOTTOM, TOP);
    const one = x(1) - x(0);
    const at = marked && Math.min(99, Math.floor(marked.score));
    return s("svg", { class: "spread", viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall },
      steps(0, most, Math.min(most, 4)).map((count) => [s("line", { class: "rule", x1: LEFT, x2: wide - RIGHT, y1: y(count), y2: y(count) }), s("text", { class: "tick", x: LEFT - 7, y: y(count) + 4, "text-anchor": "end" }, number(count))]),
      counts.map((count, score) => count > 0 && s("rect", { class: score === at ? "bin mine" : "bin", x: x(score) + one * 0.09, width: Math.max(1, one * 0.82), y: y(count), height: tall - BOTTOM - y(count), rx: Math.min(2.5, one / 4) }, s("title", {}, `${score} to ${score + 1}: ${number(count)}`))),
      steps(0, 100, 10).map((score) => s("text", { class: "tick", x: x(score), y: tall - 6, "text-anchor": "middle" }, String(score))),
      mean != null && marker(x(mean), tall, `average ${fixed(mean)}`, "mean", wide, 18), marked && marker(x(marked.score), tall, marked.text, "mine", wide, 2));
  }
  let below = 0;
  const lines = counts.map((count, score) => {
    const line = [`${score} to ${score + 1}`, number(count), population ? `${fixed((below / population) * 100)} %` : "–"];
    below += count;
    return line;
  }).filter((_, score) => counts[score] > 0).reverse();
  const said = `${number(population)} people, on average ${fixed(mean)}${marked ? `; ${marked.text}` : ""}`;
  return chart({ title: "How scores are spread", draw, said, head: ["score", "people", "score less"], lines, tall: 340 });
}
