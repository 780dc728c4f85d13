"""What webhooks say, in the forms of others: what they demand, and nothing that somebody's name could do there."""

from __future__ import annotations

import datetime
import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.alerting.bodies import body, group_of
from agents.alerting.digest import digest
from agents.alerting.lane import STORM, Batch
from streams.model.channels import Body
from tests.alerting.kit import IDS, T0, alert, delivery
from tests.strategies import ids

KINDS: tuple[Body, ...] = ("cloudevents", "json", "slack", "pagerduty", "alertmanager")
FEED = {
    "id": f"feed/bluesky/{T0}",
    "type": "feed",
    "network": "bluesky",
    "severity": "warning",
    "at": T0,
    "sentence": "late",
}


def said(kind: Body, app: str = "clout", **more: Any) -> Any:
    """The body."""
    return orjson.loads(body(kind, delivery(**more), app, "R0UTING")[1])


def test_a_cloud_event() -> None:
    """With all attributes that must be there, each of its type; the alert is its data."""
    content_type, text = body("cloudevents", delivery(), "my app/1")
    event = orjson.loads(text)
    assert content_type == "application/cloudevents+json; charset=utf-8"
    assert event == {
        "specversion": "1.0",
        "id": f"day-fall/bluesky:ann/{T0}/raised",
        "source": "/clout/my%20app/1",
        "type": "clout.alert.raised",
        "subject": "bluesky:ann",
        "time": "2026-07-25T17:20:00.001Z",
        "datacontenttype": "application/json",
        "data": alert(),
    }
    assert said("cloudevents", state="settled")["type"] == "clout.alert.settled"


@given(st.one_of(st.sampled_from(IDS), ids), st.sampled_from(("raised", "recovered", "settled")))
def test_any_id_in_any_form(user: str, state: str) -> None:
    """JSON each; of CloudEvents what the standard demands; a key of PagerDuty has at most 255 characters."""
    for kind in KINDS:
        assert said(kind, user=user, state=state)
    event = said("cloudevents", user=user, state=state)
    assert all(
        isinstance(event[name], str) and event[name]
        for name in ("specversion", "id", "source", "type", "subject", "time")
    )
    assert datetime.datetime.fromisoformat(event["time"]).utcoffset() == datetime.timedelta(0)
    key = said("pagerduty", user=user, state=state)["dedup_key"]
    assert 0 < len(key) <= 255
    assert key == said("pagerduty", user=user, state="raised")["dedup_key"]
    slack = orjson.dumps(said("slack", user=user, state=state)).decode()
    assert "<" not in slack
    assert ">" not in slack


@pytest.mark.parametrize("user", [*IDS, "x:" + "a" * 254, "x:" + "🦊" * 63])
def test_pagerduty(user: str) -> None:
    """One that is over resolves the incident of the one that was raised, and no other."""
    raised, over = said("pagerduty", user=user), said("pagerduty", user=user, state="recovered")
    assert (raised["event_action"], over["event_action"]) == ("trigger", "resolve")
    assert raised["dedup_key"] == over["dedup_key"] != said("pagerduty", number=2, user=user)["dedup_key"]
    assert len(raised["dedup_key"]) <= 255
    assert raised["routing_key"] == "R0UTING"
    payload = raised["payload"]
    assert payload["severity"] == "warning"
    assert 0 < len(payload["summary"]) <= 1_024
    assert payload["source"] == user
    assert payload["timestamp"] == "2026-07-25T17:20:00.001Z"
    assert said("pagerduty", severity="apocalyptic")["payload"]["severity"] == "error"
    assert len(said("pagerduty", sentence="x" * 5_000)["payload"]["summary"]) == 1_024


@pytest.mark.parametrize("user", IDS)
def test_alertmanager(user: str) -> None:
    """The same labels for raised and recovered, none of them empty; one that is on has an end in a day, for it is told once."""
    (raised,), (over,) = (
        said("alertmanager", user=user),
        said("alertmanager", said=alert(user=user, state="recovered", at=T0 + 60_000)),
    )
    assert raised["labels"] == over["labels"]
    assert raised["labels"] == {
        "alertname": "clout_day-fall",
        "severity": "warning",
        "user": user,
        "episode": str(T0),
        "app": "clout",
    }
    assert raised["startsAt"] == over["startsAt"] == "2026-07-25T17:20:00.000Z"
    assert raised["endsAt"] == "2026-07-26T17:20:00.001Z"
    assert over["endsAt"] == "2026-07-25T17:21:00.000Z"
    assert raised["labels"] != said("alertmanager", number=2, user=user)[0]["labels"]


def test_slack_mentions_nobody() -> None:
    """No channel, no link, nobody at all, whatever an id or a sentence holds."""
    text = "<!channel> <!here|x> <@U123> <https://evil.example|ok> & &lt;!all&gt; @channel @Everyone @here @all @ann"
    for more in ({"sentence": text}, {"cause": text, "rule": text}):
        made = said("slack", **more)
        whole = orjson.dumps(made).decode()
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)|@(channel|everyone|here|all)", whole, re.IGNORECASE)
        assert "&amp;lt;!all" in whole
        assert "@ann" in whole
        assert (made["parse"], made["link_names"], made["unfurl_links"]) == ("none", False, False)
        for block in made["blocks"]:
            for part in (block.get("text"), *block.get("elements", ())):
                assert part is None or part["verbatim"] is True


def test_slack() -> None:
    """How loud, what is said, and what it rests on; a long one is cut."""
    made = said("slack", severity="critical")
    assert made["text"] == "🔴 bluesky:ann fell 1 points"
    assert made["blocks"][1]["elements"][0]["text"] == "*rule* day-fall  ·  *cause* reversed  ·  *state* raised"
    assert said("slack", state="recovered")["text"].startswith("🟢")
    assert len(said("slack", sentence="x" * 9_999)["text"]) == 3_000


def test_json_is_the_alert() -> None:
    """And nothing else."""
    assert body("json", delivery(), "clout") == ("application/json", bytes(delivery().alert))


@pytest.mark.parametrize("kind", KINDS)
def test_digests_and_feeds(kind: Body) -> None:
    """Are said in all forms, too."""
    merged = digest(Batch(STORM, [delivery(number=n, user=f"x:{n}") for n in range(1, 40)]), T0 + 99)
    found = orjson.loads(body(kind, merged, "clout", "R")[1])
    feed = said(kind, said=FEED)
    assert found != feed
    if kind == "cloudevents":
        assert (found["type"], found["subject"], found["id"]) == ("clout.digest", "ops", merged.id)
        assert feed["subject"] == "bluesky"
        assert "subject" not in said(kind, said={"id": "a", "at": T0})
    if kind == "pagerduty":
        assert found["dedup_key"] == merged.id[:255] == group_of(orjson.loads(bytes(merged.alert)))
        assert found["event_action"] == "trigger"
        assert feed["payload"]["source"] == "bluesky"
    if kind == "alertmanager":
        assert found[0]["labels"]["alertname"] == "clout_digest"
        assert feed[0]["labels"]["subject"] == "bluesky"
        assert "endsAt" not in found[0]
