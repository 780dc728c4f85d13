"""What is known of a request beside what HTTP says; it goes with its scope, also where that is copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KEY = "clout"  #: in the scope
ID_HEADER = "x-request-id"


@dataclass(slots=True)
class Asked:
    """One request."""

    id: str
    whose: str = "-"  #: the name of its token
    route: str = "-"  #: as it is declared


def asked(scope: Any) -> Asked:
    """Of a request within `skin.Skin`; outside of it one that has no id."""
    found: Asked = scope.get(KEY) or Asked("-")
    return found
