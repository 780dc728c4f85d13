"""Secrets: found by name, named when they are missing, hidden in whatever strangers say; signatures that the reference accepts."""

from __future__ import annotations

import base64
import datetime
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from agents.alerting import signing
from agents.alerting.secrets import Missing, Secrets
from tests.alerting.kit import IDS

KEYS = ["whsec_" + base64.b64encode(bytes([n]) * 24).decode() for n in range(3)]


def secrets(**given: str) -> Secrets:
    """Of the environment."""
    return Secrets("", {f"CLOUT_SECRET_{name}": text for name, text in given.items()})


def test_a_variable_comes_before_a_file(tmp_path: Path) -> None:
    """Blanks and line ends around them do not belong to them; each is read when it is needed."""
    (tmp_path / "ops-url").write_text(" of the file\n")
    (tmp_path / "a.b").write_text("x" * 8_192)
    environ: dict[str, str] = {}
    found = Secrets(str(tmp_path), environ)
    assert found.get("secret:ops-url") == "of the file"
    assert found.get("secret:a.b") == "x" * 8_192
    environ["CLOUT_SECRET_OPS_URL"] = " \n"
    assert found.get("secret:ops-url") == "of the file"
    environ["CLOUT_SECRET_OPS_URL"] = "of the variable "
    assert found.get("secret:ops-url") == "of the variable"
    assert "variable" not in repr(found.get("secret:ops-url"))
    assert found.url("https://h/") == "https://h/"
    assert found.url("secret:ops-url") == "of the variable"


def test_a_missing_one_is_named(tmp_path: Path) -> None:
    """So is one that is empty, no text, too long, or a folder."""
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "long").write_text("x" * 8_193)
    found = Secrets(str(tmp_path), {})
    for name in ("none", "empty", "bytes", "..", "."):
        with pytest.raises(
            Missing, match=f"the secret {name} is not there: CLOUT_SECRET_.* there is no file {name} in"
        ):
            found.get(f"secret:{name}")
    with pytest.raises(Missing, match="the secret long is too long: more than 8,192 bytes"):
        found.get("secret:long")
    with pytest.raises(Missing, match="CLOUT_SECRETS names no folder"):
        secrets().get("secret:ops")


def test_what_was_read_is_hidden() -> None:
    """Whole, in quotes of URLs, in base64, in other letters; and of a URL its path, query and login."""
    one = secrets(T="t0ken/Of ops", U="https://ann:hunter2@h.example/services/T0123456/B98?key=abcdefgh1&x=1")
    said = "said t0ken/Of ops, https://h.example/services/T0123456/B98"
    assert one.hide(said) == said  # nothing was read
    one.get("secret:t")
    one.url("secret:u")
    assert one.hide(said) == "said ***, https://h.example***"
    for text in (
        *("T0KEN/OF OPS", quote("t0ken/Of ops", safe=""), "ann:hunter2", "hunter2", "T0123456", "abcdefgh1"),
        *("/services/T0123456/B98", "key=abcdefgh1&x=1", base64.b64encode(b"\0ann\0hunter2").decode()),
        *(base64.b64encode(b"hunter2").decode(), base64.b64encode(b"t0ken/Of ops").decode().rstrip("=")),
    ):
        assert one.hide(f"<{text}>") == "<***>", text
    assert one.hide("status of services at h.example: 1") == "status of services at h.example: 1"


@given(st.text(min_size=4, max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_nothing_of_any_secret_stays(secret: str, before: str, after: str) -> None:
    """Wherever it stands."""
    one = secrets(T=secret)
    try:
        text = one.get("secret:t")
    except Missing:
        assert not secret.strip()
        return
    if len(text) >= 4:
        assert text not in one.hide(before + text + after).replace("***", "")


def test_signed_with_two_while_one_is_replaced() -> None:
    """The reference accepts it with either, and with no other."""
    now_s = int(datetime.datetime.now(datetime.UTC).timestamp())
    body = json.dumps({"a": "é"}).encode()
    headers = signing.headers("rule/x:ü/1/raised", now_s, body, KEYS[:2])
    for key in KEYS[:2]:
        assert Webhook(key).verify(body, headers) == {"a": "é"}
    for key, said, changed in (
        (KEYS[2], body, {}),
        (KEYS[0], body + b" ", {}),
        (KEYS[0], body, {"webhook-id": "msg_other"}),
        (KEYS[0], body, {"webhook-timestamp": str(now_s - 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(said, headers | changed)
    assert "webhook-signature" not in signing.headers("a", now_s, body, [])


@given(
    st.one_of(st.sampled_from(IDS), st.text(max_size=300)), st.binary(max_size=99), st.binary(min_size=24, max_size=64)
)
def test_any_id_body_and_key(id_: str, body: bytes, key: bytes) -> None:
    """The reference makes the same signature; a header holds what a header may."""
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = signing.headers(id_.encode("utf-8", "replace").decode(), 1_785_000_000, body, [secret])
    at = datetime.datetime.fromtimestamp(1_785_000_000, datetime.UTC)
    if b"\0" not in body and _is_text(body):
        assert headers["webhook-signature"] == Webhook(secret).sign(headers["webhook-id"], at, body.decode())
    assert all(value.isascii() and value.isprintable() for value in headers.values())
    assert len(headers["webhook-id"]) <= 64


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_!!!!",
        "hunter2",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        base64.b64encode(b"x" * 65).decode(),
        "é",
    ],
)
def test_a_secret_that_nobody_can_sign_with(secret: str) -> None:
    """Is refused without being shown."""
    with pytest.raises(signing.BadSecret, match="24 to 64 bytes") as caught:
        signing.headers("a", 1, b"", [secret])
    assert not secret.removeprefix("whsec_") or secret not in str(caught.value)
