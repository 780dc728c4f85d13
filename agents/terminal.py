"""Text that fits a terminal: names safe to print and cut in the middle, and columns that leave them room."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

GAP = 2  # cells between two columns
LEAST = 10  # cells of a name, as long as there is another column that can go


def safe(text: str) -> str:
    """The text with everything escaped that a terminal would obey or that would not be seen: no user moves the cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shortened(text: str, room: int) -> str:
    """The text in at most `room` cells, cut in the middle: `did:plc:ab…wxyz`. Names often begin alike, and many end alike."""
    from rich.cells import cell_len, chop_cells

    if cell_len(text) <= room:
        return text
    if room < 2:
        return "…"[:room]
    tail_cells = (room - 1) // 3
    head = chop_cells(text, room - 1 - tail_cells)[0]
    tail = text[len(text) - tail_cells :] if tail_cells else ""
    while cell_len(tail) > tail_cells or (
        tail and unicodedata.category(tail[0])[0] == "M"
    ):  # an accent needs its letter
        tail = tail[1:]
    return f"{head}…{tail}"


def fit(
    natural: Sequence[int], room: int, *, flexible: Collection[int], drop: Sequence[int] = (), least: int = LEAST
) -> dict[int, int]:
    """Cells of each column that stays, in their order, in `room` cells with `GAP` between them.

    `natural` is what each needs. Only `flexible` ones shrink, the widest first, to `least`; then the columns of `drop` go
    one by one. What is neither never shrinks and never goes.
    """
    widths = dict(enumerate(natural))
    going = list(drop)
    while True:
        fixed = sum(width for column, width in widths.items() if column not in flexible)
        left = room - fixed - GAP * (len(widths) - 1)
        names = {column: widths[column] for column in widths if column in flexible}
        if sum(min(width, least) for width in names.values()) <= left or not going:
            break
        del widths[going.pop(0)]
    while sum(names.values()) > max(left, len(names)):
        names[max(names, key=lambda column: names[column])] -= 1
    return widths | names
