"""`clout channel test`: one message to a channel from here, and what came of it."""

from __future__ import annotations

import time
from typing import Any, Literal

import click

from agents.cli.options import KAFKA, json_option, settings_options
from agents.cli.output import json_line, safe, say
from streams.settings import Settings

_USER = "test:nobody"


@click.command()
@click.argument("name")
@click.option("--over", type=int, metavar="MS", show_envvar=True,
              help="That the test of this time is over: incidents of PagerDuty and Alertmanager end.")  # fmt: skip
@settings_options(*KAFKA, "channels", "app", "secrets", "alerting_inside", "alerting_ca")
@json_option
def test(settings: Settings, name: str, over: int | None, json: bool) -> int:
    """Send a made-up alert to the channel NAME, once and at once, and say what came of it; exit code 1 if it did not arrive.

    It goes out from here, with the secrets that are here, as `clout alerting` would send it: quiet hours, silences and the
    route do not matter. The alert is about test:nobody; nobody's score has moved.

    \b
    clout channel test ops
    CLOUT_SECRET_OPS=whsec_... clout channel test ops --alerting-inside 127.0.0.1
    """
    import asyncio

    from agents.alerting.attempts import tried
    from agents.alerting.senders import senders
    from agents.alerting.start import around
    from agents.cli.channel_known import Known, channels
    from streams.model.channels import Channel

    book, own = channels(settings)
    one = Known(book, own, None).named(name)
    known, now_ms = around(settings), int(time.time() * 1000)

    async def attempt(channel: Channel) -> Any:
        kinds = senders(known)
        try:
            return await tried(
                kinds[channel.kind], channel, made_up(channel.name, over or now_ms, now_ms, over=bool(over))
            )
        finally:
            for sender in kinds.values():
                await sender.close()

    began_s = time.monotonic()
    outcome = asyncio.run(attempt(one))
    took_ms = round(1_000 * (time.monotonic() - began_s))
    if json:
        fields = {"delivered": outcome.delivered, "said": outcome.said, "ms": took_ms, "test": over or now_ms}
        json_line({"channel": name, **fields})
    else:
        how = "delivered" if outcome.delivered else "not delivered"
        click.echo(safe(f"channel {name}: {how} in {took_ms:,} ms: {outcome.said}"))
        if outcome.delivered and one.body in ("pagerduty", "alertmanager") and not over:
            say(f"that opens an incident; `clout channel test {name} --over {now_ms}` ends it")
    return 0 if outcome.delivered else 1


def made_up(channel: str, episode: int, now_ms: int, *, over: bool = False) -> Any:
    """A delivery of an alert that is none, with all fields that an alert has."""
    import msgspec

    from streams.formats.deliveries import Delivery
    from streams.model.published import AlertCause, AlertRecord, Reference

    state: Literal["raised", "recovered"] = "recovered" if over else "raised"
    alert = AlertRecord(
        id=f"test/{_USER}/{episode}/{state}",
        rule="test",
        state=state,
        severity="info",
        user=_USER,
        episode=episode,
        at=now_ms,
        score=40.0,
        change=0.0 if over else -1.0,
        cause="idle",
        objects=[],
        people=[],
        policies=-1,
        model="clout-1",
        version=0,
        sentence=f"This is a test of the channel {channel}: nobody's score has moved",
        reference=Reference(score=41.0, at=now_ms - 86_400_000),
        causes=[AlertCause(cause="idle", points=-1.0)],
    )
    value = msgspec.Raw(msgspec.json.encode(alert))
    return Delivery(channel=channel, id=alert.id, at=now_ms, due=now_ms, alert=value)
