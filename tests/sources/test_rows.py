"""The format `csv`: rows with named columns as events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from streams.errors import UsageError
from streams.events import Event, parse
from streams.sources import open_source
from tests.sources.test_jetstream import KIND_OF

Write = Callable[..., str]
T0 = 1_767_225_600_000
HEAD = "id,type,network,actor,target,ts"


def read(path: str, **options: Any) -> list[dict[str, Any]]:
    """The events, as JSON has them; a worker takes each."""
    records = list(open_source(path, "csv", **options))
    assert all(isinstance(parse(one.value, KIND_OF[one.topic], 1 << 42), Event) for one in records)
    return [orjson.loads(one.value) for one in records]


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_columns_in_any_order(write: Write, between: str) -> None:
    """Told by their names; what no event has is left out, and empty cells say nothing."""
    rows = [
        ["note", "ts", "actor", "target", "type", "network", "id", "topics", "object", "undo", "ref"],
        ["", str(T0), "ann", "bob", "like", "n", "e1", "jazz art", "", "", ""],
        ["y", "2026-01-01T00:00:01", "ann", "", "like", "n", "e2", "", "", "true", "e1"],
        ["", "2026-01-01T01:00:02+01:00", '"an ""n"""', "bob", "reply", "n", "e3", "", "post/1", "", ""],
    ]
    text = "\n".join(between.join(row) for row in rows)
    first, undo, reply = read(write(text))
    assert first == {"id": "e1", "type": "like", "network": "n", "actor": "ann", "target": "bob", "ts": T0,
                     "topics": ["jazz", "art"]}  # fmt: skip
    assert (undo["undo"], undo["ref"], undo["ts"], "target" in undo) == (True, "e1", T0 + 1_000, False)
    assert (reply["actor"], reply["object"], reply["ts"]) == ('an "n"', "post/1", T0 + 2_000)


def test_other_names_and_what_is_the_same_everywhere(write: Write) -> None:
    """By the options; a cell that says something has its way."""
    path = write(f"who,whom,when,kind\nann,bob,{T0},\ncay,bob,{T0},share\n")
    columns, values = {"actor": "who", "target": "whom", "ts": "when", "type": "kind"}, {"network": "n", "type": "like"}
    found = read(path, columns=columns, values=values)
    assert [(one["type"], one["actor"]) for one in found] == [("like", "ann"), ("share", "cay")]


def test_a_row_is_its_own_id(write: Write) -> None:
    """The same row is the same event, wherever it stands."""
    row = f"like,n,ann,bob,{T0}"
    found = read(write(f"type,network,actor,target,ts\n{row}\n{row}\nx{row}\n".replace("xlike", "share")))
    assert found[0]["id"] == found[1]["id"] != found[2]["id"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("e,like,n", "a row with too few columns"),
        (f"e,wave,n,a,b,{T0}", "a type that is none"),
        (f"e,,n,a,b,{T0}", "a row without a type"),
        (f"e,like,n,,b,{T0}", "a row without actor"),
        ("e,like,n,a,b,1767225600", "a time in seconds: ms since epoch are wanted, or ISO 8601"),
        ("e,like,n,a,b,yesterday", "a time that is neither ms since epoch nor ISO 8601"),
        (f'e,like,n,"a,b,{T0}', "a cell whose quotes do not end in its line"),
    ],
)
def test_bad_rows_cost_themselves(write: Write, row: str, why: str) -> None:
    """Each is counted with what is wrong."""
    source = open_source(write(f"{HEAD}\ne1,like,n,a,b,{T0}\n{row}\ne2,like,n,a,b,{T0}\n"), "csv")
    assert len(list(source)) == 2
    assert source.skipped == {f"malformed: {why}": 1}
    assert source.first_bad == 3


@pytest.mark.parametrize(
    ("head", "options", "why"),
    [
        (
            "type,network,actor,target",
            {},
            r"no column is named ts; there are type, .*--column ts=NAME.*--value ts=TEXT",
        ),
        (HEAD, {"columns": {"actor": "who"}}, "there is no column who; there are id, type"),
        (HEAD, {"values": {"colour": "red"}}, "events have no field colour; they have id, type"),
        ("\xe9,b".encode("latin-1"), {}, "the first line is no UTF-8"),
    ],
)
def test_what_the_first_line_lacks(write: Write, head: Any, options: dict[str, Any], why: str) -> None:
    """Is said before anything is sent."""
    rest = f"\ne,like,n,a,b,{T0}\n"
    with pytest.raises(UsageError, match=why):
        list(open_source(write(head + (rest if isinstance(head, str) else rest.encode())), "csv", **options))


def test_a_file_is_gone_on_with(write: Write) -> None:
    """The names of its columns are still those of the first line."""
    path = write(HEAD + "\n" + "".join(f"e{n},like,n,a,b,{T0}\n" for n in range(5)))
    assert [one["id"] for one in read(path, from_line=4)] == ["e2", "e3", "e4"]
    assert read(write("")) == []
