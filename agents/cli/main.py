"""The entry point: which commands there are, and how errors become one clear line and an exit code.

0 ok, 1 failed, 2 usage, 3 a dependency is down, 130 interrupted.
"""

from __future__ import annotations

import errno
import gc
import importlib
import io
import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

from streams.errors import CloutError, DependencyDown

INTERRUPTED = 130

#: command -> where it is, and what `clout --help` says of it (so that this imports none of them)
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("agents.cli.demo:demo", "Broker, Redis, worker and feed on this machine, with a live view."),
    "worker": ("agents.cli.worker:worker", "Run a worker: events in, live scores out."),
    "api": ("agents.cli.api:api", "Serve page and API out of Redis, without a worker."),
    "warm": ("agents.cli.warm:warm", "Compile the core before a worker needs it."),
    "feed": ("agents.cli.feed:feed", "Send events from files, a live source or the generator to the topics."),
    "control": (
        "agents.cli.control:control",
        "Say whose accounts are one person's, facts about users, topics to hide, broken feeds.",
    ),
    "rule": ("agents.cli.rule:rule", "Say by which rules alerts are raised: add, list, show, test, remove."),
    "offline": ("agents.cli.offline:offline", "Score files of events without a broker."),
    "calibrate": ("agents.cli.calibrate:calibrate", "Fit the curve of the score to events, or to who is there now."),
    "score": ("agents.cli.scores:score", "Show the live score of users and what it is made of."),
    "top": ("agents.cli.top:top", "Show who scores highest now."),
    "alerts": (
        "agents.cli.alerts:alerts",
        "Show whose score moved, how far and why; what is silent or did not arrive.",
    ),
    "channel": ("agents.cli.channel:channel", "Say where alerts go: add, list, show, test, remove."),
    "token": ("agents.cli.token:token", "Say who may ask the API for what: add, list, remove."),
    "alerting": ("agents.cli.alerting:alerting", "Deliver alerts: webhooks, mail, and what else there is."),
    "rejects": ("agents.cli.rejects:rejects", "Show what could not be used, and why; send it back once it can."),
    "topics": ("agents.cli.topics:topics", "Create, check or list the Kafka topics, or print their schemas."),
    "status": ("agents.cli.status:status", "Show on one screen what runs, what arrives, and what is wrong."),
    "doctor": ("agents.cli.doctor:doctor", "Look at everything Clout needs; each line says ok or what to do."),
    "config": ("agents.cli.config:config", "Show the effective settings, secrets hidden."),
    "state": ("agents.cli.state:state", "Export all rows to a file, or import them into an empty application."),
    "rebuild": ("agents.cli.rebuild:rebuild", "Write Redis again from the rows, and wait until it is done."),
    "simulate": ("agents.cli.simulate:simulate", "Prove the protocol: seeded faults against a plain fold, no servers."),
    "chaos": ("agents.cli.chaos:chaos", "Break everything on purpose, on servers of its own, and count."),
    "bench": ("agents.cli.bench:bench", "Measure speed and latency on this machine."),
}


class Commands(click.Group):
    """A group that imports a command when it is called, and turns expected errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table above."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name; None if there is none, or if this installation does not have it."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        try:
            found: click.Command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise CloutError(f"`clout {cmd_name}` is not part of this installation") from None
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list in the help, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, short) in COMMANDS.items()])

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command and exit. No traceback for what can be expected."""
        extra["prog_name"] = extra.get("prog_name") or "clout"
        extra["standalone_mode"] = False
        sys.exit(self._code(args, extra))

    def _code(self, args: tuple[Any, ...], extra: dict[str, Any]) -> int:
        from agents.cli import environment

        environment.hide_flags(os.environ)
        try:
            result = super().main(*args, **extra)
            sys.stdout.flush()
        except click.ClickException as error:
            if isinstance(error, click.BadParameter) and (variable := environment.variable(error)):
                error.param_hint = variable
            error.show()
            return error.exit_code
        except (click.Abort, KeyboardInterrupt):
            return INTERRUPTED
        except BrokenPipeError:
            quiet()
            return 0
        except expected() as error:
            known = explained(error)
            for line in str(known).splitlines():
                click.echo(f"clout: {line}", err=True)
            return known.exit_code
        except OSError as error:
            if (advice := unwritable(error)) is None:
                raise
            click.echo(f"clout: {advice}", err=True)
            return 1
        return result if isinstance(result, int) else 0

    def invoke(self, ctx: click.Context) -> Any:
        """Whoever reads our output had enough: end quietly. (click's own answer would be exit code 1.)"""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            quiet()
            return 0


def quiet() -> None:
    """Nobody reads stdout any more: what is left in its buffer must not become an error at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def unwritable(error: OSError) -> str | None:
    """What a person can do about a file system that takes nothing; None when that is not what it is."""
    if isinstance(error, FileNotFoundError) and "temporary directory" in str(error):
        return f"{error.strerror}: set TMPDIR to a folder that can be written to"
    if error.errno not in {errno.EROFS, errno.ENOSPC, errno.EDQUOT}:
        return None
    where = error.filename or "a folder for temporary files, or shared memory (/dev/shm)"
    return f"cannot write {where} ({os.strerror(error.errno)}): make room, or set TMPDIR to a folder that can be written to"


def expected() -> tuple[type[Exception], ...]:
    """Errors that a person can do something about: our own, and those of the clients that are in use."""
    names = (("redis.exceptions", "RedisError"), ("aiokafka.errors", "KafkaError"), ("kafka.errors", "KafkaError"))
    return (CloutError, *(getattr(sys.modules[module], name) for module, name in names if module in sys.modules))


def explained(error: Exception) -> CloutError:
    """What a person can do about one of them."""
    if isinstance(error, CloutError):
        return error
    if (redis := sys.modules.get("redis.exceptions")) and isinstance(error, redis.RedisError):
        from streams.scoreboard.connect import address, down

        return down(error, address(os.environ.get("CLOUT_REDIS") or "redis://localhost:6379"))
    from streams.broker.allowed import denied

    return denied(error) or DependencyDown(
        f"Kafka does not do what was asked ({type(error).__name__}: {error}); see `clout doctor`"
    )


@click.command(
    "clout",
    cls=Commands,
    context_settings={"auto_envvar_prefix": "CLOUT", "help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Settings come from flags and CLOUT_* variables; `clout config` shows them all. "
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 a dependency is down.",
)
@click.version_option(package_name="clout", message="%(package)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Live social influence scores from 1 to 100, out of Kafka topics.

    \b
    Try it:            clout demo
    On your Kafka:     clout topics create; clout worker; clout feed events.ndjson
    Look at scores:    clout top; clout score bluesky:did:plc:abc
    """
    from agents.cli import environment

    environment.hide_foreign(os.environ, cli, ctx.invoked_subcommand)
    environment.tell_unknown(os.environ, cli)
    # the clients shout while they try; what is wrong is said once, by us
    for name in ("kafka", "aiokafka"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def main() -> None:
    """The command `clout`; exits."""
    gc.set_threshold(50_000)  # what is imported stays: to look for cycles in it makes an eighth of a worker's start
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as by `2>&-`: the next file to be opened would take its number
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - until the end
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # names that a terminal's encoding has not; data is bytes anyway
    cli.main()


if __name__ == "__main__":
    main()
