"""`CLOUT_*` variables that the platform sets, that are wrong, or that nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from agents.cli.demo import _began_s
from streams.settings import Settings

Ask = Callable[..., Any]

#: what Kubernetes sets in every pod for Services called clout, clout-worker, clout-demo; and a Docker link clout-redis
PLATFORM = {
    "service_host": "10.96.0.12",
    "service_port": "8000",
    "service_port_http": "8000",
    "port": "tcp://10.96.0.12:8000",
    "port_8000_tcp": "tcp://10.96.0.12:8000",
    "port_8000_tcp_addr": "10.96.0.12",
    "port_8000_tcp_port": "8000",
    "port_8000_tcp_proto": "tcp",
    "worker_port": "tcp://[fd00::12]:8000",
    "worker_service_host": "fd00::12",
    "worker_port_53_udp_proto": "udp",
    "demo_port": "udp://10.96.0.13:53",
    "redis_port": "sctp://172.17.0.5:6379",
    "redis_name": "/page/clout-redis",
    "redis_env_path": "/usr/bin",
}


def test_what_the_platform_sets_is_no_setting(clout: Ask) -> None:
    """No word about it, and the settings are what they would be without."""
    done = clout("config", "--json", **PLATFORM)
    assert (done.exit_code, done.stderr) == (0, "")
    assert orjson.loads(done.stdout) == Settings().shown()


@pytest.mark.parametrize(
    ("command", "variable", "value"),
    [("worker", "worker_port", "tcp://10.96.0.12:8000"), ("config", "name", "/page/clout")],
)
def test_what_hides_an_option_is_told(clout: Ask, command: str, variable: str, value: str) -> None:
    """A Service clout-worker takes the place of CLOUT_WORKER_PORT: whoever relies on it has to know. `--kafka x` ends it."""
    done = clout(command, "--kafka", "x", **{variable: value})
    said, wrong = done.stderr.splitlines()
    assert f"CLOUT_{variable.upper()}={value} is not read" in said
    assert "CLOUT_KAFKA=x" in wrong or "--kafka=x" in wrong


def test_settings_of_a_library_know_it_too() -> None:
    """Whoever loads them without the command."""
    assert Settings.load({"CLOUT_NAME": "/page/clout", "CLOUT_REDIS_PORT": "tcp://1.2.3.4:5"}) == Settings()
    assert Settings.load({"CLOUT_NAME": "w1"}).name == "w1"


@pytest.mark.parametrize(
    ("words", "variable", "value"),
    [
        (("feed", "-"), "feed_rate", "fast"),
        (("worker",), "worker_port", "10.96.0.12:8000"),
        (("top",), "top_n", "0"),
        (("offline", "x"), "offline_as_of", "12"),
        (("config",), "config_json", "perhaps"),
    ],
)
def test_a_wrong_value_names_its_variable(clout: Ask, words: tuple[str, ...], variable: str, value: str) -> None:
    """Not the flag that nobody gave."""
    done = clout(*words, **{variable: value})
    assert done.exit_code == 2
    assert f"CLOUT_{variable.upper()}:" in done.stderr
    assert "'--" not in done.stderr


def test_a_wrong_flag_names_the_flag(clout: Ask) -> None:
    """Also when the variable is set: the flag beats it."""
    done = clout("feed", "-", "--rate", "fast", feed_rate="5")
    assert "'--rate'" in done.stderr
    assert "CLOUT_" not in done.stderr


@pytest.mark.parametrize(
    ("variable", "near"),
    [
        ("partition", "CLOUT_PARTITIONS"),
        ("kafka_", "CLOUT_KAFKA"),
        ("feed_raet", "CLOUT_FEED_RATE"),
        ("feed_kafka", "CLOUT_KAFKA"),
        ("feeds_limit", "CLOUT_FEED_LIMIT"),
        ("session_timeout_ms", "CLOUT_SESSION_TIMEOUT_S"),
        ("qqqqqq", "`clout config`"),
        ("redis_password_flie", "CLOUT_REDIS_PASSWORD_FILE"),
    ],
)
def test_an_unknown_variable_is_told_once(clout: Ask, variable: str, near: str) -> None:
    """One line with the nearest name on stderr, and the command does its work."""
    done = clout("config", "--json", **{variable: "16"})
    assert done.exit_code == 0
    assert orjson.loads(done.stdout) == Settings().shown()
    (line,) = done.stderr.splitlines()
    assert f"nothing reads CLOUT_{variable.upper()};" in line
    assert near in line


@pytest.mark.parametrize("name", ["clout_partitions", "Clout_Partitions", "CLOUT_partitions"])
def test_small_letters_are_told(clout: Ask, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Names of variables are large or small on most systems, and nothing would read this one."""
    monkeypatch.setenv(name, "16")
    done = clout("config", "--json")
    assert orjson.loads(done.stdout) == Settings().shown()
    assert done.stderr == f"clout: nothing reads {name}; did you mean CLOUT_PARTITIONS?\n"


@pytest.mark.parametrize("text", [None, "", "soon", "nan", "inf", "-1", "1000", "2000001", "1e999"])
def test_when_the_demo_began(text: str | None) -> None:
    """What is no time of the last day is taken for now: nobody but deploy/demo sets it."""
    assert _began_s(text, 2_000_000.0) == 2_000_000
    assert _began_s("1999990.25", 2_000_000.0) == 1_999_990.25


def test_known_variables_are_not_told(clout: Ask) -> None:
    """Of settings, of flags of any command and its commands, of scripts and tests, and what deployments call themselves."""
    known = {"partitions": 3, "feed_limit": 5, "state_export_json": 1, "bench_users": 9, "pip": 1, "venv": "x"}
    done = clout("config", **known, test_kafka="x", faust_broker="y", demo_began=1, version="1.2", help="see the wiki")
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_help_needs_no_environment(clout: Ask) -> None:
    """Though click would read CLOUT_CONFIG_HELP."""
    assert clout("config", "--help", config_help="x").exit_code == 0
