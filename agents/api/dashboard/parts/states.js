// What stands where there is nothing to show: designed, and each says what to do.

import { h, s } from "../dom.js";
import { token } from "../api.js";
import * as live from "../live.js";
import { link } from "../routes.js";
import { askForToken } from "./token.js";

const art = {
  empty: ["M10 38V30h8v8zm14 0V22h8v16zm14 0V26h8v12z", "M8 42h42"],
  lost: ["M14 24a15 15 0 0 1 22-3M20 30a8 8 0 0 1 10-2", "M10 10l32 32"],
  locked: ["M18 24v-6a9 9 0 0 1 18 0v6M14 24h26v18H14z", "M27 31v5"],
  wrong: ["M27 10l19 33H8z", "M27 22v9m0 5v1"],
};

function picture(name) {
  return s("svg", { class: `art ${name}`, viewBox: "0 0 54 54", "aria-hidden": "true" }, art[name].map((d) => s("path", { d })));
}

function panel(name, title, text, ...more) {
  return h("div", { class: "panel", "data-state": name, role: name === "empty" ? null : "alert" },
    picture(name), h("p", { class: "title" }, title), h("p", {}, text), more);
}

export const empty = (title, text, ...more) => panel("empty", title, text, ...more);

/** Grey lines where something will be. */
export function loading(lines = 6) {
  return h("div", { class: "skeleton", role: "status", "aria-label": "loading" },
    Array.from({ length: lines }, (_, n) => h("span", { class: `w${(n * 5) % 7}` })));
}

/** What an error is for people; `again` asks once more. */
export function failed(error, again) {
  const retry = again && h("button", { type: "button", class: "button", on: { click: again } }, "Try again");
  if (error.barred) return locked(error, again);
  if (error.status === 404) return panel("empty", error.problem.user ? "Nobody here" : "Nothing here", error.message, suggestions(error.problem));
  if (error.status === 503) return panel("lost", "Not available just now", error.message, retry);
  if (error.status) return panel("wrong", error.problem.title ?? "That did not work", error.message, retry);
  return panel("lost", "The server does not answer", "This page goes on by itself as soon as it does.", retry);
}

function locked(error, again) {
  const enter = h("button", { type: "button", class: "button", on: { click: () => askForToken(error.message, () => { live.again(); again?.(); }) } },
    token.get() ? "Use another token" : "Enter a token");
  return panel("locked", error.status === 403 ? "Your token does not reach so far" : "This needs a token", error.message, enter);
}

function suggestions({ user, near = [] }) {
  const to = (one) => (user ? link("person", {}, one) : link("board", { topic: one }));
  return near.length > 0 && h("p", { class: "near" }, near.map((one) => h("a", { href: to(one) }, h("bdi", {}, one))));
}

/** A line above what is shown although it may be old. */
export const warning = (strong, text) => h("p", { class: "warning", role: "status" }, s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
  s("path", { d: "M8 1.5 15 14H1z" }), s("path", { d: "M8 6v4m0 1.6v.6" })), h("span", {}, h("b", {}, strong), ` ${text}`));
