"""Hypothesis strategies: any good control, and JSON that looks like one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from streams.events import MAX_AHEAD_MS, OLDEST_MS
from streams.model.about import topic
from streams.people.controls import MOST_FACTS, MOST_VALUE, PERSON, Control, Fact, Facts, HideTopic, Link, Unlink
from tests.strategies import T0, ids

LATEST_MS = T0 + MAX_AHEAD_MS

networks = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters=":"), min_size=1, max_size=16
)
accounts = st.tuples(networks, ids).map(":".join).filter(lambda user: not user.startswith(PERSON))
names = ids.filter(lambda name: not name.startswith(PERSON))
anybody = accounts | ids.map(lambda name: f"{PERSON}{name}")
topics = ids.map(topic).filter(bool)
moments = st.integers(OLDEST_MS + 1, LATEST_MS)
fact_names = st.text("abcxyz019_", min_size=1, max_size=32)
values = st.floats(0, MOST_VALUE) | st.integers(0, int(MOST_VALUE)).map(float)
facts = st.builds(Fact, values, moments, st.just("") | ids.map(lambda text: text[:16]))


@st.composite
def controls(draw: st.DrawFn) -> Control:
    """Any good control."""
    match draw(st.sampled_from(("link", "unlink", "facts", "hide-topic"))):
        case "link":
            user = draw(accounts)
            return Link(user, draw(names.filter(lambda name: name != user)), draw(moments))
        case "unlink":
            return Unlink(draw(accounts), draw(moments))
        case "hide-topic":
            return HideTopic(draw(anybody), draw(topics), draw(moments), hidden=draw(st.booleans()))
        case _:
            user = draw(anybody)
            told = draw(st.dictionaries(fact_names, facts | st.none(), min_size=1, max_size=MOST_FACTS))
            return Facts(user, draw(moments), told)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_fact = st.fixed_dictionaries({}, optional={"value": _json | values, "date": _json | moments, "source": _json})
_parts: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["link", "unlink", "facts", "hide-topic", "merge", None]),
    "format": st.sampled_from([1, 2, 0, None, "1", 1.0]),
    "user": accounts | ids | _json,
    "person": names | _json,
    "ts": moments | _json,
    "topic": topics | st.text("# \u00a0ab", max_size=3) | _json,
    "hidden": st.booleans() | _json,
    "facts": st.dictionaries(fact_names | st.text(max_size=3), _fact | st.none(), max_size=4) | _json,
}


@st.composite
def broken_controls(draw: st.DrawFn) -> bytes:
    """Fields missing or of any type, in any encoding, cut anywhere."""
    body: dict[str, Any] = {
        "type": draw(_parts["type"]),
        "user": "net:ann",
        "person": "p",
        "ts": T0,
        "topic": "#Jazz",
        "facts": {"a": None},
    }
    for name in draw(st.lists(st.sampled_from(sorted(_parts)), max_size=3)):
        if draw(st.integers(0, 3)):
            body[name] = draw(_parts[name])
        else:
            body.pop(name, None)
    value = json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if not draw(st.integers(0, 3)):
        at = draw(st.integers(0, len(value)))
        value = value[:at] + draw(st.binary(max_size=3)) + value[at + draw(st.integers(0, 3)) :]
    return value
