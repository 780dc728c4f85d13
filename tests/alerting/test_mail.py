"""Mail to real SMTP servers on loopback: TLS or nothing, logins, refusals, what somebody's name does to headers."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from agents.alerting.attempts import Outcome
from agents.alerting.digest import digest
from agents.alerting.lane import STORM, Batch
from agents.alerting.mail import text, written
from streams.model.channels import Channel
from tests.alerting.kit import IDS, T0, alert, around, attempt, delivery, hook, raw_server
from tests.certificates import Authority


class Inbox:
    """What came; `refuse` by address, `data` what the mail is answered with."""

    def __init__(self, refuse: dict[str, str] | None = None, data: str = "250 OK") -> None:
        self.mails: list[EmailMessage] = []
        self.to: list[list[str]] = []
        self.logins: list[bytes] = []
        self.refuse, self.data = refuse or {}, data

    async def handle_RCPT(self, _: Any, __: Session, envelope: Envelope, to: str, ___: Any) -> str:  # noqa: N802
        """One recipient."""
        if to in self.refuse:
            return self.refuse[to]
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _: Any, __: Session, envelope: Envelope) -> str:  # noqa: N802
        """One mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        if self.data.startswith("250"):
            self.mails.append(email.message_from_bytes(content, policy=email.policy.default))  # type: ignore[arg-type]
            self.to.append(list(envelope.rcpt_tos))
        return self.data

    def login(self, _: Any, __: Any, ___: Any, ____: str, data: Any) -> AuthResult:
        """`ann` and `hunter2-secret`."""
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login)
        return AuthResult(success=(data.login, data.password) == (b"ann", b"hunter2-secret"), handled=False)


class _Implicit(Controller):
    """Whose first connection, by which it looks whether it runs, is with TLS that nobody checks."""

    def _trigger_server(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        import socket

        with socket.create_connection((self.hostname, self.port), 5) as plain, context.wrap_socket(plain) as tls:
            tls.recv(100)


@contextlib.contextmanager
def smtp(
    inbox: Inbox, context: ssl.SSLContext | None = None, *, implicit: bool = False, login: bool = False
) -> Iterator[int]:
    """An SMTP server; yields its port."""
    more: dict[str, Any] = {"enable_SMTPUTF8": True}
    if login:
        more |= {"authenticator": inbox.login, "auth_required": True}
    if context and not implicit:
        more["tls_context"] = context
    elif login:
        more["auth_require_tls"] = False
    kind = _Implicit if implicit else Controller
    controller = kind(
        inbox, hostname="127.0.0.1", port=_free(), **({"ssl_context": context} if implicit else {}), **more
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def _free() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One for all tests."""
    return Authority(tmp_path_factory.mktemp("smtp") / "own")


def serving(pem: Path) -> ssl.SSLContext:
    """What a server with this certificate needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def mail(port: int = 25, scheme: str = "smtp+plain", **more: Any) -> Channel:
    """A channel."""
    own: dict[str, Any] = {"kind": "email", "sender": "clout@example.org", "to": ("ops@example.org",)}
    return hook(**{"url": f"{scheme}://127.0.0.1:{port}"} | own | more)


def test_a_mail_arrives() -> None:
    """From, to, subject, text; the same Message-ID in each attempt; what is over replies to what was raised."""
    inbox = Inbox()
    with smtp(inbox) as port:
        channel = mail(port, to=("ops@example.org", "ann@example.org"))
        for state in ("raised", "raised", "recovered"):
            outcome = asyncio.run(attempt(channel, around(), delivery(state=state)))
            assert outcome.delivered, outcome
    first, again, over = inbox.mails
    assert inbox.to[0] == ["ops@example.org", "ann@example.org"]
    assert (first["From"], first["To"]) == ("clout@example.org", "ops@example.org, ann@example.org")
    assert first["Subject"] == "[Clout] bluesky:ann fell 1 points"
    assert first["Date"] == "Sat, 25 Jul 2026 17:20:00 +0000"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Message-ID"] == again["Message-ID"] != over["Message-ID"]
    assert over["In-Reply-To"] == over["References"] == first["Message-ID"]
    assert "-1.0 reversed" in first.get_content()


@pytest.mark.parametrize("user", IDS)
def test_nobody_writes_headers(user: str) -> None:
    """Whatever an id or a sentence holds: line ends, other scripts, quotes."""
    inbox = Inbox()
    with smtp(inbox) as port:
        one = delivery(user=user, sentence=f"{user} fell\r\nBcc: eve@example.org\r\n\r\n.\r\nQUIT\r\n")
        outcome = asyncio.run(attempt(mail(port), around(), one))
    assert outcome.delivered, outcome
    (got,) = inbox.mails
    assert inbox.to == [["ops@example.org"]]
    assert got["Bcc"] is None
    assert set(got.keys()) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"),
        *("Content-Transfer-Encoding", "X-Peer", "X-MailFrom", "X-RcptTo"),
    }
    assert "\n" not in got["Subject"]
    assert "QUIT" in got.get_content()


def test_by_starttls(authority: Authority) -> None:
    """With a login that is only sent then."""
    inbox = Inbox()
    known = around(ca=authority.ca, PW="hunter2-secret", BAD="wrong-secret")
    with smtp(inbox, serving(authority.issue("starttls")), login=True) as port:
        good = mail(port, "smtp", user="ann", password="secret:pw")
        assert asyncio.run(attempt(good, known)).delivered
        bad = asyncio.run(attempt(mail(port, "smtp", user="ann", password="secret:bad"), known))
        assert not bad.delivered
        assert bad.said.startswith("answered 535")
        nobody = asyncio.run(attempt(mail(port, "smtp"), known))
        assert nobody.said.startswith("answered 530")
    assert set(inbox.logins) == {b"ann"}
    assert len(inbox.mails) == 1


def test_by_tls_from_the_start(authority: Authority) -> None:
    """With the login in a secret URL."""
    inbox = Inbox()
    with smtp(inbox, serving(authority.issue("implicit")), implicit=True, login=True) as port:
        known = around(ca=authority.ca, URL=f"smtps://ann:hunter2%2Dsecret@127.0.0.1:{port}")
        assert asyncio.run(attempt(mail(url="secret:url"), known)).delivered
        named = mail(port, "smtps", user="ann", password="secret:pw")
        assert asyncio.run(attempt(named, known._replace(secrets=around(PW="hunter2-secret").secrets))).delivered
    assert len(inbox.mails) == 2
    assert inbox.logins == [b"ann", b"ann"]


@pytest.mark.parametrize(("name", "why"), [("unknown", "local issuer"), ("name", "not valid for"), ("over", "expired")])
@pytest.mark.parametrize("implicit", [False, True])
def test_certificates_are_checked(authority: Authority, tmp_path: Path, name: str, why: str, implicit: bool) -> None:
    """Of an unknown authority, of another host, of another time."""
    pem = {
        "unknown": lambda: Authority(tmp_path / "other").issue("unknown"),
        "name": lambda: authority.issue("name", "DNS:elsewhere.example.org"),
        "over": lambda: authority.issue("over", until="20210101000000Z"),
    }[name]()
    inbox = Inbox()
    with smtp(inbox, serving(pem), implicit=implicit) as port:
        outcome = asyncio.run(attempt(mail(port, "smtps" if implicit else "smtp"), around(ca=authority.ca)))
    assert not outcome.delivered
    assert why in outcome.said, outcome
    assert not inbox.mails


def test_no_tls_there() -> None:
    """STARTTLS that is not offered is not done without; nor is a login told to such a server."""
    inbox = Inbox()
    with smtp(inbox) as port:
        for scheme in ("smtp", "smtps"):
            channel = mail(port, scheme, user="ann", password="secret:pw", timeout_s=2.0)
            outcome = asyncio.run(attempt(channel, around(PW="hunter2-secret")))
            assert not outcome.delivered
            assert "TLS" in outcome.said, outcome
            assert not asyncio.run(attempt(mail(port, scheme, timeout_s=2.0), around())).delivered
        known = around(URL=f"smtp+plain://ann:hunter2-secret@127.0.0.1:{port}")
        assert "without TLS" in asyncio.run(attempt(mail(url="secret:url"), known)).said
        named = mail(url="secret:url", user="ann", password="secret:pw")
        known = around(URL=f"smtp+plain://127.0.0.1:{port}", PW="hunter2-secret")
        assert "without TLS" in asyncio.run(attempt(named, known)).said
    assert not inbox.mails
    assert not inbox.logins


@pytest.mark.parametrize(
    ("refuse", "delivered", "said"),
    [
        ({"bob@example.org": "550 no such user"}, True, "refuses bob@example.org (550 no such user)"),
        ({"bob@example.org": "450 later"}, False, "refuses bob@example.org (450 later)"),
        (
            {"bob@example.org": "550 no", "ops@example.org": "550 nor he"},
            False,
            "refuses ops@example.org (550 nor he), bob@example.org (550 no)",
        ),
    ],
)
def test_recipients_that_are_refused(refuse: dict[str, str], delivered: bool, said: str) -> None:
    """Who is refused for good does not make the others get it seven times; who is refused for now may get it later."""
    inbox = Inbox(refuse)
    with smtp(inbox) as port:
        channel = mail(port, to=("ops@example.org", "bob@example.org"))
        assert asyncio.run(attempt(channel, around())) == Outcome(delivered, said)


@pytest.mark.parametrize("data", ["451 try again later", "552 too much", "554 5.7.1 spam"])
def test_a_mail_that_is_refused(data: str) -> None:
    """Is tried again, as the schedule says."""
    with smtp(Inbox(data=data)) as port:
        assert asyncio.run(attempt(mail(port), around())) == Outcome(False, f"answered {data[:3]}: {data[4:]}")


async def _speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, end: bytes) -> None:
    """An SMTP server that takes a mail, and answers QUIT with this."""
    writer.write(b"220 here\r\n")
    while line := await reader.readline():
        if line.startswith(b"QUIT"):
            writer.write(end)
            if not end:
                await reader.read()
        elif line.startswith(b"DATA"):
            writer.write(b"354 go on\r\n")
            await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"250 taken \xff\xfe\r\n")
        else:
            writer.write(b"250 ok\r\n")


@pytest.mark.parametrize("end", [b"", b"421 no\r\n", b"x" * 9_000 + b"\r\n", b"221 bye\r\n"])
def test_what_was_accepted_is_delivered(end: bytes) -> None:
    """Whatever the good-bye is like: silence is no reason to send it again. Nor does what is no UTF-8 break anything."""

    async def story() -> Outcome:
        async with raw_server(lambda reader, writer: _speaks(reader, writer, end)) as port:
            return await attempt(mail(port, timeout_s=5.0), around())

    assert asyncio.run(story()) == Outcome(True, "accepted: taken")


@pytest.mark.parametrize(
    "banner",
    [
        b"",
        b"220",
        b"220 here\r\n",
        b"nonsense\r\n",
        b"554 go away \xff\r\n",
        b"220-" + b"x" * 100_000,
        b"220-x\r\n" * 20_000,
    ],
)
@pytest.mark.parametrize("ends", [False, True])
def test_a_server_that_is_none(banner: bytes, ends: bool) -> None:
    """Silence, half a line, a line without an end, lines without an end; and one that hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        await writer.drain()
        if not ends:
            await reader.read()
            await reader.read()

    async def story() -> Outcome:
        async with raw_server(answer) as port:
            return await attempt(mail(port, timeout_s=0.3), around())

    outcome = asyncio.run(story())
    assert not outcome.delivered
    assert outcome.said
    outcome.said.encode()


def test_nobody_listens() -> None:
    """In words; so of a secret that is no URL."""
    assert asyncio.run(attempt(mail(_free()), around())) == Outcome(False, "connection refused")
    for url in ("T0K3N", "https://h/T0K3N", "smtp://h:99999/T0K3N", "smtp://[T0K3N"):
        said = asyncio.run(attempt(mail(url="secret:url"), around(URL=url))).said
        assert said == "secret:url is no URL; write smtp://host or smtps://host or smtp+plain://host"


@pytest.mark.parametrize(
    "to", ["bób@example.org", "ann@exämple.org", "a.b+c@example.org", "o'neil@example.org", "a[b@example.org"]
)
def test_any_address_arrives_or_is_told(to: str) -> None:
    """Nothing breaks in a way that nobody knew of."""
    inbox = Inbox()
    with smtp(inbox) as port:
        outcome = asyncio.run(attempt(mail(port, to=(to,)), around()))
    assert outcome.delivered or outcome.said
    assert not outcome.said.endswith("Error"), outcome
    assert not outcome.delivered or inbox.to[0]


def test_a_digest_for_people() -> None:
    """The first twenty, and how many more."""
    members = [delivery(number=n, user=f"x:{n}") for n in range(1, 31)]
    one = digest(Batch(STORM, members), T0)
    said = written(mail(), one, T0 / 1000).get_content()
    assert said.count("\n- ") == 21
    assert "and 10 more" in said
    assert text(alert(causes=[], objects=[], people=[])).count("\n") == 9
