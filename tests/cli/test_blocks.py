"""Numbers drawn with characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cli.blocks import ROWS, bar, change, large, sparkline


@given(st.floats(0, 1), st.integers(1, 80), st.booleans())
def test_a_bar_is_as_long_as_its_part(part: float, cells: int, plain: bool) -> None:
    """To half a cell, in ASCII to one; never longer than its room; whatever is more than nothing is seen."""
    drawn = bar(part, cells, plain=plain)
    assert len(drawn) <= cells
    assert abs(drawn.count("━") + drawn.count("╸") / 2 + drawn.count("=") - part * cells) <= (1 if plain else 0.5)
    assert bool(drawn) == (part > 0)
    assert drawn.isascii() or not plain


def test_a_sparkline_by_hand() -> None:
    """The lowest is at the bottom, the highest at the top; of more values than cells, neighbours are one mean."""
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 20) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 0, 8, 8, 4, 4], 3) == "▁█▅"
    assert sparkline([0, 8], 9, plain=True) == "_#"
    assert len(set(sparkline([40.0] * 5, 9))) == 1
    assert sparkline([], 9) == sparkline([1, 2], 0) == ""


@given(st.lists(st.floats(1, 100), max_size=90), st.integers(1, 100))
def test_a_sparkline_has_a_cell_a_value_at_most(values: list[float], cells: int) -> None:
    """And never more than there is room for."""
    assert len(sparkline(values, cells)) == min(len(values), cells)


@pytest.mark.parametrize("number", ["1.0", "93.8", "100.0", "24.6", "57.0"])
def test_large_digits_have_rows_of_one_width(number: str) -> None:
    """As many as `ROWS`; each digit looks different."""
    rows = large(number)
    assert len(rows) == ROWS
    assert len({len(row) for row in rows}) == 1
    assert len({tuple(large(digit)) for digit in "0123456789."}) == 11


def test_changes() -> None:
    """With a direction, or a dot for what rounds to nothing."""
    assert [change(points) for points in (0.31, -1.2, 0.004, 0.0)] == ["▲ 0.31", "▼ 1.20", "·", "·"]
    assert [change(points, plain=True) for points in (0.31, -1.2, -0.004)] == ["+0.31", "-1.20", "."]
