// The API, browsable: made from openapi.json, nothing from elsewhere. All of it goes in as text, never as markup.
import { headers } from "./api.js";

const MOST_SHOWN = 20000; // characters of an answer

function make(tag, parent, text, name) {
  const node = document.createElement(tag);
  if (text != null) node.textContent = text;
  if (name) node.className = name;
  parent.append(node);
  return node;
}

function kind(schema = {}) {
  const limits = [schema.minimum != null && `at least ${schema.minimum}`, schema.maximum != null && `at most ${schema.maximum}`];
  const fallback = schema.default != null && `default ${schema.default}`;
  return [schema.type, ...limits, fallback].filter(Boolean).join(", ");
}

function table(parent, head, lines) {
  if (!lines.length) return;
  const body = make("table", parent);
  const top = make("tr", make("thead", body));
  for (const cell of head) make("th", top, cell).scope = "col";
  const rows = make("tbody", body);
  for (const line of lines) {
    const tr = make("tr", rows);
    for (const cell of line) make("td", tr, cell);
  }
}

// the address relative to this page, so that it works behind a prefix too
function address(path, values, parameters) {
  const query = new URLSearchParams();
  let filled = path.slice(1);
  for (const { name, in: where } of parameters) {
    if (where === "path") filled = filled.replace(`{${name}}`, encodeURIComponent(values[name] ?? ""));
    else if (values[name]) query.set(name, values[name]);
  }
  return query.size ? `${filled}?${query}` : filled;
}

async function ask(url, shown) {
  try {
    const answer = await fetch(url, { headers: headers() });
    const text = await answer.text();
    let body = text;
    try { body = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it is */ }
    shown.textContent = `${answer.status} ${answer.statusText}\n${body.slice(0, MOST_SHOWN)}`;
  } catch (error) {
    shown.textContent = `no answer: ${error.message}`;
  }
}

function tryOut(section, path, parameters, endless) {
  const form = make("form", section);
  for (const parameter of parameters) {
    const label = make("label", form, parameter.name);
    const input = make("input", label);
    input.name = parameter.name;
    input.required = Boolean(parameter.required);
    input.placeholder = String(parameter.schema?.default ?? (parameter.in === "path" ? "demo:gasa2" : ""));
  }
  make("button", form, endless ? "open" : "try", "button");
  const shown = make("pre", section);
  shown.hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const url = address(path, Object.fromEntries(new FormData(form)), parameters);
    if (endless) { window.open(url, "_blank", "noopener"); return; }
    shown.hidden = false;
    shown.textContent = `GET ${url}`;
    ask(url, shown);
  });
}

function operation(parent, path, method, about) {
  const section = make("section", parent, null, "operation card");
  const title = make("h2", section);
  make("span", title, method.toUpperCase(), "method");
  make("code", title, path);
  make("p", section, about.summary);
  if (about.description) make("p", section, about.description);
  const parameters = about.parameters ?? [];
  table(section, ["parameter", "where", "what"], parameters.map((p) => [p.name, p.in, [kind(p.schema), p.description].filter(Boolean).join("; ")]));
  table(section, ["answer", "what"], Object.entries(about.responses ?? {}).map(([code, r]) => [code, r.description]));
  const endless = "text/event-stream" in (about.responses?.["200"]?.content ?? {});
  if (method === "get") tryOut(section, path, parameters, endless);
}

async function show() {
  const main = document.getElementById("operations");
  try {
    const document_ = await (await fetch("openapi.json")).json();
    main.replaceChildren();
    for (const [path, methods] of Object.entries(document_.paths)) {
      for (const [method, about] of Object.entries(methods)) operation(main, path, method, about);
    }
  } catch (error) {
    document.getElementById("wait").textContent = `openapi.json cannot be read: ${error.message}`;
  }
}

show();
