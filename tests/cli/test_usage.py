"""What needs no server: help, settings, wrong usage, exit codes, safe output."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import orjson
import pytest
from aiokafka.errors import KafkaConnectionError
from redis.exceptions import ConnectionError as RedisDown

from agents.cli.main import COMMANDS, cli, expected, explained
from agents.cli.options import TIME
from agents.cli.output import moment, safe
from agents.local.embedded import free_port
from streams.errors import CloutError, UsageError
from streams.topics import ALL, CURSORS, DELIVERIES, EVENTS, NAMES, POLICIES, READ_ONLY, RECEIVED
from tests.servers import ROOT

Ask = Callable[..., Any]
OURS = [name for name in COMMANDS if name not in ("demo", "bench")]
NOBODY = f"127.0.0.1:{free_port()}"


def test_help_names_every_command_and_imports_none() -> None:
    """`clout --help` lists all commands without the price of numpy, Kafka, Redis or Faust."""
    code = (
        "import sys\n"
        "try:\n    from agents.cli.main import main; sys.argv[1:] = ['--help']; main()\n"
        "finally:\n    heavy = {'numpy', 'faust', 'redis', 'kafka', 'rich'} & {m.split('.')[0] for m in sys.modules}\n"
        "    print(*sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert done.stderr.split() == []


#: those that fold, and those whose answer does not come at once anyway
FOLDING = {"offline", "simulate", "bench"}


def loaded(code: str) -> set[str]:
    """The packages that are loaded after this."""
    script = (
        f"import sys\ntry:\n    {code}\nfinally:\n    print(*{{m.split('.')[0] for m in sys.modules}}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("name", ["score", "top", "config", "worker", "warm", "topics"])
def test_help_is_light(name: str) -> None:
    """What a command needs to work is loaded when it works."""
    code = f"from agents.cli.main import main; sys.argv[1:] = ['{name}', '--help']; main()"
    assert loaded(code) & {"numba", "numpy", "faust", "redis", "kafka", "aiokafka", "rich"} == set()


def test_only_what_folds_loads_the_compiler() -> None:
    """Neither any other command, nor the page and the API, nor what reads Redis, feeds, or looks at Kafka."""
    modules = {where.partition(":")[0] for name, (where, _) in COMMANDS.items() if name not in FOLDING}
    modules |= {"agents.api.serve", "agents.demo.course", "agents.feeds.feeder", "agents.worker.warm"}
    modules |= {"streams.scoreboard.reader", "streams.broker.admin", "agents.admin.reject_work"}
    found = loaded(f"import {', '.join(sorted(modules))}")
    assert "agents" in found
    assert found & {"numba", "llvmlite"} == set()


@pytest.mark.parametrize("name", OURS)
def test_every_command_explains_itself(clout: Ask, name: str) -> None:
    """Each command has a help that begins with a sentence and says how to get JSON or has an example."""
    shown = clout(name, "--help")
    assert shown.exit_code == 0
    assert f"clout {name}" in shown.stdout
    assert len(shown.stdout.splitlines()) > 6


@pytest.mark.parametrize("name", OURS)
def test_every_flag_has_an_environment_variable(name: str) -> None:
    """Whatever can be given as a flag can be given as a CLOUT_* variable, and the help names it."""
    command = cli.get_command(click.Context(cli), name)
    assert command
    for command_ in getattr(command, "commands", {name: command}).values():
        for option in command_.params:
            if isinstance(option, click.Option):
                named = option.show_envvar and option.name in [
                    flag.lstrip("-").replace("-", "_") for flag in option.opts
                ]
                assert named or "env: CLOUT_" in (option.help or ""), f"{command_.name} {option.name}"


def test_flag_from_its_environment_variable(clout: Ask) -> None:
    """A flag that is no setting is read from CLOUT_<COMMAND>_<FLAG>."""
    assert clout("config", config_json="1").stdout.startswith("{")


def test_all_wrong_settings_at_once(clout: Ask) -> None:
    """Wrong flags and wrong variables are reported together, each by its own name, with exit code 2."""
    done = clout("config", "--partitions", "none", "--clock", "sun", kafka="localhost", idle_s="-1")
    assert done.exit_code == 2
    assert done.stdout == ""
    for problem in ("--partitions=none", "--clock=sun", "CLOUT_KAFKA=localhost", "CLOUT_IDLE_S=-1"):
        assert problem in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["frobnicate"],
        ["top", "-n", "0"],
        ["score"],
        ["offline"],
        ["offline", "there/is/no/such.file"],
        ["offline", "x", "--as-of", "yesterday"],
        ["feed", "there/is/no/such.file"],
        ["feed", "synthetic", "--rate", "0"],
        ["feed", "synthetic", "--linked", "1.5"],
        ["feed", "-", "--linked", "0.2"],
        ["worker", "--port", "65536"],
    ],
)
def test_wrong_usage_is_exit_code_2(clout: Ask, words: list[str]) -> None:
    """A caller who can mend it gets exit code 2, a line on stderr and nothing on stdout."""
    done = clout(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr


def test_config_shows_effective_settings_without_secrets(clout: Ask) -> None:
    """A flag beats a variable, a variable the default, and no password is shown."""
    settings = {"redis": "redis://me:hush@cache:1/0", "app": "one", "partitions": 7}
    shown = orjson.loads(clout("config", "--json", "--app", "two", **settings).stdout)
    assert (shown["CLOUT_APP"], shown["CLOUT_PARTITIONS"], shown["CLOUT_KAFKA"]) == ("two", 7, "localhost:9092")
    readable = clout("config", "--app", "two", **settings)
    lines = {line.split()[0]: line for line in readable.stdout.splitlines()}
    assert " flag " in lines["CLOUT_APP"]
    assert " environment " in lines["CLOUT_PARTITIONS"]
    assert " default " in lines["CLOUT_KAFKA"]
    assert "hush" not in readable.stdout + str(shown)


@pytest.mark.parametrize("words", [["top"], ["score", "t:ann"], ["alerts"], ["rejects"]])
def test_a_dependency_that_is_down_is_exit_code_3(clout: Ask, words: list[str]) -> None:
    """Without Kafka or Redis a command says in one line where it looked, with exit code 3 and no traceback."""
    done = clout(*words, kafka=NOBODY, redis=f"redis://{NOBODY}/0")
    assert (done.exit_code, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1
    assert NOBODY in done.stderr


def test_doctor_with_nothing_running(clout: Ask) -> None:
    """The doctor says of each dependency that is down what to do, goes on to the next, and exits with 3."""
    done = clout("doctor", "--json", kafka=NOBODY, redis=f"redis://{NOBODY}/0")
    found = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 3
    assert {line["check"] for line in found if line["status"] == "down"} == {"kafka", "redis"}
    assert {line["status"] for line in found if line["check"] == "packages"} <= {"ok", "note"}


def test_expected_errors_are_told_from_bugs() -> None:
    """What Kafka and Redis clients raise becomes exit code 3; our own errors keep theirs; a bug stays a bug."""
    errors = (KafkaConnectionError("x"), RedisDown("x"), UsageError("x"), CloutError("x"))
    assert all(isinstance(error, expected()) for error in errors)
    assert [explained(error).exit_code for error in errors] == [3, 3, 2, 1]
    assert not isinstance(KeyError("x"), expected())


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1767225600123", 1_767_225_600_123),
        ("2026-01-01T00:00:00Z", 1_767_225_600_000),
        ("2026-01-01", 1_767_225_600_000),
        ("2026-01-01T01:00:00.5+01:00", 1_767_225_600_500),
    ],
)
def test_times(text: str, ms: int) -> None:
    """A time is ms since epoch or ISO 8601, UTC unless it says otherwise."""
    assert TIME.convert(text, None, None) == ms


@pytest.mark.parametrize("text", ["1767225600", "12:00", "", "2026-13-01"])
def test_no_times(text: str) -> None:
    """Seconds since epoch and half a time are refused, not guessed at."""
    with pytest.raises(Exception, match=r"seconds|no time"):
        TIME.convert(text, None, None)


def test_moments_and_names_are_safe_to_print() -> None:
    """Nothing that moves the cursor or turns text around reaches a terminal; ordinary names stay as they are."""
    assert safe("t:zoë 李") == "t:zoë 李"
    assert safe("a\x1b[2Jb\u202ec\x9b") == "a\\x1b[2Jb\\u202ec\\x9b"
    assert moment(1_767_225_600_123) == "2026-01-01T00:00:00.123Z"
    assert moment(1 << 60) == f"{1 << 60} ms"


def test_the_page_ends_before_the_worker_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """However a worker ends, its page's thread is over before the interpreter is: uvloop there would not survive that."""
    seen = []

    def run(*_: object) -> None:
        seen.extend(thread for thread in threading.enumerate() if thread.name == "page")
        assert seen[0].is_alive()
        raise SystemExit(0)

    monkeypatch.setattr("agents.worker.start.run", run)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit):
        cli.main(["worker", "--port", "0", "--redis", f"redis://{NOBODY}/0"])
    assert len(seen) == 1
    assert not seen[0].is_alive()


def test_a_worker_that_waits_ends_on_sigterm() -> None:
    """SIGTERM ends a worker with 0 also while it still waits for Kafka; with --port 0 it says which port it serves."""
    words = [
        sys.executable,
        "-m",
        "agents.cli.main",
        "worker",
        "--port",
        "0",
        "--kafka",
        NOBODY,
        "--redis",
        f"redis://{NOBODY}/0",
    ]
    env = {name: value for name, value in os.environ.items() if not name.startswith("CLOUT_")}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    assert process.stderr
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", process.stderr.readline())
    process.terminate()
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_reader_that_has_enough(tmp_path: Path, event: Ask) -> None:
    """When whoever reads stdout closes it, the command ends quietly with 0."""
    many = tmp_path / "many.ndjson"
    many.write_bytes(b"".join(orjson.dumps(event("like", f"a{n}", f"b{n}")) + b"\n" for n in range(2_000)))
    words = [sys.executable, "-m", "agents.cli.main", "offline", str(many), "--json"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("CLOUT_")}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    assert process.stdout
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr
    assert b"Broken" not in process.stderr.read()
    assert process.wait() == 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EROFS, "Read-only file system", "/x/y"), "cannot write /x/y (Read-only file system)"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device): make room"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "set TMPDIR to a folder"),
    ],
)
def test_nowhere_to_write(clout: Ask, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str) -> None:
    """One line that names what is to be set; any other error of the system stays a bug with its traceback."""

    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("agents.cli.offline.offline.callback", fails)
    ended = clout("offline", "-")
    assert ended.exit_code == 1
    assert said in ended.stderr
    assert "TMPDIR" in ended.stderr
    error = IsADirectoryError(errno.EISDIR, "Is a directory")
    assert isinstance(clout("offline", "-").exception, IsADirectoryError)


def test_schemas(clout: Ask) -> None:
    """Of one topic, by its name with or without the prefix; of all as AsyncAPI. A wrong name is answered with the right ones."""
    for name in ("scores", "x-scores"):
        shown = orjson.loads(clout("topics", "schema", name, topic_prefix="x-").stdout)
        assert (shown["title"], shown["$schema"]) == ("scores", "https://json-schema.org/draft/2020-12/schema")
    made = orjson.loads(clout("topics", "schema", "--partitions", "7", topic_prefix="x-").stdout)
    assert made["asyncapi"] == "3.0.0"
    assert {channel["address"] for channel in made["channels"].values()} == {f"x-{topic.name}" for topic in ALL}
    partitions = {name: channel["bindings"]["kafka"]["partitions"] for name, channel in made["channels"].items()}
    assert partitions == dict.fromkeys(partitions, 7) | dict.fromkeys(("policies", "cursors", "names"), 1)
    done = clout("topics", "schema", "score")
    assert (done.exit_code, done.stdout) == (2, "")
    assert all(topic.name in done.stderr for topic in ALL)


@pytest.mark.parametrize("name", ["", "likes", "state"])
def test_schemas_are_light(name: str) -> None:
    """They are made from types: nothing that computes or connects is loaded."""
    code = f"from agents.cli.main import main; sys.argv[1:] = 'topics schema {name}'.split(); main()"
    assert loaded(code) & {"numba", "numpy", "faust", "redis", "kafka", "aiokafka", "rich"} == set()


def test_the_least_rights(clout: Ask) -> None:
    """Of each role, from the registry; as a table, as JSON, and as commands for whoever runs the brokers."""
    lines = clout("topics", "acls", "--json", topic_prefix="x-", app="y").stdout.splitlines()
    rights = {(r["role"], r["operation"], r["resource"], r["name"], r["pattern"]) for r in map(orjson.loads, lines)}
    for topic in ALL:
        name = f"x-{topic.name}"
        does = "Read" if topic in READ_ONLY else "Describe" if topic in (CURSORS, NAMES, DELIVERIES) else "Write"
        assert ("worker", does, "topic", name, "literal") in rights
        assert (("feed", "Write", "topic", name, "literal") in rights) == (topic in RECEIVED)
        assert ("worker", "Write", "topic", name, "literal") not in rights or topic not in RECEIVED
        assert (("operator", "Write", "topic", name, "literal") in rights) >= (topic is POLICIES)
    assert ("worker", "Read", "group", "y", "literal") in rights
    assert ("worker", "Write", "transactional-id", "y-x-", "prefixed") in rights
    alerting = {(does, name) for role, does, _, name, _ in rights if role == "alerting"}
    taken = ("x-policies", "x-alerts", "x-deliveries", "y-alerting")
    assert alerting == {*(("Read", name) for name in taken), ("Write", "x-deliveries")}
    api = {(does, name) for role, does, _, name, _ in rights if role == "api"}
    assert api == {("Read", "x-policies"), ("Write", "x-policies"), ("Write", "x-controls")}
    source = {(does, name) for role, does, _, name, _ in rights if role == "source"}
    assert source >= {*(("Read", f"x-{name}") for name in ("policies", "cursors", "names")), ("Write", "y-x-source-")}
    assert source >= {("Write", f"x-{topic.name}") for topic in (*EVENTS, CURSORS, NAMES, POLICIES)}
    assert {name for role, _, _, name, _ in rights if role == "reader"} == {"x-scores", "x-alerts"}
    plain = clout("topics", "acls", "--role", "worker", "--json", transactions="false").stdout
    assert "transactional-id" not in plain
    commands = clout("topics", "acls", "--role", "worker", "--commands", "--user", "ann b").stdout.splitlines()
    assert commands[-1] == (
        "kafka-acls.sh --bootstrap-server $KAFKA --add --allow-principal 'User:ann b' --operation Write --transactional-id "
        "clout- --resource-pattern-type prefixed  # worker"
    )
    shown = clout("topics", "acls", "--role", "feed")
    assert shown.stdout.count("Write") == len(RECEIVED)
    assert "clout feed" in shown.stderr
