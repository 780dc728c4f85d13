"""Counters that do not add up are an error, never hidden."""

from __future__ import annotations

from typing import Any

import pytest

from agents.demo.tally import NotFolded, whole


def came(**other: int) -> dict[str, Any]:
    return {"fed": 100, "folded": 95, "rejected": 2, "repeats": 3, "users": 40, **other}


def test_a_whole_result_is_told() -> None:
    """When each event fed was folded, rejected or a repeat, that is said in a line."""
    assert whole(came()) == "fed 100: folded 95, rejected 2, repeats 3; 40 users have a score"


@pytest.mark.parametrize("folded", [94, 96])
def test_a_result_that_does_not_add_up_is_an_error(folded: int) -> None:
    """One event too few or too many ends the demo with 1 and says how many were fed and counted."""
    with pytest.raises(NotFolded, match=f"fed 100 events, and {folded + 5}") as error:
        whole(came(folded=folded))
    assert error.value.exit_code == 1
