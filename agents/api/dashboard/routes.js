// The views there are, and their addresses: all of what one sees is behind the #, so that a link shows it to somebody else.

/** A path with a query. Lists become several parameters. */
export function address(path, query = {}) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one != null && one !== "") found.append(name, one);
  }
  return found.size ? `${path}?${found}` : path;
}

/** Name of a view -> the hash of it: `link("person", {}, "x:ann")`. */
export const link = (view, query, id = "") => `#/${address(id === "" ? view : `${view}/${encodeURIComponent(id)}`, query)}`;

/** The hash of an address: view, id and query. What cannot be read is the board. */
export function read(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const slash = path.indexOf("/");
  const view = slash < 0 ? path : path.slice(0, slash);
  try {
    return { view: view || "board", id: slash < 0 ? "" : decodeURIComponent(path.slice(slash + 1)), query: new URLSearchParams(query) };
  } catch {
    return { view: "board", id: "", query: new URLSearchParams() };
  }
}

/** Replaces what the address says, without a step back in the history. */
export function amend(view, query, id) {
  history.replaceState(null, "", link(view, query, id));
}
