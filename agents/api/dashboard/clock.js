// Now, as the server has it: with a replayed history that is the time of its events, not the reader's.

let ahead = 0;

/** An answer said for which moment it holds. */
export function heard(as_of) {
  if (Number.isFinite(as_of)) ahead = as_of - Date.now();
}

/** Ms since epoch. */
export const now = () => Date.now() + ahead;
