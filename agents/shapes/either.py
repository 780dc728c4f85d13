"""What is one of two types: its fields say of which, for those that are there have no tag."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from streams.model.published import AlertRecord, DisplayName, FeedRecord, ScoreRecord

T = TypeVar("T")

_Rank = Annotated[int, Meta(description="the place on the board, 1 is the highest; goes on over pages", ge=1)]
_Weight = Annotated[
    float, Meta(description="what is left of the engagement for the topic, a sum that halves in 62.4 days", ge=0)
]


class Ranked(ScoreRecord, frozen=True, kw_only=True):
    """A score record on a board."""

    name: DisplayName = UNSET
    rank: _Rank
    weight: _Weight | UnsetType = UNSET  #: on the board of a topic only


class Unscored(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on the board of a topic of whom there is no score record, as in the moment in which Redis is filled again."""

    rank: _Rank
    user: Annotated[str, Meta(description="`network:id`")]
    score: Annotated[None, Meta(description="not known now")]
    weight: _Weight


class OtherAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert of an older or newer version, as it came. No answer is lost for it."""

    fields: dict[str, Any]


if TYPE_CHECKING:
    Leader = Ranked | Unscored
    Alert = AlertRecord | FeedRecord | OtherAlert
else:

    class _Either(type):
        """msgspec asks whether what was decoded is an instance."""

        def __instancecheck__(cls, one: Any) -> bool:
            return isinstance(one, (*EITHER[cls], OtherAlert))

    class Leader(metaclass=_Either):
        """Somebody on a board."""

    class Alert(metaclass=_Either):
        """About a user, or about a feed that is silent."""


EITHER: dict[Any, tuple[type, type]] = {Leader: (Ranked, Unscored), Alert: (AlertRecord, FeedRecord)}
#: which of the two it is, by its fields
_WHICH: dict[Any, Callable[[dict[str, Any]], type]] = {
    Leader: lambda found: Unscored if found.get("score") is None else Ranked,
    Alert: lambda found: FeedRecord if found.get("type") == "feed" else AlertRecord,
}


def decode(data: bytes | str, kind: type[T]) -> T:
    """JSON as that type. Raises msgspec.MsgspecError for what is none."""
    return msgspec.json.decode(data, type=kind, dec_hook=_either)


def _either(kind: Any, value: Any) -> Any:
    if kind not in _WHICH or not isinstance(value, dict):
        raise msgspec.ValidationError(f"Expected `object`, got `{type(value).__name__}`")
    try:
        return msgspec.convert(value, _WHICH[kind](value))
    except msgspec.ValidationError:
        if kind is Alert:
            return OtherAlert(fields=value)
        raise
