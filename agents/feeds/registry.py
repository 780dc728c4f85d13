"""Which live sources there are: those that an installed package names as entry points of the group `clout.sources`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

from streams.errors import UsageError
from streams.sources.live import LiveSource

GROUP = "clout.sources"


def known() -> dict[str, EntryPoint]:
    """By name, in the order of their names."""
    return {one.name: one for one in sorted(entry_points(group=GROUP), key=lambda one: one.name)}


def opened(name: str, endpoints: Sequence[str] = ()) -> LiveSource:
    """A source of its own, of these endpoints or its usual ones. Raises UsageError when its package cannot be used."""
    entry = known()[name]
    try:
        make = entry.load()
        source: LiveSource = make(tuple(endpoints)) if endpoints else make()
    except UsageError:
        raise
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise UsageError(
            f"the source {name} ({entry.value}) cannot be used: {type(error).__name__}: {error}; look at the package that brings it"
        ) from None
    return source
