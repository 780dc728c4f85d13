"""What a webhook says, in the form that its receiver understands. Pure."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from streams.formats.deliveries import Delivery
from streams.model.channels import Body

Alert = Mapping[str, Any]
JSON = "application/json"
_OVER = ("recovered", "settled")
_MOST_FIRING_MS = (
    86_400_000  # Alertmanager takes one that is over for over; it forgets one that is told once after 5 min
)
_EVERYBODY = re.compile(r"@(?=(?:channel|here|all|everyone)\b)", re.IGNORECASE)
_MOST_KEY = 255  # of PagerDuty's dedup_key
_MOST_TEXT = 3_000  # of a text in Slack
_MOST_SUMMARY = 1_024  # of its summary
_PAGERDUTY = {"info": "info", "warning": "warning", "critical": "critical"}
_SIGNS = {"info": "🔵", "warning": "🟡", "critical": "🔴"}


def body(kind: Body, one: Delivery, app: str, key: str = "") -> tuple[str, bytes]:
    """Content type and body. `app` is whose alerts they are, `key` PagerDuty's routing key."""
    alert: Alert = orjson.loads(bytes(one.alert))
    kinds: dict[str, Callable[[], tuple[str, Any]]] = {
        "json": lambda: (JSON, alert),
        "cloudevents": lambda: ("application/cloudevents+json; charset=utf-8", _event(alert, app)),
        "slack": lambda: (JSON, _slack(alert)),
        "pagerduty": lambda: (JSON, _pagerduty(alert, app, key)),
        "alertmanager": lambda: (JSON, [_alertmanager(alert, app)]),
    }
    content_type, said = kinds[kind]()
    return content_type, orjson.dumps(said)


def group_of(alert: Alert) -> str:
    """What an alert and the one that says it is over have in common: rule, user and episode. Of a digest its id."""
    if alert.get("type") == "digest":
        return str(alert["id"])
    return str(alert.get("id", "")).rpartition("/")[0]


def time_of(alert: Alert) -> str:
    """RFC 3339, UTC."""
    at = datetime.datetime.fromtimestamp(int(alert.get("at", 0)) / 1000, datetime.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def about(alert: Alert) -> str:
    """A user, the network of a feed, or the channel of a digest."""
    return str(alert.get("user") or alert.get("network") or alert.get("channel") or "")


def _event(alert: Alert, app: str) -> dict[str, Any]:
    """CloudEvents 1.0, structured mode."""
    kind = "digest" if alert.get("type") == "digest" else f"alert.{alert.get('state', 'raised')}"
    subject = about(alert)
    return {
        "specversion": "1.0",
        "id": str(alert.get("id", "")),
        "source": f"/clout/{quote(app)}",
        "type": f"clout.{kind}",
        **({"subject": subject} if subject else {}),  # an empty one is none
        "time": time_of(alert),
        "datacontenttype": JSON,
        "data": alert,
    }


def _slack(alert: Alert) -> dict[str, Any]:
    """A message for Slack and those who understand the same: Mattermost, Rocket.Chat, Discord's /slack."""
    sign = "🟢" if alert.get("state") in _OVER else _SIGNS.get(str(alert.get("severity")), "🟡")
    text = f"{sign} {_escaped(str(alert.get('sentence', '')))}"
    details = [f"*{name}* {_escaped(str(value))}" for name, value in _facts(alert).items() if value not in (None, "")]
    blocks: list[dict[str, Any]] = [{"type": "section", "text": _mrkdwn(text)}]
    if details:
        blocks.append({"type": "context", "elements": [_mrkdwn("  ·  ".join(details))]})
    return {"text": text[:_MOST_TEXT], "parse": "none", "link_names": False, "unfurl_links": False, "blocks": blocks}


def _mrkdwn(text: str) -> dict[str, Any]:
    """`verbatim`: what looks like a URL or a name becomes no link."""
    return {"type": "mrkdwn", "text": text[:_MOST_TEXT], "verbatim": True}


def _escaped(text: str) -> str:
    """Nobody who names users mentions a channel, makes a link, or calls everybody where `@channel` in a text does so."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _EVERYBODY.sub("@\u200b", text)


def _facts(alert: Alert) -> dict[str, Any]:
    if alert.get("type") == "digest":
        return {"alerts": alert.get("count"), "severity": alert.get("severity")}
    return {"rule": alert.get("rule"), "cause": alert.get("cause"), "state": alert.get("state")}


def _pagerduty(alert: Alert, app: str, key: str) -> dict[str, Any]:
    """An event of its Events API v2: one that is over resolves the incident of the one that was raised."""
    group = group_of(alert)
    if len(group) > _MOST_KEY:
        group = hashlib.sha256(group.encode()).hexdigest()
    said: dict[str, Any] = {"routing_key": key, "dedup_key": group}
    if alert.get("state") in _OVER:
        return said | {"event_action": "resolve"}
    payload = {
        "summary": str(alert.get("sentence", ""))[:_MOST_SUMMARY],
        "source": about(alert)[:_MOST_SUMMARY] or app,
        "severity": _PAGERDUTY.get(str(alert.get("severity")), "error"),
        "timestamp": time_of(alert),
        "component": app,
        "group": str(alert.get("rule") or "feed"),
        "class": str(alert.get("cause") or "digest"),
        "custom_details": alert if alert.get("type") != "digest" else {**alert, "alerts": []},
    }
    return said | {"event_action": "trigger", "payload": payload}


def _alertmanager(alert: Alert, app: str) -> dict[str, Any]:
    """One alert of its API v2: the same labels, and an end that has come, say that it is over."""
    began = int(alert.get("episode") or alert.get("since") or alert.get("at") or 0)
    labels = {
        "alertname": f"clout_{alert.get('rule') or alert.get('type') or 'feed'}",
        "severity": str(alert.get("severity", "")),
        "user" if alert.get("user") else "subject": about(alert),
        "episode": str(began),
        "app": app,
    }
    annotations = {"summary": str(alert.get("sentence", "")), "cause": str(alert.get("cause") or "")}
    said = {"labels": labels, "annotations": annotations, "startsAt": time_of({"at": began})}
    if alert.get("state") in _OVER:
        return said | {"endsAt": time_of(alert)}
    return said | ({"endsAt": time_of({"at": int(alert.get("at", 0)) + _MOST_FIRING_MS})} if alert.get("user") else {})
