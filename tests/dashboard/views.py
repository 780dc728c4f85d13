"""The views there are, as addresses behind the page, each about somebody."""

from __future__ import annotations

from urllib.parse import quote

from tests.dashboard.town import ANN


def views(user: str = ANN) -> dict[str, str]:
    """By name the hash of each view."""
    who = quote(user, safe="")
    return {
        "board": "#/board",
        "person": f"#/person/{who}",
        "compare": f"#/compare?ids={who}&ids=mastodon%3Abob",
        "spread": f"#/spread?user={who}",
        "alerts": "#/alerts",
        "rules": "#/rules",
        "health": "#/health",
    }


#: what has to be there before a view is whole
WHOLE = {
    "board": ".leaders tbody tr",
    "person": ".grid .card",
    "compare": ".compared tbody tr",
    "spread": ".bin",
    "alerts": ".told",
    "rules": ".rule",
    "health": ".verdict",
}
