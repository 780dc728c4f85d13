// The leaderboard, live. Everything that came with an event goes in as text (textContent), never as markup.
"use strict";

const $ = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const rows = new Map(); // user -> its row and the cells that change

const number = (value) => (value == null ? "–" : whole.format(Math.round(value)));
const millis = (value) => (value == null ? "–" : `${number(value)} ms`);

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function make(tag, name, parent) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (parent) parent.append(node);
  return node;
}

function newRow(user) {
  const tr = make("tr");
  const row = { tr, rank: make("td", "rank", tr) };
  const name = make("td", "user", tr);
  const link = make("a", "", name);
  link.href = `v1/users/${encodeURIComponent(user)}`;
  link.title = user;
  const colon = user.indexOf(":") + 1;
  make("span", "network", link).textContent = user.slice(0, colon);
  make("span", "", link).textContent = user.slice(colon);
  row.mark = make("span", "mark", name);
  row.mark.textContent = "provisional";
  row.mark.title = "few different people are behind this score so far";
  row.score = make("td", "score", tr);
  row.bar = make("span", "", make("div", "", make("td", "bar", tr)));
  row.change = make("td", "change", tr);
  row.people = make("td", "people", tr);
  row.sure = make("td", "sure", tr);
  return row;
}

function fill(row, entry) {
  put(row.rank, String(entry.rank));
  put(row.score, entry.score.toFixed(1));
  row.bar.style.width = `${entry.score}%`;
  const tenths = entry.change == null ? null : Math.round(entry.change * 10);
  put(row.change, tenths == null ? "new" : tenths === 0 ? "·" : `${tenths > 0 ? "+" : "−"}${Math.abs(tenths / 10).toFixed(1)}`);
  row.change.dataset.way = tenths > 0 ? "up" : tenths < 0 ? "down" : "";
  put(row.people, number(entry.actors));
  put(row.sure, `${number(entry.confidence * 100)} %`);
  row.mark.hidden = !entry.provisional;
}

function showBoard(entries) {
  const body = $("board");
  const before = new Map();
  const gone = new Set(rows.keys());
  for (const [user, row] of rows) before.set(user, row.tr.offsetTop);
  entries.forEach((entry, place) => {
    let row = rows.get(entry.user);
    if (!row) rows.set(entry.user, (row = newRow(entry.user)));
    gone.delete(entry.user);
    fill(row, entry);
    if (body.children[place] !== row.tr) body.insertBefore(row.tr, body.children[place] || null);
  });
  for (const user of gone) {
    rows.get(user).tr.remove();
    rows.delete(user);
  }
  if (!calm.matches && !document.hidden) {
    for (const [user, top] of before) {
      const row = rows.get(user);
      const moved = row ? top - row.tr.offsetTop : 0;
      if (moved) row.tr.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], { duration: 250, easing: "ease-out" });
    }
  }
  $("empty").hidden = entries.length > 0;
}

function showStats(stats) {
  put($("rate"), number(stats.events_per_s));
  put($("events"), number(stats.events));
  put($("population"), number(stats.population));
  put($("p50"), millis(stats.latency_p50_ms));
  put($("p99"), millis(stats.latency_p99_ms));
}

// an alert of an older version has `fall` instead of `change`, and neither a sentence nor how loud it is
const moved = (alert) => alert.change ?? -(alert.fall ?? 0);
const signed = (points) => `${points < 0 ? "−" : "+"}${Math.abs(points).toFixed(1)}`;

function alertLine(alert) {
  const li = make("li");
  li.dataset.state = alert.state;
  li.dataset.severity = alert.severity ?? "warning";
  if (alert.type === "feed") {
    li.title = [li.dataset.severity, "feed"].join(", ");
    make("span", "", li).textContent = `${new Date(alert.at).toLocaleTimeString()} ${alert.state} `;
    make("span", "who", li).textContent = alert.network;
    make("span", "why", li).textContent = ` ${alert.sentence}`;
    return li;
  }
  li.title = [li.dataset.severity, `rule ${alert.rule}`, alert.cause && `cause: ${alert.cause}`].filter(Boolean).join(", ");
  make("span", "", li).textContent = `${new Date(alert.at).toLocaleTimeString()} ${alert.state} `;
  const who = make("a", "who", li);
  who.href = `v1/users/${encodeURIComponent(alert.user)}`;
  who.textContent = alert.user;
  const way = make("span", "moved", li);
  way.textContent = ` ${signed(moved(alert))} to ${alert.score.toFixed(1)} `;
  way.dataset.way = moved(alert) < 0 ? "down" : "up";
  make("span", "why", li).textContent = alert.sentence ?? "";
  return li;
}

let shownAlerts = "";
function showAlerts(alerts) {
  const ids = alerts.map((alert) => alert.id).join("\n");
  if (ids === shownAlerts) return;
  shownAlerts = ids;
  $("calm").hidden = alerts.length > 0;
  $("alerts").replaceChildren(...alerts.map(alertLine));
}

// what became of a delivery: a state of an alert that looks the same
const LOOKS = { delivered: "recovered", failed: "raised", dead: "raised" };

function deliveryLine(one) {
  const li = make("li");
  li.dataset.state = LOOKS[one.state] ?? one.state;
  li.title = [one.id, `attempts: ${one.attempts}`].join(", ");
  make("span", "", li).textContent = `${new Date(one.at).toLocaleTimeString()} ${one.channel} ${one.state} `;
  make("span", "who", li).textContent = one.about;
  make("span", "why", li).textContent = one.said ? ` ${one.said}` : "";
  return li;
}

function troubleLine({ channel, why }) {
  const li = make("li");
  li.dataset.state = "raised";
  li.dataset.severity = "critical";
  li.textContent = `${channel}: ${why}`;
  return li;
}

let shownDeliveries = "";
function showDeliveries(deliveries) {
  const text = JSON.stringify(deliveries);
  if (text === shownDeliveries) return;
  shownDeliveries = text;
  $("deliveries").hidden = !deliveries.channels && !deliveries.latest.length;
  $("trouble").replaceChildren(...deliveries.trouble.map(troubleLine));
  $("delivered").replaceChildren(...deliveries.latest.slice(0, 3).map(deliveryLine));
}

function state(name, text) {
  $("state").dataset.state = name;
  put($("state"), text);
}

const stream = new EventSource("v1/stream?events=board&n=20");
stream.addEventListener("board", (message) => {
  const board = JSON.parse(message.data);
  showBoard(board.top);
  showStats(board.stats);
  showAlerts(board.alerts);
  showDeliveries(board.deliveries);
  $("note").hidden = !board.note;
  put($("note"), board.note || "");
  const { fresh, of } = board.stats.partitions;
  if (fresh) state("live", "live");
  else state("waiting", "no worker is writing scores");
  const when = board.clock === "stream" ? `event time ${new Date(board.now).toISOString().slice(0, 19).replace("T", " ")}` : `as of ${new Date(board.now).toLocaleTimeString()}`;
  put($("clock"), `${when} · ${fresh} of ${of} partitions alive${board.stats.model ? ` · model ${board.stats.model}` : ""}`);
});
stream.addEventListener("down", (message) => state("down", JSON.parse(message.data).reason));
stream.onerror = () => state("waiting", "connection lost, trying again");
