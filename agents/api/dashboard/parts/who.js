// A user, as they are shown everywhere: a face of their own, their name, their network. Names may hold anything.

import { h } from "../dom.js";
import { link } from "../routes.js";

const names = new Map(); // user -> what they are called, as far as an answer has said it

/** Remembers the names in an answer. */
export function learn(found) {
  if (found === null || typeof found !== "object") return;
  if (found.user && found.name) names.set(found.user, found.name);
  Object.values(found).forEach(learn);
}

/** `network` and `id`; the `name` is what they are called, else the id; `beside` stands small beside it, for anybody may be called anything. */
export function split(user) {
  const colon = user.indexOf(":");
  const network = user.slice(0, colon);
  const id = user.slice(colon + 1) || user;
  const name = names.get(user);
  return { network, id, name: name ?? id, beside: name ? `${id} · ${network}` : network };
}

function hashed(text) {
  let found = 2166136261;
  for (let at = 0; at < text.length; at++) found = Math.imul(found ^ text.charCodeAt(at), 16777619);
  found = Math.imul(found ^ (found >>> 16), 0x85ebca6b); // names that differ by a digit look different
  found = Math.imul(found ^ (found >>> 13), 0xc2b2ae35);
  return (found ^ (found >>> 16)) >>> 0;
}

/** A letter or a figure, so nothing that means something in markup. */
const first = (name) => name.match(/\p{L}|\p{N}/u)?.[0].toUpperCase() ?? "·";

/** A picture that is the same for the same user everywhere: two hues, a wave, and the first letter. Says nothing by itself. */
export function portrait(user) {
  const seed = hashed(user);
  const hue = seed % 360;
  const other = (hue + 25 + ((seed >>> 18) % 50)) % 360;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="16" fill="hsl(${hue} 62% 36%)"/>`
    + `<path d="M1 19C8 11 13 27 20 19s9-5 11-4A16 16 0 0 1 1 19z" fill="hsl(${other} 68% 46%)" opacity=".6" transform="rotate(${(seed >>> 9) % 360} 16 16)"/>`
    + `<text x="16" y="21.4" text-anchor="middle" font-family="Inter,system-ui,sans-serif" font-weight="650" font-size="15" fill="#fff">${first(split(user).name)}</text></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** The same as an image: one node, however many rows there are. */
export const face = (user, size = 32) => h("img", { class: "face", src: portrait(user), alt: "", width: size, height: size });

/** The name, cut where there is no room for it, and the id whole in its title. */
export function named(user) {
  const { network, name, beside } = split(user);
  return h("span", { class: "named", title: user },
    h("bdi", { class: "name", dir: "auto" }, name),
    h("bdi", { class: beside === network ? "network" : "network id", dir: "auto" }, beside));
}

/** A link to the page of a user, with the face. */
export function who(user, size = 28) {
  return h("a", { class: "who", href: link("person", {}, user), title: user }, face(user, size), named(user));
}

/** The same in the middle of a sentence. */
export function inline(user, text = user) {
  const own = names.get(user);
  return h("a", { class: "inline", href: link("person", {}, user), title: user },
    h("bdi", { dir: "auto" }, own ?? text), own && [" ", h("bdi", { class: "soft", dir: "auto" }, text)]);
}
