"""`clout state`: all rows of an application into a file, and back into another one."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import click

from agents.cli.options import KAFKA, json_option, settings_options
from agents.cli.output import json_line, say
from agents.cli.progress import progress, size_of
from agents.cli.wholefile import whole
from streams.settings import Settings

_NEEDS = (*KAFKA, "app", "model")


@click.group()
def state() -> None:
    """Take all rows out of the topic `state`, or put them into an empty one: backup, move, another partition count.

    \b
    clout state export clout.zst
    CLOUT_PARTITIONS=12 CLOUT_TOPIC_PREFIX=new- clout state import clout.zst
    """


@state.command("export")
@click.argument("file")
@settings_options(*_NEEDS)
@json_option
def export(settings: Settings, file: str, json: bool) -> None:
    """Write all rows to FILE (.gz and .zst are compressed; - is stdout), one record a line, with count and checksum.

    The application must be drained: stop feeding, stop all workers, let `clout worker --drain` count what is left. What is
    read is committed; the rows of one partition at a time are held in memory. A file appears only when it is whole. Where a
    topic has more partitions than CLOUT_PARTITIONS, the surplus ones are left alone.

    \b
    clout state export clout-2026-01-01.zst
    """
    from agents.admin.state_export import export_state, packed

    with whole(file) as raw, packed(file, raw) as to, progress("exporting", "records", settings.partitions) as bar:
        done = export_state(settings, to, bar.update)
    name = "stdout" if file == "-" else file
    if json and file != "-":
        json_line({"file": file, "records": done.records, "partitions": done.partitions})
    else:
        say(f"exported {done.records:,} records of {done.partitions} partitions to {name}")


@state.command("import")
@click.argument("file")
@settings_options(*_NEEDS)
@json_option
def import_(settings: Settings, file: str, json: bool) -> None:
    """Put the rows of FILE (- is stdin) into an empty `state`, re-keyed for this partition count.

    FILE is read twice: first to its end, so that one that is cut off, damaged, of a newer version or of another model
    changes nothing; then into one transaction a partition. stdin is kept in a temporary file for that. Sources must be
    empty, and no worker may run: workers then start them at their beginning, and show everyone in Redis and `scores`.

    \b
    clout topics create && clout state import clout.zst && clout worker
    """
    from agents.admin.state_import import Import

    with _staged(file) as path:
        work = Import(settings, path, "stdin" if file == "-" else file)
        with progress("verifying", "records", size_of(path)) as bar:
            work.verify(bar.update)
        with progress("importing", "records", work.records) as bar:
            done = work.write(bar.update)
    if json:
        json_line({"file": file, "records": done.records, "partitions": done.partitions, "were": done.were})
    else:
        say(f"imported {done.records:,} records of {done.were} partitions into {done.partitions}")


@contextmanager
def _staged(file: str) -> Iterator[str]:
    """A path that can be read twice."""
    if file != "-":
        yield file
        return
    with tempfile.NamedTemporaryFile(prefix="clout-state-") as held:
        shutil.copyfileobj(sys.stdin.buffer, held)
        held.flush()
        yield held.name
