"""Writes about rules, gaps, silences, what is acknowledged, channels and tokens: records of the topic `policies`."""

from __future__ import annotations

import time
from typing import TypeVar

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from msgspec.structs import replace

from agents.api import bodies, body_schemas
from agents.api.answers import json
from agents.api.body_schemas import Name, Network
from agents.api.door import BEARER, Door
from agents.api.outlet import Outlet
from agents.api.problems import Problem
from agents.api.routes.controls import SENT
from agents.api.served import Served
from streams.broker.policies import begun
from streams.model.channels import Acknowledged, Channel, Silence
from streams.model.gaps import MOST_GAPS, Gap, Gaps, closed, open_gap, with_gap
from streams.model.rules import Rule
from streams.model.tokens import Token
from streams.policies.book import Book
from streams.policies.changes import MOST, names, old, removable
from streams.policies.checks import bad_gaps
from streams.policies.records import (
    BEGINS,
    CHANNEL,
    GAP,
    SILENCE,
    TOKEN,
    Policy,
    encode,
    key_of,
    key_of_policy,
    parse_value,
)
from streams.policies.spelling import unknown

P = TypeVar("P", Rule, Channel, Silence, Token)


class Span(msgspec.Struct, forbid_unknown_fields=True):
    """A gap as it is sent here; without `since` it begins now."""

    since: int | None = None
    until: int | None = None


class Care(msgspec.Struct, forbid_unknown_fields=True):
    """Who takes care of the newest alert by a rule about a user; `episode`: of that one alone."""

    rule: str
    user: str
    episode: int | None = None
    by: str = ""


def routes(served: Served, door: Door, outlet: Outlet) -> APIRouter:
    """The router: tokens of scope `write`, for channels and tokens of scope `admin`."""
    router = APIRouter(tags=["writes"], responses=SENT, dependencies=[Depends(BEARER)])
    write, admin = [Depends(door.needs("write"))], [Depends(door.needs("admin"))]
    built = begun(served.settings).built

    def book() -> Book:
        return door.keys.book or Book()  # the door lets nobody in before it is read

    @router.put(
        "/v1/rules/{name}",
        summary="Add a rule, or replace it",
        status_code=202,
        dependencies=write,
        openapi_extra=body_schemas.policy("rule"),
    )
    async def put_rule(name: Name, request: Request) -> Response:
        """The body is a rule as `policies` has it, such as `{"when": {"falls": 10}, "severity": "critical"}`; workers take it up
        within a second or so."""
        return json(await outlet.policies(encode(await _policy(request, Rule, name, book(), BEGINS))), 202)

    @router.delete("/v1/rules/{name}", summary="Remove a rule", status_code=202, dependencies=write)
    async def delete_rule(name: str) -> Response:
        """A built-in rule is switched off, also where another stands in its place. Open alerts end with it."""
        _there(name, book(), BEGINS)
        one = built.get(name)
        return json(await outlet.policies(encode(replace(one, enabled=False)) if one else (key_of(name), None)), 202)

    @router.put(
        "/v1/silences/{name}",
        summary="Silence alerts, or change that",
        status_code=202,
        dependencies=write,
        openapi_extra=body_schemas.policy("silence"),
    )
    async def put_silence(name: Name, request: Request) -> Response:
        """What fits all that is said is delivered nowhere until then: `{"networks": ["mastodon"], "until": 1783123200000}`."""
        now_ms, known = time.time() * 1000, book()
        one = await _policy(request, Silence, name, known, SILENCE)
        if one.until <= now_ms:
            raise bodies.wrong("$.until", f"{one.until} is over: it is {now_ms:.0f}, ms since epoch")
        return json(await outlet.policies(*_old(known, now_ms, one), encode(one)), 202)

    @router.delete("/v1/silences/{name}", summary="End a silence", status_code=202, dependencies=write)
    async def delete_silence(name: str) -> Response:
        """What came meanwhile is not told any more."""
        return json(await _removed(name, SILENCE), 202)

    @router.post(
        "/v1/acknowledged",
        summary="Take care of an alert",
        status_code=202,
        dependencies=write,
        openapi_extra=body_schemas.care(),
    )
    async def acknowledge(request: Request) -> Response:
        """The newest alert by `rule` about `user` is not tried again anywhere: `{"rule": "day-fall", "user": "bluesky:ann"}`.
        `by` says who takes care, for people.

        404 if there is none, 409 if it is over, or is of another `episode` than is said. That it is over is told.
        """
        care = await bodies.converted(request, Care)
        now_ms = int(time.time() * 1000)
        said = Acknowledged(rule=care.rule, user=care.user, episode=care.episode or now_ms, at=now_ms, by=care.by)
        bodies.taken(parse_value(encode(said)[1]))
        one = replace(said, episode=await _episode(served, care))
        return json(await outlet.policies(*_old(book(), now_ms, one), encode(one)), 202)

    @router.put(
        "/v1/gaps/{network:path}",
        summary="Say that a feed is broken",
        status_code=202,
        dependencies=write,
        openapi_extra=body_schemas.span(),
    )
    async def put_gap(network: Network, request: Request) -> Response:
        """`{"since": ms, "until": ms}`, both may be left out: now, and until it is ended. One of the same `since` is replaced."""
        span, now_ms, before = await bodies.converted(request, Span), int(time.time() * 1000), _gaps(book(), network)
        if span.since is None and (still := open_gap(before)):
            detail = f"A gap of {network} is on since {still.since}, ms since epoch; DELETE ends it."
            raise Problem(409, "gap-is-on", "A gap is on", detail, since=still.since)
        gap = Gap(since=now_ms if span.since is None else span.since, until=span.until)
        gaps = with_gap(before, network, gap, now_ms)
        if reject := bad_gaps(Gaps(network=network, gaps=(gap,))):
            raise bodies.wrong(reject.path.replace("$.gaps[...]", "$"), reject.message)
        if gap not in gaps.gaps:
            raise bodies.wrong("$.until", f"{gap.until} is too long ago, or {MOST_GAPS} later gaps are known")
        _room(network, book(), GAP)
        return json(await outlet.policies(encode(gaps)), 202)

    @router.delete("/v1/gaps/{network:path}", summary="A feed is well again", status_code=202, dependencies=write)
    async def delete_gap(network: str) -> Response:
        """The gap that is on ends now. 404 if none is."""
        now_ms, before = int(time.time() * 1000), _gaps(book(), network)
        if before is None or open_gap(before) is None:
            raise Problem(404, "no-gap", "No gap", f"No gap of {network[:80]} is on.")
        gaps = closed(before, now_ms, now_ms)
        bodies.taken(bad_gaps(gaps))
        return json(await outlet.policies(encode(gaps)), 202)

    @router.put(
        "/v1/channels/{name}",
        summary="Add a channel, or replace it",
        status_code=202,
        dependencies=admin,
        openapi_extra=body_schemas.policy("channel"),
    )
    async def put_channel(name: Name, request: Request) -> Response:
        """The body is a channel as `policies` has it. Secrets are named in it, as in `secret:ops`, and never stand in it."""
        return json(await outlet.policies(encode(await _policy(request, Channel, name, book(), CHANNEL))), 202)

    @router.delete("/v1/channels/{name}", summary="Remove a channel", status_code=202, dependencies=admin)
    async def delete_channel(name: str) -> Response:
        """What waits for it stays for 30 days, and goes out if it is added again."""
        return json(await _removed(name, CHANNEL), 202)

    @router.put(
        "/v1/tokens/{name}",
        summary="Let somebody in",
        status_code=202,
        dependencies=admin,
        openapi_extra=body_schemas.policy("token"),
    )
    async def put_token(name: Name, request: Request) -> Response:
        """Whoever asks makes the token, and never sends it: `{"hash": "<its SHA-256>", "scope": "read", "until": ms}`."""
        return json(await outlet.policies(encode(await _policy(request, Token, name, book(), TOKEN))), 202)

    @router.delete("/v1/tokens/{name}", summary="Let somebody in no more", status_code=202, dependencies=admin)
    async def delete_token(name: str) -> Response:
        """Also one's own."""
        return json(await _removed(name, TOKEN), 202)

    async def _removed(name: str, begins: str) -> dict[str, object]:
        _there(name, book(), begins)
        return await outlet.policies((f"{begins}{name}".encode(), None))

    return router


async def _policy(request: Request, kind: type[P], name: str, book: Book, begins: str) -> P:
    """The policy of that kind and name that was sent. Raises Problem: what no worker would take, or would pass over; too many."""
    sent = bodies.with_defaults(await bodies.fields(request), type=begins.rstrip("/"), name=name)
    found = bodies.taken(parse_value(sent))
    assert isinstance(found, kind)  # noqa: S101 - its type says so
    for at, why in unknown(kind, bodies.plain(sent)):
        raise bodies.wrong(f"$.{at}", why)
    _room(name, book, begins)
    return found


def _room(name: str, book: Book, begins: str) -> None:
    if len(names(book, begins) | {name}) > MOST[begins]:
        detail = f"There are {MOST[begins]:,} of them, which is the most; remove one first."
        raise Problem(409, "too-many", "Too many", detail)


def _there(name: str, book: Book, begins: str) -> None:
    if name not in removable(book, begins):
        what = begins.rstrip("/")
        raise Problem(404, f"unknown-{what}", f"Unknown {what}", f"No {what} in `policies` is named {name[:80]}.")


def _old(book: Book, now_ms: float, but: Policy) -> list[tuple[bytes, None]]:
    """Records that end what ended long ago."""
    return [(key, None) for key in old(book, now_ms) if key != key_of_policy(but)]


def _gaps(book: Book, network: str) -> Gaps | None:
    """Of a network. Raises Problem when what is there cannot be read: it would be lost."""
    for mistake in book.mistakes:
        if mistake.key == f"{GAP}{network}":
            raise Problem(409, "not-readable", "Not readable", f"{mistake}: what is there would be lost.")
    return next((one for one in book.gaps if one.network == network), None)


async def _episode(served: Served, care: Care) -> int:
    """Of the alert that is meant, as Redis has it. Raises Problem when there is none, or it is over."""
    about = (one for one in await served.reader.alerts_of(care.user) if one.get("rule") == care.rule)
    newest = next(about, None)
    if newest is None:
        raise Problem(404, "unknown-alert", "Unknown alert", f"No alert by {care.rule} about {care.user} is known.")
    state, episode = newest.get("state"), newest.get("episode")
    if state != "raised" or not isinstance(episode, int):
        raise Problem(409, "alert-is-over", "Nothing to be done", f"It is {state}: nothing is left to be done.")
    if care.episode not in (None, episode):
        raise Problem(
            409, "another-episode", "Another episode", f"The newest has the episode {episode}.", episode=episode
        )
    return episode
