"""What a control may be, as types: as it is sent, and as it is taken."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from streams.events import MAX_ID_BYTES, MAX_NETWORK_BYTES, NEWEST_MS, OLDEST_MS
from streams.model.versions import MOST_FACTS
from streams.people.checks import PERSON

FORMAT = 1  #: of the controls that this version knows
TYPES = ("link", "unlink", "facts", "hide-topic")
MAX_SOURCE_BYTES = 64
MOST_VALUE = 1e15  #: whole numbers up to here are exact as floats
FACT_NAME = "[a-z0-9_]{1,32}"

is_fact_name = re.compile(FACT_NAME).fullmatch
_PRINTED = {"not": {"pattern": "[\x00-\x1f\x7f-\x9f\u2028\u2029]"}}
_USER = f"[^:]{{1,{MAX_NETWORK_BYTES}}}:.{{1,{MAX_ID_BYTES}}}$"


def _schema(**said: Any) -> Meta:
    """What a schema says and the decoder does not look at: `parse` does."""
    return Meta(extra_json_schema=said)


_Account = Annotated[str, _schema(pattern=f"^(?!{PERSON}){_USER}", **_PRINTED)]
_Anybody = Annotated[str, _schema(pattern=f"^{_USER}", **_PRINTED)]
_Name = Annotated[str, _schema(pattern=f"^(?!{PERSON}).{{1,{MAX_ID_BYTES}}}$", **_PRINTED)]
_Topic = Annotated[str, _schema(pattern=r"[^#\u0020\u00a0\u2000-\u200a\u202f\u205f\u3000\ufe5f\uff03]", **_PRINTED)]
_Source = Annotated[str, _schema(maxLength=MAX_SOURCE_BYTES, **_PRINTED)]
_Ms = Annotated[int, _schema(exclusiveMinimum=OLDEST_MS, maximum=NEWEST_MS)]
_Value = Annotated[float, _schema(minimum=0, maximum=MOST_VALUE)]

_Said = Annotated[
    _Ms, Meta(description="when it was said, ms since epoch, UTC: of two that contradict, the later counts")
]


class Link(msgspec.Struct, frozen=True, tag_field="type", tag="link"):
    """`user` is an account of `person`, since `ts`. An account is of one person; a later link takes it to another."""

    user: Annotated[_Account, Meta(description="the account, `network:id`; no person")]
    person: Annotated[_Name, Meta(description="the person's name; their row is user `person:NAME`")]
    ts: _Said


class Unlink(msgspec.Struct, frozen=True, tag_field="type", tag="unlink"):
    """`user` is nobody's account, since `ts`."""

    user: Annotated[_Account, Meta(description="the account, `network:id`; no person")]
    ts: _Said


class Fact(msgspec.Struct, frozen=True):
    """What is known of a user: a number, for when it holds (ms since epoch, UTC), and from where; empty: nobody said."""

    value: float
    date: int
    source: str = ""


class Facts(msgspec.Struct, frozen=True):
    """Facts about `user`, an account or a person, as told at `ts`, by their names; None takes one away."""

    user: str
    ts: int
    facts: dict[str, Fact | None]


class HideTopic(msgspec.Struct, frozen=True, tag_field="type", tag="hide-topic"):
    """Since `ts` `topic` is not shown as one of `user`'s, an account or a person; or with `hidden` false it is again."""

    user: str
    topic: str  #: as it counts, see `streams.model.about`
    ts: int
    hidden: bool = True


Control = Link | Unlink | Facts | HideTopic


class FactBody(msgspec.Struct, frozen=True):
    """A fact as it is sent."""

    value: Annotated[_Value, Meta(description="a number; for yes and no 1 and 0")]
    date: Annotated[_Ms | None, Meta(description="for when it holds, ms since epoch, UTC; else `ts`")] = None
    source: Annotated[_Source | None, Meta(description="from where it is")] = None


_Facts = Annotated[
    dict[str, FactBody | None],
    _schema(propertyNames={"pattern": f"^{FACT_NAME}$"}, minProperties=1, maxProperties=MOST_FACTS),
]


class FactsBody(msgspec.Struct, frozen=True, tag_field="type", tag="facts"):
    """Facts about `user`, each by its name; null takes one away. What is not named stays as it is."""

    user: Annotated[_Anybody, Meta(description="`network:id`, or `person:NAME`")]
    ts: _Said
    facts: Annotated[_Facts, Meta(description=f"by name; at most {MOST_FACTS}")]


class HideTopicBody(msgspec.Struct, frozen=True, tag_field="type", tag="hide-topic"):
    """`topic` is not shown as one of `user`'s, since `ts`: neither with their topics nor on its board."""

    user: Annotated[_Anybody, Meta(description="`network:id`, or `person:NAME`")]
    topic: Annotated[_Topic, Meta(description="as events name it: capitals and # make no difference")]
    ts: _Said
    hidden: Annotated[bool | None, Meta(description="false: it is shown again; else it is hidden")] = None
