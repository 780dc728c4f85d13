// The API, as a page asks it: a token where there is one, and problem details as errors. ETags are the browser's business.

import { heard } from "./clock.js";
import { learn } from "./parts/who.js";
import { address } from "./routes.js";

const KEY = "clout-token";

/** An answer that is none: `status`, and what the problem says. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the server answered ${status}`);
    this.name = "Refused";
    this.status = status;
    this.problem = problem;
  }

  /** It is about who asks, not about what is asked for. */
  get barred() {
    return this.status === 401 || this.status === 403;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY),
  set(text, remember) {
    token.forget();
    (remember ? localStorage : sessionStorage).setItem(KEY, text);
  },
  forget() {
    sessionStorage.removeItem(KEY);
    localStorage.removeItem(KEY);
  },
};

export const headers = () => (token.get() ? { authorization: `Bearer ${token.get()}` } : {});

/** What stands under a user: `about("x:a/b", "history")`. */
export const about = (user, part = "") => `v1/users/${encodeURIComponent(user)}${part && `/${part}`}`;

export const refusal = async (answer) => new Refused(answer.status, await answer.json().catch(() => ({})));

async function ask(method, path, { query, body, signal } = {}) {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const more = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(address(path, query), { method, signal, headers: { ...headers(), ...more }, ...sent });
  if (!answer.ok) throw await refusal(answer);
  const found = await answer.json();
  heard(found.as_of);
  learn(found);
  return found;
}

export const get = (path, query, signal) => ask("GET", path, { query, signal });
export const put = (path, body) => ask("PUT", path, { body });
export const post = (path, body) => ask("POST", path, { body });
export const remove = (path) => ask("DELETE", path);
