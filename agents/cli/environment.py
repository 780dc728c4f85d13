"""The environment of a command: which `CLOUT_*` variables are ours, which the platform sets, and which are misspelt."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from dataclasses import fields

import click

from agents.cli.output import safe, say
from streams.errors import CloutError
from streams.settings import Settings, is_foreign, variable_of

_PREFIX = "CLOUT_"
#: read by deploy scripts, tests and the parts beside the command
_OTHERS = (
    "CLOUT_VENV",
    "CLOUT_PIP",
    "CLOUT_PEERS",
    "CLOUT_PEER_GUARANTEE",
    "CLOUT_DEMO_BEGAN",
    "CLOUT_LEFT_OUT",
    "CLOUT_KERNELS",
)
_OTHER_PREFIXES = ("CLOUT_FAUST_", "CLOUT_TEST_", "CLOUT_SECRET_")
#: click reads a flag of these names too, though nobody means it: CLOUT_VERSION is what a deployment calls its image
_NO_FLAGS = ("_VERSION", "_HELP")
_SETTINGS = frozenset(variable_of(field.name) for field in fields(Settings))


def hide_flags(environ: MutableMapping[str, str]) -> None:
    """Takes out what click would take for `--version` and `--help`."""
    for name in [name for name in environ if name.startswith(_PREFIX) and name.endswith(_NO_FLAGS)]:
        del environ[name]


def hide_foreign(environ: MutableMapping[str, str], group: click.Group, command: str | None) -> None:
    """Takes out what the platform set, before a port is read out of `tcp://...`. One that hides an option of `command` is told."""
    for name, value in [item for item in environ.items() if is_foreign(*item)]:
        del environ[name]
        if command and (name in _SETTINGS or name in _options_of(group, command)):
            say(
                f"clout: {name}={safe(value)} is not read: Kubernetes and Docker set it for a service of that name. "
                "Give the flag instead, or another name to the service"
            )


def tell_unknown(environ: MutableMapping[str, str], group: click.Group) -> None:
    """One line on stderr for each `CLOUT_*` variable that nothing reads, with the nearest that something does.

    They are taken out of the environment, so that processes of ours do not tell it again.
    """
    names = [name for name in environ if name.upper().startswith(_PREFIX) and not _plain(name)]
    if not names:
        return
    known = set(_SETTINGS).union(
        *(_options_of(group, command) for command in group.list_commands(click.Context(group)))
    )
    for name in sorted(set(names) - known):
        del environ[name]
        near = nearest(name, known)
        say(
            f"clout: nothing reads {name}; "
            + (f"did you mean {near}?" if near else "`clout config` lists the settings")
        )


def nearest(name: str, known: set[str]) -> str | None:
    """The name that it was probably meant to be."""
    import difflib

    whole = {one.removeprefix(_PREFIX): one for one in sorted(known)}
    close = difflib.get_close_matches(name.upper().removeprefix(_PREFIX), whole, 1)
    return whole[close[0]] if close else None


def variable(error: click.BadParameter) -> str | None:
    """The variable that a wrong value came from; None if it was a flag or an argument."""
    context, param = error.ctx, error.param
    if context is None or param is None or param.name is None:
        return None
    if context.get_parameter_source(param.name) is not click.core.ParameterSource.ENVIRONMENT:
        return None
    named = [param.envvar] if isinstance(param.envvar, str) else list(param.envvar or ())
    named.append(f"{context.auto_envvar_prefix}_{param.name.upper()}")
    return next((name for name in named if os.environ.get(name)), None)


def _plain(name: str) -> bool:
    return name in _SETTINGS or name in _OTHERS or name.startswith(_OTHER_PREFIXES)


def _options_of(group: click.Group, command: str) -> frozenset[str]:
    """The variables that the flags of a command are read from; nothing if this installation does not have it."""
    try:
        found = group.get_command(click.Context(group), command)
    except CloutError:
        return frozenset()
    return frozenset(_variables(found, f"{_PREFIX}{command.upper()}")) if found else frozenset()


def _variables(command: click.Command, prefix: str) -> Iterator[str]:
    for param in command.params:
        if isinstance(param, click.Option) and param.name:
            if param.envvar:
                yield from [param.envvar] if isinstance(param.envvar, str) else param.envvar
            if param.allow_from_autoenv:
                yield f"{prefix}_{param.name.upper()}"
    for name, inner in getattr(command, "commands", {}).items():
        yield from _variables(inner, f"{prefix}_{name.replace('-', '_').upper()}")
