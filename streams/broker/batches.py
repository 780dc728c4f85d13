"""Shells around the record batches in aiokafka's fetcher: the one place that knows its private fields. For aiokafka 0.14."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class Shell:
    """A batch that is iterated in another way; everything else is the batch's own."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)


def shelled(fetched: dict[Any, Any], shell: Callable[[Any], Shell]) -> Iterator[Any]:
    """Put `shell` around the batches of every fetch result that has none yet; yields these results' unpackers."""
    for result in fetched.values():
        waiting = getattr(result, "_partition_records", None)
        if waiting is not None and not isinstance(waiting._records, _Shelled):
            waiting._records = _Shelled(waiting._records, shell)
            yield waiting


class _Shelled:
    """The batches of one fetch of one partition, each in its shell."""

    def __init__(self, records: Any, shell: Callable[[Any], Shell]) -> None:
        self._records, self._shell = records, shell

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        # control batches are read by aiokafka itself; the old formats 0 and 1 have no `is_control_batch`
        return batch if getattr(batch, "is_control_batch", True) else self._shell(batch)
