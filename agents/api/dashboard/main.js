// The frame around the views: which one is shown, the state of the stream, light and dark, and the keys that work everywhere.

import { token } from "./api.js";
import { h, mark, put, s } from "./dom.js";
import { moment, number, tick } from "./format.js";
import * as live from "./live.js";
import { search } from "./parts/search.js";
import { failed } from "./parts/states.js";
import { askForToken } from "./parts/token.js";
import { link, read } from "./routes.js";

const VIEWS = { board: "Leaderboard", compare: "Compare", spread: "Spread", alerts: "Alerts", rules: "Rules", health: "Health" };
const MODULES = new Set([...Object.keys(VIEWS), "person"]);
const TICK_MS = 5_000;

const $ = (id) => document.getElementById(id);
const root = document.documentElement;
let close = null;
let turn = 0;

async function show() {
  const mine = ++turn;
  const { view, id, query } = read(location.hash);
  const name = MODULES.has(view) ? view : "board";
  for (const one of $("views").children) mark(one, "aria-current", one.dataset.view === name && "page");
  const current = $("views").querySelector("[aria-current]");
  if (current) $("views").scrollLeft = current.offsetLeft - $("views").clientWidth / 2 + current.clientWidth / 2;
  let made;
  try {
    const module = await import(`./views/${name}.js`);
    if (mine !== turn) return;
    close?.();
    close = null;
    made = module.view({ id, query });
  } catch (error) {
    made = { title: "Clout", node: failed(error, show) };
  }
  if (mine !== turn) return made.close?.();
  close = made.close ?? null;
  $("view").replaceChildren(made.node);
  document.title = made.title === "Clout" ? "Clout" : `${made.title} · Clout`;
  put($("said"), made.title);
}

function anew() {
  live.again();
  show();
}

function go() {
  show();
  if (document.activeElement !== document.body) $("view").focus({ preventScroll: true });
  scrollTo(0, 0);
}

const WORDS = { connecting: "connecting", open: "live", stale: "stale", away: "offline", down: "no Redis", barred: "no access" };

function showState() {
  const partitions = live.board?.stats.partitions;
  const stale = live.state.name === "open" && partitions && partitions.fresh < partitions.of;
  const name = stale ? "stale" : live.state.name;
  const button = $("state");
  button.dataset.state = name;
  put(button, WORDS[name]);
  const why = stale ? `${partitions.of - partitions.fresh} of ${partitions.of} partitions are silent` : live.state.why;
  button.title = why || "what you see is pushed as it happens";
  root.dataset.stream = name;
}

function showClock() {
  const { board } = live;
  if (!board) return;
  const { fresh, of } = board.stats.partitions;
  const time = board.clock === "stream" ? `event time ${moment(board.now)}` : `as of ${new Date(board.now).toLocaleTimeString()}`;
  const parts = [time, `${number(fresh)} of ${number(of)} partitions alive`, board.stats.model && `model ${board.stats.model}`];
  put($("clock"), parts.filter(Boolean).join(" · "));
}

function theme() {
  const set = (name) => {
    root.dataset.theme = name;
    $("theme").replaceChildren(s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, name === "dark"
      ? s("path", { d: "M13 10A6 6 0 0 1 6 3a5.5 5.5 0 1 0 7 7z" })
      : [s("circle", { cx: 8, cy: 8, r: 3 }), s("path", { d: "M8 1v2m0 10v2M1 8h2m10 0h2M3 3l1.4 1.4m7.2 7.2L13 13M13 3l-1.4 1.4M4.4 11.6 3 13" })]));
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const now = () => localStorage.getItem("clout-theme") ?? (system.matches ? "dark" : "light");
  set(now());
  system.addEventListener("change", () => set(now()));
  $("theme").addEventListener("click", () => {
    const other = root.dataset.theme === "dark" ? "light" : "dark";
    if (other === (system.matches ? "dark" : "light")) localStorage.removeItem("clout-theme");
    else localStorage.setItem("clout-theme", other);
    set(other);
  });
}

function keys() {
  $("key").append(s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    s("circle", { cx: 5, cy: 11, r: 3 }), s("path", { d: "m7.2 8.8 5.8-5.8m-2 2 2 2" })));
  $("key").addEventListener("click", () => askForToken("", anew));
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      $("search").querySelector("input").focus();
    }
  });
}

theme();
keys();
$("views").append(...Object.entries(VIEWS).map(([name, title]) => h("a", { href: link(name), "data-view": name }, title)));
$("search").append(...search());
$("state").addEventListener("click", () => (live.state.name === "barred" ? askForToken(live.state.why, anew) : live.again()));
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the hash is the view's
  $("view").focus();
});
live.on("state", showState);
live.on("board", () => { showState(); showClock(); });
addEventListener("hashchange", go);
addEventListener("storage", (event) => { if (event.key === "clout-token" && token.get()) live.again(); });
setInterval(tick, TICK_MS);
show();
