// Search as one types: a combobox, as screen readers know it. Arrows choose, Enter goes there, Escape leaves.

import { get } from "../api.js";
import { h, mark, put } from "../dom.js";
import { fixed } from "../format.js";
import { link } from "../routes.js";
import { face, named } from "./who.js";

const WAIT_MS = 120;
const MOST = 8;

/** The input and its list. `choose` is what happens to who is chosen; without it their page is opened. */
export function search({ id = "found", placeholder = "Search people", choose } = {}) {
  const input = h("input", {
    type: "search", placeholder, "aria-label": placeholder, autocomplete: "off", spellcheck: "false", dir: "auto", maxlength: 256,
    role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list", enterkeyhint: "go",
  });
  const list = h("ul", { id, role: "listbox", "aria-label": "People found", hidden: true });
  const told = h("span", { class: "unseen", role: "status" });
  const pick = choose ?? ((user) => { location.hash = link("person", {}, user); });
  let users = [];
  let at = -1;
  let wait;
  let asking = new AbortController();

  function open(is) {
    list.hidden = !is;
    mark(input, "aria-expanded", String(is));
    if (!is) point(-1);
  }

  function point(to) {
    at = to;
    [...list.children].forEach((option, n) => mark(option, "aria-selected", String(n === to)));
    mark(input, "aria-activedescendant", to < 0 ? null : `${id}-${to}`);
    list.children[to]?.scrollIntoView({ block: "nearest" });
  }

  function leave() {
    asking.abort();
    clearTimeout(wait);
    open(false);
  }

  function take(user) {
    leave();
    input.value = "";
    pick(user);
  }

  const option = (item, n) =>
    h("li", { id: `${id}-${n}`, role: "option", "aria-selected": "false", on: { mousedown: (event) => { event.preventDefault(); take(item.user); } } },
      face(item.user, 24), named(item.user), h("b", {}, fixed(item.score)));

  const nothing = (text) => h("li", { class: "nothing", role: "option", "aria-disabled": "true", "aria-selected": "false" }, text);

  async function ask() {
    asking.abort();
    asking = new AbortController();
    const q = input.value.trim();
    clearTimeout(wait);
    users = [];
    if (!q) return open(false);
    try {
      const { items } = await get("v1/search", { q, limit: MOST }, asking.signal);
      users = items.map((item) => item.user);
      list.replaceChildren(...(items.length ? items.map(option) : [nothing("nobody's name begins so")]));
      put(told, `${items.length} found`);
      open(true);
    } catch (error) {
      if (error.name === "AbortError") return;
      users = [];
      list.replaceChildren(nothing(error.message));
      open(true);
    }
  }

  const acts = {
    ArrowDown: () => users.length && point((at + 1) % users.length),
    ArrowUp: () => users.length && point((at - 1 + users.length) % users.length),
    Enter: async () => {
      if (list.hidden) await ask();
      if (users.length) take(users[Math.max(at, 0)]);
    },
    Escape: () => { input.value = ""; leave(); input.blur(); },
  };
  input.addEventListener("keydown", (event) => {
    if (!(event.key in acts) || (event.key.startsWith("Arrow") && list.hidden)) return;
    event.preventDefault();
    acts[event.key]();
  });
  input.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(ask, WAIT_MS); });
  input.addEventListener("focus", () => input.value.trim() && ask());
  input.addEventListener("blur", leave);
  return [input, list, told];
}
