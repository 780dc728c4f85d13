// How scores are spread over everyone, and where somebody stands.

import { about, get } from "../api.js";
import { byPoint, spread } from "../charts/spread.js";
import { h } from "../dom.js";
import { above, fixed, number } from "../format.js";
import * as live from "../live.js";
import { search } from "../parts/search.js";
import { empty, failed, loading } from "../parts/states.js";
import { face, named } from "../parts/who.js";
import { link } from "../routes.js";

const AGAIN_MS = 10_000;

/** From which score on somebody is among the highest part. */
function from(counts, part) {
  const all = counts.reduce((sum, one) => sum + one, 0);
  let left = all * part;
  for (let score = 99; score >= 0; score--) {
    left -= counts[score];
    if (left < 0) return score;
  }
  return 0;
}

function figures({ bins, mean, population }, record) {
  const counts = byPoint(bins);
  const one = (title, value) => h("div", {}, h("dt", {}, title), h("dd", {}, value));
  return h("dl", { class: "tiles five" }, one("people", number(population)), one("average", fixed(mean)), one("half are above", String(from(counts, 0.5))), one("top 5 % from", String(from(counts, 0.05))),
    record ? one("better than", above(record.percentile)) : one("top 1 % from", String(from(counts, 0.01))));
}

export function view({ query }) {
  const user = query.get("user") || "";
  const place = h("div", {}, loading(8));
  const node = h("div", {}, h("div", { class: "title" }, h("h1", {}, "How scores are spread"), h("p", {}, "Everyone engaged with in the last 90 days")), place);
  const asking = new AbortController();
  let due;

  function finder() {
    const chosen = user && h("a", { class: "chip", href: link("spread"), "aria-label": `take ${user} away` }, face(user, 18), named(user), h("span", { "aria-hidden": "true" }, "×"));
    return h("div", { class: "finder" }, h("div", { class: "search" }, search({ id: "marked", placeholder: "Mark somebody", choose: (one) => { location.hash = link("spread", { user: one }); } })), chosen);
  }

  const bar = finder();

  async function look() {
    try {
      const [found, record] = await Promise.all([get("v1/distribution", {}, asking.signal), user ? get(about(user), {}, asking.signal) : null]);
      if (!place.querySelector("details[open], :hover")) {
        place.replaceChildren(...(found.population === 0 ? [empty("Nobody yet", "Who is engaged with will be here.")] : [figures(found, record), h("section", { class: "card" }, bar, spread(found, record && { score: record.score, text: `${user.length > 24 ? `${user.slice(0, 22)}…` : user} ${fixed(record.score)}` }))]));
      }
    } catch (error) {
      if (asking.signal.aborted) return;
      if (!place.querySelector(".chart")) place.replaceChildren(failed(error, look));
    }
    if (!asking.signal.aborted) due = setTimeout(look, AGAIN_MS);
  }

  live.ask({ n: 1 });
  look();
  return { title: "Spread", node, close() { asking.abort(); clearTimeout(due); } };
}
