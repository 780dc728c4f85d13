"""Settings: where they come from, what wins, and that all problems are reported at once, without secrets."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from streams.errors import CloutError, UsageError
from streams.settings import Settings, table, variable_of


def problems(environ: dict[str, str], **overrides: object) -> str:
    """The message of the refusal."""
    with pytest.raises(UsageError) as refused:
        Settings.load(environ, **overrides)
    return str(refused.value)


def test_defaults_need_nothing() -> None:
    """An empty environment gives the documented defaults."""
    settings = Settings.load({})
    assert settings == Settings()
    assert (settings.kafka, settings.partitions, settings.clock, settings.app) == ("localhost:9092", 4, "wall", "clout")


def test_variables_then_flags() -> None:
    """A variable beats the default, a flag beats the variable, a flag that was not given (None) beats nothing."""
    environ = {"CLOUT_PARTITIONS": "8", "CLOUT_MODEL": "plain", "CLOUT_APP": "mine"}
    settings = Settings.load(environ, partitions=2, model=None)
    assert (settings.partitions, settings.model, settings.app) == (2, "plain", "mine")


def test_empty_variable_is_not_set() -> None:
    """`CLOUT_PARTITIONS=` means the default, as shells and compose files leave it."""
    assert Settings.load({"CLOUT_PARTITIONS": "", "CLOUT_KAFKA": ""}) == Settings()


def test_other_variables_are_nobodys_business() -> None:
    """Only `CLOUT_*` names of settings are read."""
    assert Settings.load({"PARTITIONS": "9", "HOME": "/", "clout_partitions": "9"}) == Settings()


def test_types() -> None:
    """Numbers and booleans are read as such, in the usual spellings."""
    settings = Settings.load({"CLOUT_IDLE_S": "0.5", "CLOUT_REDIS_SHARDS": "3", "CLOUT_REDIS_CLUSTER": "Yes"})
    assert (settings.idle_s, settings.redis_shards, settings.redis_cluster) == (0.5, 3, True)
    assert Settings.load({"CLOUT_REDIS_CLUSTER": "off"}).redis_cluster is False
    assert Settings.load({}, redis_cluster=True).redis_cluster is True


def test_all_problems_at_once() -> None:
    """Each wrong setting has its line, that names the variable or flag, what it was and what is expected."""
    text = problems(
        {"CLOUT_KAFKA": "localhost", "CLOUT_IDLE_S": "soon", "CLOUT_CLOCK": "sun", "CLOUT_REDIS": "http://x"},
        partitions="0",
        colour="red",
    )
    lines = text.splitlines()
    assert len(lines) == 6
    for part in ("CLOUT_KAFKA=localhost: expected host:port", "CLOUT_IDLE_S=soon", "wall, stream", "--partitions=0",
                 "at least 1", "CLOUT_REDIS=http://x", "no setting named colour"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CLOUT_PARTITIONS", "-1"),
        ("CLOUT_PARTITIONS", "4.5"),
        ("CLOUT_PARTITIONS", "four"),
        ("CLOUT_IDLE_S", "nan"),
        ("CLOUT_IDLE_S", "0"),
        ("CLOUT_ALERT_POINTS", "-5"),
        ("CLOUT_ALERT_POINTS", "0"),
        ("CLOUT_REDIS_CLUSTER", "maybe"),
        ("CLOUT_MODEL", "klout"),
        ("CLOUT_LOG_LEVEL", "loud"),
        ("CLOUT_KAFKA", "a:9092,b"),
        ("CLOUT_KAFKA", "a:9092, b:9092"),
        ("CLOUT_KAFKA", "kafka://a:9092"),
        ("CLOUT_KAFKA", "a:99999"),
        ("CLOUT_KAFKA", "a:9092,[::1]:0"),
        ("CLOUT_REDIS", "localhost:6379"),
        ("CLOUT_REDIS", "redis://[::1"),
        ("CLOUT_TOPIC_PREFIX", "my topics/"),
        ("CLOUT_TOPIC_PREFIX", "x" * 81),
        ("CLOUT_APP", "a b"),
        ("CLOUT_NAME", "pod/1"),
        ("CLOUT_REDIS_PREFIX", "{clout}"),
        ("CLOUT_REDIS_PREFIX", "a b"),
    ],
)
def test_wrong_values_are_refused_by_name(variable: str, value: str) -> None:
    """Each ends in one UsageError (exit code 2) that names the variable, never in a traceback."""
    text = problems({variable: value})
    assert variable in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("kafka", ["a:1", "a.b.c:9092,d-e:19092", "[::1]:9092", "127.0.0.1:65535"])
def test_broker_lists_that_work(kafka: str) -> None:
    """Names, addresses, several."""
    assert Settings.load({"CLOUT_KAFKA": kafka}).kafka == kafka


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:secret@host:6379/0",
        "rediss://:secret@host",
        "redis://user:p@secret@host/0",
        "redis://user:secret/with/slashes@host",
        "redis://host:6379/0?password=secret",
        "unix://user:secret@/run/redis.sock",
    ],
)
def test_secrets_are_hidden(url: str) -> None:
    """No password is shown, the host still is (where there is one)."""
    shown = str(Settings.load({"CLOUT_REDIS": url}).shown()["CLOUT_REDIS"])
    assert "secret" not in shown
    assert "host" in shown or "redis.sock" in shown


def test_secrets_are_hidden_in_problems() -> None:
    """A refusal does not print the password either."""
    assert "secret" not in problems({"CLOUT_REDIS": "http://user:secret@host"})


def test_every_setting_is_documented_where_it_is_declared() -> None:
    """The table for the README has each setting once, with a variable, a default and a text."""
    rows = table()
    assert [variable for variable, _, _ in rows] == [variable_of(f.name) for f in dataclasses.fields(Settings)]
    assert all(doc for _, _, doc in rows)
    assert set(Settings().shown()) == {variable for variable, _, _ in rows}


def test_settings_are_frozen() -> None:
    """Values do not change under a running worker."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().partitions = 5  # type: ignore[misc]


def test_topic_prefix() -> None:
    """The prefix stands before every topic's name."""
    assert Settings(topic_prefix="t1-").topic("likes") == "t1-likes"


def test_errors_know_their_exit_code() -> None:
    """1 failed, 2 usage, 3 a dependency is down."""
    from streams.errors import DependencyDown, LostInput, TopicMismatch

    assert [e.exit_code for e in (CloutError, UsageError, DependencyDown, TopicMismatch, LostInput)] == [1, 2, 3, 1, 1]


def test_when_a_day_closes() -> None:
    """A time of day with or without seconds; anything else is said, and so is a session that Kafka would refuse."""
    assert Settings.load({"CLOUT_DAY_CLOSES": "00:00"}).day_closes_ms == 0
    assert Settings.load({"CLOUT_DAY_CLOSES": "23:59:30"}).day_closes_ms == 86_370_000
    for wrong in ("24:00", "7", "12:60", "noon", "12:00:61"):
        with pytest.raises(UsageError, match="expected a time of day, UTC"):
            Settings.load({"CLOUT_DAY_CLOSES": wrong})
    with pytest.raises(UsageError, match="CLOUT_SESSION_TIMEOUT_S=2: expected at least 6"):
        Settings.load({"CLOUT_SESSION_TIMEOUT_S": "2"})
    assert Settings.load({"CLOUT_SESSION_TIMEOUT_S": "2", "CLOUT_TRANSACTIONS": "false"}).session_timeout_s == 2


SASL = {"CLOUT_KAFKA_SECURITY": "SASL_SSL", "CLOUT_KAFKA_USER": "ann", "CLOUT_KAFKA_PASSWORD": "geheim"}


@pytest.mark.parametrize(
    ("environ", "parts"),
    [
        ({"CLOUT_KAFKA_SECURITY": "TLS"}, ("CLOUT_KAFKA_SECURITY=TLS", "SASL_SSL")),
        ({"CLOUT_KAFKA_MECHANISM": "GSSAPI"}, ("CLOUT_KAFKA_MECHANISM=GSSAPI", "SCRAM-SHA-512")),
        ({"CLOUT_KAFKA_USER": "ann"}, ("CLOUT_KAFKA_USER", "CLOUT_KAFKA_SECURITY=PLAINTEXT", "SASL_PLAINTEXT")),
        ({"CLOUT_KAFKA_SECURITY": "SSL", "CLOUT_KAFKA_PASSWORD": "geheim"}, ("CLOUT_KAFKA_PASSWORD", "SASL_SSL")),
        ({"CLOUT_KAFKA_CA": "/ca.pem"}, ("CLOUT_KAFKA_CA", "set it to SSL or SASL_SSL")),
        ({"CLOUT_KAFKA_CERTIFICATE": "/c.pem"}, ("CLOUT_KAFKA_CERTIFICATE", "has no TLS")),
        ({"CLOUT_KAFKA_SECURITY": "SSL", "CLOUT_KAFKA_KEY": "/k"}, ("CLOUT_KAFKA_KEY", "CLOUT_KAFKA_CERTIFICATE")),
        (SASL | {"CLOUT_KAFKA_USER": ""}, ("needs a login", "CLOUT_KAFKA_USER")),
        (SASL | {"CLOUT_KAFKA_PASSWORD": ""}, ("needs a login", "CLOUT_KAFKA_PASSWORD_FILE")),
        (SASL | {"CLOUT_KAFKA_SECURITY": "SASL_PLAINTEXT", "CLOUT_KAFKA_CA": "/ca.pem"}, ("set it to SASL_SSL",)),
    ],
)
def test_settings_of_tls_and_login_that_do_not_fit(environ: dict[str, str], parts: tuple[str, ...]) -> None:
    """Each is one line that names the variables; the password is in none."""
    text = problems(environ)
    assert len(text.splitlines()) == 1
    assert all(part in text for part in parts), text
    assert "geheim" not in text


def test_a_password_from_a_file(tmp_path: Path) -> None:
    """Without the line end; a file that is missing, empty or no text is refused by name, and so are two passwords."""
    file = tmp_path / "password"
    file.write_bytes(b"ge heim \r\n")
    login = {**SASL, "CLOUT_KAFKA_PASSWORD": "", "CLOUT_KAFKA_PASSWORD_FILE": str(file)}
    settings = Settings.load({**login, "CLOUT_REDIS": "redis://ann@host", "CLOUT_REDIS_PASSWORD_FILE": str(file)})
    assert (str(settings.kafka_secret), str(settings.redis_secret)) == ("ge heim ", "ge heim ")
    file.write_text("other")
    assert settings.kafka_secret == "other"
    assert "CLOUT_KAFKA_PASSWORD_FILE are both set" in problems(login | {"CLOUT_KAFKA_PASSWORD": "geheim"})
    for url in ("redis://:geheim@host", "redis://host?password=geheim"):
        assert "CLOUT_REDIS_PASSWORD_FILE is set" in problems(
            {"CLOUT_REDIS": url, "CLOUT_REDIS_PASSWORD_FILE": str(file)}
        )
    for content, reason in (
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff", "no UTF-8 text"),
        (b"x" * 99_999, "is too large"),
    ):
        file.write_bytes(content)
        for variable in ("CLOUT_KAFKA_PASSWORD_FILE", "CLOUT_REDIS_PASSWORD_FILE"):
            text = problems((login if "KAFKA" in variable else {}) | {variable: str(file)})
            assert variable in text
            assert reason in text
    file.unlink()
    assert "No such file" in problems({"CLOUT_REDIS_PASSWORD_FILE": str(file)})


def test_no_secret_is_shown_or_is_a_flag() -> None:
    """Not by `clout config`, not by repr, of the settings or of what a client is given; and no command takes one as a flag."""
    import click

    from agents.cli.main import COMMANDS, cli
    from streams.broker.security import connection

    settings = Settings.load(SASL | {"CLOUT_REDIS": "redis://ann:geheim@host"})
    assert settings.shown()["CLOUT_KAFKA_PASSWORD"] == "***"
    assert "geheim" not in repr(settings) + str(settings) + f"{settings.shown()}" + repr(connection(settings))
    assert connection(settings)["sasl_plain_password"] == "geheim"
    secret = {f.name for f in dataclasses.fields(Settings) if f.metadata["secret"]}
    assert secret == {"kafka_password", "kafka_key_password"}
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        for one in getattr(command, "commands", {name: command}).values():
            assert not secret & {option.name for option in one.params}
