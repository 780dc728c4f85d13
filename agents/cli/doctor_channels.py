"""What `clout doctor` says of channels and deliveries: secrets, what is off or left alone, and whether anybody delivers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from agents.surroundings.finding import NOTE, OK, WRONG, Finding
from streams.errors import CloutError, NotAllowed
from streams.model.channels import SECRET, Channel
from streams.policies.channels import MAILS, bad_url
from streams.scoreboard.connect import connect
from streams.scoreboard.layout import Keys
from streams.scoreboard.standings import NOBODY, Standings, trouble
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.broker.delivery_log import Deliveries

_SCHEMES = {"webhook": ("https", "http"), "email": MAILS}


def look(settings: Settings) -> list[Finding]:
    """Never raises for what a person can mend: that is a finding. Kafka has answered before."""
    from agents.alerting.start import around
    from agents.cli.channel_known import channels
    from streams.broker import delivery_log

    try:
        book, _ = channels(settings)
        around(settings)
        standings = asyncio.run(_standings(settings))
    except CloutError as error:
        return [Finding("channels", WRONG, str(error))]
    said = [Finding("channels", WRONG, str(one)) for one in book.mistakes if one.key.startswith("channel/")]
    said += _channels(book.channels, standings, settings)
    if not said:
        said = [Finding("channels", OK, f"{len(book.channels):,}" if book.channels else "none: nobody hears of alerts")]
    try:
        found = asyncio.run(delivery_log.read(settings))
    except NotAllowed as error:
        return [*said, Finding("deliveries", NOTE, f"not looked at: {error}")]
    except CloutError as error:
        return [*said, Finding("deliveries", WRONG, str(error))]
    return [*said, *deliveries(found, {one.name for one in book.channels})]


async def _standings(settings: Settings) -> dict[str, dict[str, Any]] | None:
    """None without Redis, which is told elsewhere."""
    client = connect(settings)
    try:
        return await Standings(client, Keys(settings.redis_prefix, 0)).channels()
    except (RedisError, OSError, CloutError):
        return None
    finally:
        await client.aclose()


def _channels(
    channels: tuple[Channel, ...], standings: dict[str, dict[str, Any]] | None, settings: Settings
) -> Iterator[Finding]:
    from agents.alerting.secrets import Missing, Secrets

    secrets, now_ms = Secrets(settings.secrets), time.time() * 1000
    lonely = []
    for one in channels:
        for reference in filter(None, (one.url, *one.sign, one.token, one.key, one.password)):
            if not reference.startswith(SECRET):
                continue
            try:
                value = secrets.get(reference)
            except Missing as error:
                text = f"{one.name}: {error}; that is well if it is where `clout alerting` runs"
                yield Finding("channels", NOTE, text)
                continue
            if reference == one.url and one.kind in _SCHEMES and (bad := bad_url(value, _SCHEMES[one.kind])):
                yield Finding("channels", NOTE, f"{one.name}: the URL of {reference}: {bad}")
        if standings is None or not one.enabled:
            continue
        if (why := trouble(standings.get(one.name), now_ms)) == NOBODY:
            lonely.append(one.name)
        elif why:
            yield Finding("channels", WRONG, f"{one.name}: {why}; see `clout channel show {one.name}`")
    if lonely:
        names = ", ".join(lonely[:3]) + (", …" if len(lonely) > 3 else "")
        yield Finding("channels", WRONG, f"nobody delivers to {names}: run `clout alerting`")


def deliveries(found: Deliveries, names: set[str]) -> Iterator[Finding]:
    """Dead letters, what waits for channels that are not there, and what cannot be read."""
    waiting, dead = found.of("waiting"), found.of("dead")
    homeless = Counter(kept.one.channel for kept in waiting if kept.one.channel not in names)
    if dead:
        counts = ", ".join(
            f"{name} {count:,}" for name, count in Counter(one.one.channel for one in dead).most_common(3)
        )
        text = f"{len(dead):,} dead letters ({counts}): see `clout alerts dead list`, then retry or drop them"
        yield Finding("deliveries", NOTE, text)
    for name, count in homeless.most_common(3):
        text = f"{count:,} wait for the channel {name}, which is not there: `clout channel add {name}` sends them"
        yield Finding("deliveries", NOTE, text)
    if found.refused:
        yield Finding(
            "deliveries", WRONG, f"{found.refused:,} records are not understood: has a newer version written them?"
        )
    if not dead and not homeless and not found.refused:
        yield Finding("deliveries", OK, f"{len(waiting):,} wait, none is dead")
