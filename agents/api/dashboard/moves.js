// Rows that move to their new places instead of jumping: measured before and after, then animated in between.

const MS = 420;
const EASE = "cubic-bezier(.2, .9, .25, 1.05)";
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** May things move? Not for who does not want it, and not where nobody looks. */
export const moving = () => !still.matches && !document.hidden;

/** Puts `nodes` into `parent` in this order and takes out what is not among them. Untouched is what stands where it should. */
export function place(parent, nodes) {
  const wanted = new Set(nodes);
  for (const node of [...parent.children]) if (!wanted.has(node)) node.remove();
  let next = parent.firstElementChild;
  for (const node of nodes) {
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
  }
}

const tops = (nodes) => nodes.map((node) => node.getBoundingClientRect().top);

/**
 * The same, moving: rows glide from where they are seen now, also in the middle of another move, and new ones fade in.
 * All is measured before anything is changed, and once again after: two layouts, however many rows there are.
 */
export function rearrange(parent, nodes) {
  if (!moving()) return place(parent, nodes);
  const there = nodes.filter((node) => node.parentNode === parent);
  const before = tops(there);
  const fresh = nodes.filter((node) => node.parentNode !== parent);
  for (const node of there) node.glide?.cancel();
  place(parent, nodes);
  const after = tops(there);
  there.forEach((node, place_) => {
    const away = before[place_] - after[place_];
    node.glide = Math.abs(away) < 1 ? null : glide(node, away);
  });
  if (there.length) for (const node of fresh) node.animate([{ opacity: 0 }, { opacity: 1 }], { duration: MS });
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
