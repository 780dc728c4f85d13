// Rows that move to their new places instead of jumping: measured before and after, then animated in between.

const MS = 420;
const EASE = "cubic-bezier(.2, .9, .25, 1.05)";
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** May things move? Not for who does not want it, and not where nobody looks. */
export const moving = () => !still.matches && !document.hidden;

/** Which of these numbers may stay where they are while the others are moved: a longest rising run of them. */
function rising(numbers) {
  const ends = []; // by length the place of the smallest number that a run so long ends with
  const before = numbers.map(() => -1);
  numbers.forEach((number, at) => {
    if (number < 0) return;
    let low = 0;
    for (let high = ends.length; low < high;) {
      const middle = (low + high) >> 1;
      if (numbers[ends[middle]] < number) low = middle + 1;
      else high = middle;
    }
    before[at] = low ? ends[low - 1] : -1;
    ends[low] = at;
  });
  const found = new Set();
  for (let at = ends.at(-1) ?? -1; at >= 0; at = before[at]) found.add(at);
  return found;
}

/** Puts `nodes` into `parent` in this order and takes out what is not among them. As few as can be are moved. */
export function place(parent, nodes) {
  const wanted = new Set(nodes);
  for (const node of [...parent.children]) if (!wanted.has(node)) node.remove();
  const stood = new Map([...parent.children].map((node, n) => [node, n]));
  const stays = rising(nodes.map((node) => stood.get(node) ?? -1));
  let next = null;
  for (let n = nodes.length - 1; n >= 0; n--) {
    if (!stays.has(n)) parent.insertBefore(nodes[n], next);
    next = nodes[n];
  }
}

const tops = (nodes) => nodes.map((node) => node.getBoundingClientRect().top);
const MARGIN = 100; // pixels above and below what is seen
const inSight = (top) => top > -MARGIN && top < innerHeight + MARGIN;

/**
 * The same, moving: rows glide from where they are seen now, also in the middle of another move, and new ones fade in. `fill`
 * changes what is in them. All is measured before anything is changed, which costs nothing, and once again after: one layout,
 * however many rows there are. Only what is in sight moves. Returns which nodes are.
 */
export function rearrange(parent, nodes, fill) {
  const there = moving() ? nodes.filter((node) => node.parentNode === parent) : [];
  const stood = tops(there);
  const from = new Map(there.map((node, n) => [node, stood[n]]));
  fill();
  for (const node of there) node.glide?.cancel();
  place(parent, nodes);
  const to = tops(nodes);
  const seen = nodes.filter((node, n) => {
    const top = from.get(node);
    node.glide = null;
    if (!inSight(to[n]) && !inSight(top ?? to[n])) return false;
    if (top != null && Math.abs(top - to[n]) >= 1) node.glide = glide(node, top - to[n]);
    else if (top == null && there.length) node.animate([{ opacity: 0 }, { opacity: 1 }], { duration: MS });
    return true;
  });
  return new Set(seen);
}

function glide(node, away) {
  const up = away > 0;
  node.classList.toggle("above", up); // who rises passes over who falls
  const moved = node.animate([{ transform: `translateY(${away}px)` }, { transform: "none" }], { duration: MS, easing: EASE });
  moved.onfinish = () => node.classList.remove("above");
  return moved;
}

/** Lets a node light up for a moment: `up` or `down`. */
export function flash(node, way) {
  if (!way || !moving()) return;
  node.animate([{ backgroundColor: `var(--${way}-glow)` }, { backgroundColor: "transparent" }], { duration: 900, easing: "ease-out" });
}

/** Counts from the number that stands there to another, for large ones. */
export function count(node, to, write) {
  const from = node.counted ?? to;
  cancelAnimationFrame(node.frame);
  node.counted = to;
  if (!moving() || Math.abs(to - from) < 0.005) {
    node.textContent = write(to);
    return;
  }
  const began = performance.now();
  const step = (at) => {
    const part = Math.min(1, (at - began) / 500);
    node.textContent = write(from + (to - from) * (1 - (1 - part) ** 3));
    if (part < 1) node.frame = requestAnimationFrame(step);
  };
  node.frame = requestAnimationFrame(step);
}
