"""What is around every answer: ids, the log, gzip, CORS, a prefix, bounds."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from agents.api.app import create_api
from agents.api.skin import MOST_BODY_BYTES
from streams.errors import UsageError
from streams.settings import Settings
from tests.api.conftest import Scene
from tests.api.test_api import problem

Serve = Callable[..., httpx.Client]
PLAIN = {"Accept-Encoding": "identity"}
PACKED = {"Accept-Encoding": "gzip"}
ORIGIN = "https://a.example"


@pytest.fixture
def client(page: httpx.Client, shared: Serve) -> Serve:
    """A function that serves the four users of `page` with other settings."""
    return shared


# -- ids and the log -----------------------------------------------------------------------------------------------------


def test_every_answer_has_an_id(page: httpx.Client) -> None:
    """The caller's if it is short and plain, else a new one; problems, too."""
    made = {
        page.get(path).headers["x-request-id"]
        for path in ("/livez", "/", "/nothing", "/v1/users/x", "/v1/leaderboard?n=x")
    }
    assert len(made) == 5
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in made)
    assert page.get("/livez", headers={"X-Request-Id": "a.B-9_"}).headers["x-request-id"] == "a.B-9_"
    for bad in ("", "a b", "x" * 65, "<b>", "a;b"):
        assert page.get("/livez", headers={"X-Request-Id": bad}).headers["x-request-id"] not in ("", bad)
    assert page.head("/v1/users/x:ada", headers={"X-Request-Id": "h"}).headers.get_list("x-request-id") == ["h"]


def test_our_own_faults_have_it_too(scene: Scene) -> None:
    """And the headers of every other answer; the log says 500."""
    app = create_api(scene.settings)

    @app.get("/fault")
    async def fault() -> None:
        raise ZeroDivisionError

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get("/fault", headers={"X-Request-Id": "mine"})

    answer = asyncio.run(ask())
    problem(answer, 500)
    assert answer.headers["x-request-id"] == "mine"
    assert answer.headers["x-content-type-options"] == "nosniff"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says, once the server has written it."""
    return [record.getMessage() for record in caplog.records if record.name == "clout.access"]


def test_the_log_has_no_personal_data(page: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    """Method, route as it is declared, status, ms, whose token; no user, no query, no address."""
    caplog.set_level(logging.INFO, "clout.access")
    page.get("/v1/users/x:ada", params={"secret": "hush"}, headers={"X-Request-Id": "one"})
    page.head("/v1/users/x:nobody", headers={"X-Request-Id": "two"})
    page.get("/hush", headers={"X-Request-Id": "three"})
    page.get("/livez")
    page.get("/v1/leaderboard")  # whatever was before has been told
    told = "\n".join(lines(caplog))
    for wanted in (
        r"request method=GET route=/v1/users/{id:path} status=200 ms=\d+\.\d token=- id=one",
        r"request method=HEAD route=/v1/users/{id:path} status=404 ms=\d+\.\d token=- id=two",
        r"request method=GET route=- status=404 ms=\d+\.\d token=- id=three",
    ):
        assert re.search(wanted.replace("{", r"\{").replace("}", r"\}").replace("/", r"/"), told), told
    for never in ("ada", "nobody", "hush", "127.0.0.1", "livez"):
        assert never not in told


# -- gzip ----------------------------------------------------------------------------------------------------------------


def test_gzip_when_it_is_asked_for(page: httpx.Client) -> None:
    """Answers of more than 1 KB, with `Vary`; HEAD says the same; small ones stay as they are."""
    plain = page.get("/openapi.json", headers=PLAIN)
    assert "content-encoding" not in plain.headers
    with page.stream("GET", "/openapi.json", headers=PACKED) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(raw) == plain.content
    assert page.head("/openapi.json", headers=PACKED).headers["content-length"] == str(len(raw))
    assert "content-encoding" not in page.get("/livez", headers=PACKED).headers


def test_the_stream_is_never_packed(page: httpx.Client) -> None:
    """Its first event comes at once, as it is."""
    with page.stream("GET", "/v1/stream", headers=PACKED) as answer:
        assert "content-encoding" not in answer.headers
        assert next(chunks(answer)).startswith(b"retry: ")


def chunks(answer: httpx.Response) -> Iterator[bytes]:
    """As they come."""
    return (chunk for chunk in answer.iter_raw() if chunk)


# -- CORS ----------------------------------------------------------------------------------------------------------------


def test_without_the_setting_no_page_from_elsewhere(page: httpx.Client) -> None:
    """No header allows it."""
    answer = page.get("/v1/leaderboard", headers={"Origin": ORIGIN})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_origins(client: Serve) -> None:
    """Those that are named may read, and ask with a token before they write; others may not."""
    page = client(api_cors=f"{ORIGIN}, https://b.example:8443")
    answer = page.get("/v1/leaderboard", headers={"Origin": "https://b.example:8443"})
    assert answer.headers["access-control-allow-origin"] == "https://b.example:8443"
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert "Origin" in answer.headers["vary"]
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization, content-type"}
    before = page.options("/v1/rules/a", headers={"Origin": ORIGIN, **asked})
    assert (before.status_code, before.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert "PUT" in before.headers["access-control-allow-methods"]
    other = {"Origin": "https://evil.example"}
    assert "access-control-allow-origin" not in page.get("/v1/leaderboard", headers=other).headers
    assert page.options("/v1/rules/a", headers={**other, **asked}).status_code == 400
    assert page.options("/v1/leaderboard", headers=other).status_code == 204


def test_all_origins(client: Serve) -> None:
    """Also where a token is missing: the page can say so."""
    page = client(api_cors="*", api_open="false", kafka="127.0.0.1:1")
    answer = page.get("/v1/leaderboard", headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (503, "*")


# -- a prefix ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/clout/api"])
def test_behind_a_proxy(client: Serve, prefix: str) -> None:
    """Under its prefix and without it, as the proxy has it; ids with slashes stay whole."""
    page = client(api_prefix="/clout/api")
    assert page.get(f"{prefix}/v1/users/x:ada").json()["user"] == "x:ada"
    assert page.get(f"{prefix}/v1/users/x:bo%2Fb:y").json()["user"] == "x:bo/b:y"
    assert page.get(f"{prefix}/static/main.js").status_code == 200
    assert page.get(f"{prefix}/").status_code == 200
    assert page.head(f"{prefix}/livez").status_code == 200
    assert page.get(f"{prefix}/openapi.json").json()["servers"] == [{"url": "/clout/api"}]
    problem(page.get(f"{prefix}/v1/users/x:nobody"), 404)


def test_the_prefix_itself_is_the_page(client: Serve) -> None:
    """A redirect to where its files are beside it; what only begins alike is not under the prefix."""
    page = client(api_prefix="/clout")
    answer = page.get("/clout")
    assert (answer.status_code, answer.headers["location"]) == (307, "/clout/")
    assert page.get("/clouty/livez").status_code == 404
    assert page.get("/livez/").headers["location"] == "/clout/livez"


@pytest.mark.parametrize("path", ["/v1/leaderboard", "/clout/v1/leaderboard"])
def test_a_prefix_opens_no_door(client: Serve, path: str) -> None:
    """What needs a token needs it under the prefix, too."""
    assert client(api_prefix="/clout", api_open="false", kafka="127.0.0.1:1").get(path).status_code == 503


# -- bounds --------------------------------------------------------------------------------------------------------------


def test_a_body_has_a_bound(page: httpx.Client) -> None:
    """413 by the length that is said, before anything else is looked at."""
    problem(page.post("/v1/controls", content=b"x" * (MOST_BODY_BYTES + 1)), 413)
    problem(page.post("/v1/controls", content=b"x" * MOST_BODY_BYTES), 503)  # no Kafka, so no tokens


# -- settings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("api_prefix", value) for value in ("clout", "/clout/", "/a b", "/a?b", "//")),
        *(
            ("api_cors", value)
            for value in ("a.example", "https://a.example/", "ftp://a", "https://a.example,x", "https://a b")
        ),
        ("api_open", "yes"),
        ("api_limit", "-1"),
    ],
)
def test_wrong_settings(name: str, value: str) -> None:
    """They are told by the name of the variable."""
    with pytest.raises(UsageError, match=f"CLOUT_{name.upper()}"):
        Settings.load({f"CLOUT_{name.upper()}": value})


def test_good_settings() -> None:
    """As documented."""
    made = Settings.load(
        {"CLOUT_API_CORS": "https://a.example, http://localhost:3000 ,http://[::1]:8000", "CLOUT_API_PREFIX": "/a/b-c"}
    )
    assert made.origins == ["https://a.example", "http://localhost:3000", "http://[::1]:8000"]
    assert Settings.load({}).origins == []
