// Who moves whom: the user in the middle, at the left those with whom they engage, at the right those who engage with them.

import { chart, cut } from "./frame.js";
import { s } from "../dom.js";
import { percent } from "../format.js";
import { portrait, split } from "../parts/who.js";
import { link } from "../routes.js";

const MIDDLE = 32;
const LEAST = 11;
const MOST = 22;

function spot(one, n, of, side, most, wide, tall) {
  const r = LEAST + Math.sqrt(one.share / most) * (MOST - LEAST);
  const y = 30 + ((n + 0.5) / of) * (tall - 60);
  const bend = Math.cos(((n + 0.5) / of - 0.5) * Math.PI);
  const x = wide / 2 + side * (wide * 0.17 + bend * wide * 0.13);
  return { ...one, side, r, x, y };
}

function edge({ x, y, side, share }, most, wide, tall) {
  const [cx, cy] = [wide / 2 + side * MIDDLE, tall / 2];
  const d = `M${x - side * 4} ${y}C${(x + cx) / 2} ${y} ${(x + cx) / 2} ${cy} ${cx} ${cy}`;
  return s("path", { class: side < 0 ? "edge from" : "edge to", d, "stroke-width": (1 + (share / most) * 5).toFixed(1) });
}

const picture = (user, x, y, r) => s("image", { href: portrait(user), x: x - r, y: y - r, width: r * 2, height: r * 2 });

function person({ user, x, y, r, side, share }, room) {
  const label = s("text", { x: side * (r + 7), y: 4, "text-anchor": side < 0 ? "end" : "start" }, cut(split(user).name, Math.max(5, Math.floor(room / 9))));
  return s("a", { href: link("person", {}, user), class: "node", transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, "aria-label": `${split(user).name}, ${user}` }, s("title", {}, `${user}, ${percent(share, 1)}`), picture(user, 0, 0, r), label);
}

/** `influencers` and `influencees`: `[{user, share}]`, the most first. */
export function circle(user, influencers, influencees) {
  const most = Math.max(...[...influencers, ...influencees].map((one) => one.share), 0.0001);
  const tall = Math.max(180, 60 + 44 * Math.max(influencers.length, influencees.length, 3));
  function draw(wide) {
    const spots = [...influencers.map((one, n) => spot(one, n, influencers.length, -1, most, wide, tall)),
      ...influencees.map((one, n) => spot(one, n, influencees.length, 1, most, wide, tall))];
    return s("svg", { class: "circle", viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall },
      spots.map((one) => edge(one, most, wide, tall)), s("circle", { class: "halo", cx: wide / 2, cy: tall / 2, r: MIDDLE + 5 }), picture(user, wide / 2, tall / 2, MIDDLE),
      spots.map((one) => person(one, one.side < 0 ? one.x - one.r - 7 : wide - one.x - one.r - 7)),
      s("text", { class: "side", x: 0, y: 13 }, "moved by"), s("text", { class: "side", x: wide, y: 13, "text-anchor": "end" }, "moves"));
  }
  const lines = [...influencers.map((one) => [one.user, "moves this user", percent(one.share, 1)]), ...influencees.map((one) => [one.user, "is moved by this user", percent(one.share, 1)])];
  return chart({ title: "Who moves whom", draw, said: `${influencers.length} people move ${user}, who moves ${influencees.length}`, head: ["user", "", "share"], lines, tall, role: "group" });
}
