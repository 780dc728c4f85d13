"""The files of the dashboard: small, ours alone, and with nothing in them that could turn a text into markup."""

from __future__ import annotations

import re

import httpx

from agents.api.routes.page import DASHBOARD

MOST_BYTES = 150 * 1024
ELSEWHERE = ("docs.html", "docs.js", "docs.css", "card.css")  # pages of their own
FILES = sorted(one for one in DASHBOARD.rglob("*") if one.is_file())
FORBIDDEN = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "createContextualFragment",
    "srcdoc=",
)


def test_they_are_small() -> None:
    """All of them together, as they are, without packing."""
    assert sum(one.stat().st_size for one in FILES if one.name not in ELSEWHERE) <= MOST_BYTES


def test_no_text_becomes_markup() -> None:
    """No script has a way to make markup or code of a text."""
    for file in FILES:
        if file.suffix == ".js":
            assert [word for word in FORBIDDEN if word in file.read_text()] == [], file.name


def test_pages_have_nothing_inline_and_nothing_from_elsewhere() -> None:
    """No script or style stands in a page, and no file names another host."""
    for file in FILES:
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text), file.name
        if file.suffix == ".html":
            assert not re.search(r"<style|<script(?![^>]* src=)|\sstyle=|\son\w+=", text), file.name


def test_every_file_is_there_under_its_policy(town: httpx.Client) -> None:
    """Each is served with its type, is asked for again when it may have changed, and allows nothing from elsewhere."""
    kinds = {".js": "javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for file in FILES:
        if file.suffix in kinds:
            answer = town.get(f"/static/{file.relative_to(DASHBOARD)}")
            assert answer.status_code == 200
            assert kinds[file.suffix] in answer.headers["content-type"]
            assert answer.headers["cache-control"] == "no-cache"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
