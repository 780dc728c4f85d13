"""Where a user stands, for people: rank, percentile, whose account it is; a person's accounts; names that are unknown."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET, UnsetType

from agents.cli.output import safe
from streams.errors import UsageError
from streams.model.standing import Place, Places

if TYPE_CHECKING:
    from streams.scoreboard.ranks import Rank
    from streams.scoreboard.reader import Reader, Record


class Account(NamedTuple):
    """An account of a person."""

    user: str
    score: float
    place: str = ""


def in_words(places: Places, user: str, person: str | UnsetType = UNSET) -> list[str]:
    """The overall rank, or whose account it is; percentile; the rank on the network's board: as far as there are any."""
    if person:
        found = [f"account of {safe(person)}"]
    elif places.overall:
        found = [f"rank {places.overall.rank:,} of {places.overall.of:,}"]
    else:
        found = ["account of a person" if places.network else "no rank"]
    if places.percentile is not UNSET:
        found.append(f"above {places.percentile:.1f} % of those engaged with in 90 days")
    if places.network:
        found.append(_on_network(places.network, user))
    return found


def _on_network(own: Place | Rank, user: str) -> str:
    return f"rank {own.rank:,} of {own.of:,} on {safe(user.partition(':')[0])}"


async def accounts_of(reader: Reader, record: Record, at_ms: int) -> list[Account]:
    """The accounts of a person at that time, the highest first; nobody else has any."""
    from streams.scoreboard.reader import score_at

    found = [score_at(stored, at_ms) for stored in await reader.users(record.get("accounts", [])) if stored]
    accounts = []
    for one in sorted(found, key=lambda account: -account["score"]):
        own = await reader.network_rank(one["user"])
        accounts.append(Account(one["user"], one["score"], _on_network(own, one["user"]) if own else ""))
    return accounts


def named(given: str) -> str:
    """A user's name from the command line, in UTF-8 whatever the locale says that the terminal writes."""
    try:
        return os.fsencode(given).decode() if any("\udc80" <= letter <= "\udcff" for letter in given) else given
    except UnicodeDecodeError:
        raise UsageError(f"{safe(given)} is not UTF-8, which names of users are") from None


def unknown_user(user: str, others: list[str]) -> str:
    """That nobody of this name is known, and who may have been meant."""
    if others:
        hint = f"; did you mean {', '.join(map(safe, others))}?"
    else:
        hint = "" if ":" in user else "; users are named network:id, such as bluesky:did:plc:abc"
    return f"clout: unknown user {safe(user)}{hint}"
