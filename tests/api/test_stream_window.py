"""The window of push beside plain lists: whoever may go on gets exactly what came behind their cursor."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.api.stream.positions import START, Ident, Position, text_of
from agents.api.stream.window import Entry, Window

STREAMS = 3
_entries = st.lists(st.tuples(st.integers(0, STREAMS - 1), st.integers(1, 3), st.integers(0, 9)), max_size=40)


def made(steps: list[tuple[int, int, int]]) -> list[Entry]:
    """Entries whose ids rise in each stream, in any order among the streams."""
    ms, entries = [0] * STREAMS, []
    for stream, step, size in steps:
        ms[stream] += step
        entries.append(Entry(stream, Ident(ms[stream], 0), bytes(size)))
    return entries


def filled(entries: list[Entry], most: int, most_bytes: int) -> Window:
    """A window to which they came."""
    window = Window(STREAMS, most, most_bytes)
    for entry in entries:
        window.append(entry)
    return window


def positions(entries: list[Entry]) -> list[Position]:
    """Where somebody was who has seen the first n, for each n."""
    seen = [START] * STREAMS
    found = [tuple(seen)]
    for entry in entries:
        seen[entry.stream] = entry.ident
        found.append(tuple(seen))
    return found


def served(window: Window, position: Position) -> list[Entry] | None:
    """What a listener gets who comes back with this position."""
    number = window.behind(position)
    if number is None:
        return None
    return [one for one in window.slice(number, 1_000) if one.ident > position[one.stream]]


@given(_entries, st.integers(1, 50), st.integers(1, 200))
def test_what_is_served_is_what_came_behind(steps: list[tuple[int, int, int]], most: int, most_bytes: int) -> None:
    """For each place where somebody may have been: all of it in its order, or nothing because some has left."""
    entries = made(steps)
    window = filled(entries, most, most_bytes)
    kept = entries[len(entries) - len(window) :]
    assert window.slice(window.first, 1_000) == kept
    for seen, position in enumerate(positions(entries)):
        behind = entries[seen:]
        gone = [one for one in behind if one not in kept]
        assert served(window, position) == (None if gone else behind), text_of(position)


@given(_entries, st.data())
def test_another_process_saw_them_in_another_order(steps: list[tuple[int, int, int]], data: st.DataObject) -> None:
    """Of each stream its order is the same everywhere, among them it is not: a cursor from elsewhere is served exactly, too."""
    entries = made(steps)
    by_stream = [[one for one in entries if one.stream == stream] for stream in range(STREAMS)]
    seen = [data.draw(st.integers(0, len(some))) for some in by_stream]
    position = tuple(some[n - 1].ident if n else START for n, some in zip(seen, by_stream, strict=True))
    wanted = [one for one in entries if one.ident > position[one.stream]]
    assert served(filled(entries, 1_000, 10**6), position) == wanted


@given(_entries, st.lists(st.integers(0, 50), min_size=STREAMS, max_size=STREAMS))
def test_made_up_cursors_are_noticed(steps: list[tuple[int, int, int]], ms: list[int]) -> None:
    """One that stands on no entry is served nothing, unless it is ahead: then it is known when we are there."""
    entries = made(steps)
    window = filled(entries, 1_000, 10**6)
    position = tuple(Ident(one, 1) for one in ms)
    behind = any(ident < head for ident, head in zip(position, window.head, strict=True))
    assert (window.behind(position) is None) == behind
    assert window.ahead(position) == any(ident > head for ident, head in zip(position, window.head, strict=True))


def test_what_came_before_the_oldest_may_not_be_known() -> None:
    """Where Redis has dropped entries a cursor has to stand on one that is there."""
    window = Window(1, 10, 1_000)
    window.unsure(0)
    for ms in (5, 6):
        window.append(Entry(0, Ident(ms, 0), b""))
    assert [window.behind((ident,)) for ident in (START, Ident(4, 0), Ident(5, 0), Ident(6, 0))] == [None, None, 1, 2]
