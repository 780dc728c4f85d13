// Nodes, made so that whatever came from elsewhere is text: there is no way here to give markup, a script or a style.

const SVG = "http://www.w3.org/2000/svg";
const FORBIDDEN = /^(on|style$|srcdoc$)/;

function build(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (value == null || value === false) continue;
    else if (FORBIDDEN.test(name)) throw new Error(`an attribute that is never set here: ${name}`);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) if (child != null && child !== false) node.append(child);
  return node;
}

/** An element of HTML: attributes, listeners under `on`, and children; texts become text nodes. */
export const h = (tag, props, ...children) => build(document.createElement(tag), props, children);

/** The same of SVG. */
export const s = (tag, props, ...children) => build(document.createElementNS(SVG, tag), props, children);

/** Sets a text only where it is another one: nothing is laid out anew for what stays. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The same of an attribute; null takes it away. */
export function mark(node, name, value) {
  if (value == null || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value === true ? "" : String(value));
}

/** Text for those who listen to the page instead of looking at it. */
export const unseen = (text) => h("span", { class: "unseen" }, text);
