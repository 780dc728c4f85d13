"""A person's score as a small page for an iframe on other pages: it runs no script, and asks for itself again each minute."""

from __future__ import annotations

from html import escape
from typing import Literal

from agents.api.known import Record

Look = Literal["auto", "light", "dark"]

#: for this page alone: anybody may frame it, and it may still load nothing but its own style
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *"
AGAIN_S = 60
_STYLE = "../../../static/style/card.css"  # beside the page of which this is a part, under whatever prefix
_ROUND = 263.9  # of the ring: a radius of 42


def card(record: Record, look: Look) -> str:
    """The page. `record` is as of now, with `rank`, `of` and `percentile`; all of it goes in as text."""
    user, score, name = str(record["user"]), record["score"], record.get("name")
    network, _, own = user.partition(":")
    whose = f"{own} · {network}" if name else network
    facts = [f"rank {record['rank']:,} of {record['of']:,}"] if record["rank"] else []
    if record["percentile"] is not None:
        facts.append(f"above {int(record['percentile'] * 10) / 10:.1f} %")
    change = record["delta"].get("day")
    moved = "" if change is None or abs(change) < 0.05 else _moved(change)
    return (
        f'<!doctype html><html lang="en" data-look="{look}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="{AGAIN_S}">'
        f'<title>{escape(user)} on Clout</title><link rel="stylesheet" href="{_STYLE}"></head><body><main>'
        f'<svg viewBox="0 0 100 100" role="img" aria-label="score {score:.1f} of 100">'
        '<circle class="rest" cx="50" cy="50" r="42"/>'
        f'<circle class="full" cx="50" cy="50" r="42" stroke-dasharray="{_ROUND * score / 100:.1f} {_ROUND}"/>'
        f'<text x="50" y="59">{score:.0f}</text></svg>'
        f'<div><p class="name" title="{escape(user)}"><bdi>{escape(name or own)}</bdi></p>'
        f'<p class="soft"><bdi>{escape(whose)}</bdi></p>'
        f'<p class="soft">{" · ".join(facts)}</p>{moved}</div><p class="by">Clout</p></main></body></html>'
    )


def _moved(change: float) -> str:
    way, sign = ("up", "+") if change > 0 else ("down", "\u2212")
    return f'<p class="{way}">{sign}{abs(change):.1f} since the last daily close</p>'
