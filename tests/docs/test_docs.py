"""The docs are true: links lead somewhere, commands, flags, scripts and settings exist, what is generated is current."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from agents.cli.main import COMMANDS, cli
from streams.settings import table
from tests.servers import ROOT

IGNORED = re.compile(r"(^|/)(\.[^/]+|build|jars[^/]*|[^/]*\.egg-info)/")
FILES = sorted(
    name
    for path in ROOT.rglob("*.md")
    if not IGNORED.search(name := str(path.relative_to(ROOT))) and "site-packages" not in name
)
FOLDERS = ("", "streams/", "agents/", "deploy/", "tests/")
MOST_LINES = 160
#: variables that are no settings: of tests, benchmarks and scripts
OTHERS = {
    "CLOUT_TEST_KAFKA",
    "CLOUT_TEST_PICTURES",
    "CLOUT_TEST_EVENTS",
    "CLOUT_TEST_SEEDS",
    "CLOUT_TEST_EXAMPLES",
    "CLOUT_PEERS",
    "CLOUT_PEER_GUARANTEE",
    "CLOUT_VENV",
    "CLOUT_KERNELS",
}
#: made by scripts, not kept
MADE = {"deploy/peers/build", "deploy/kafka/jars"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def text_of(name: str) -> str:
    """A file of the docs."""
    return (ROOT / name).read_text()


def anchors(text: str) -> set[str]:
    """What a link may point to: the headings, as forges name them."""
    heads = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def spoken(name: str) -> Iterator[str]:
    """What stands as code in a file: lines of fenced and indented blocks, and what is between backticks."""
    text = text_of(name)
    for language, block in FENCE.findall(text):
        if language in ("", "sh", "bash", "console"):
            yield from block.splitlines()
    rest = FENCE.sub("", text)
    yield from re.findall(r"^    (?! )(.*)$", rest, re.MULTILINE)
    yield from (found.replace("\n", " ") for found in re.findall(r"(?<!`)`([^`]+)`(?!`)", rest))


def commands(line: str) -> Iterator[list[str]]:
    """The words after each `clout` that begins a command of this line."""
    for part in re.split(r"\s*(?:\||&&|;|\$\()\s*(?=\S)", re.sub(r"(?<=\w)\|(?=\w)", "\0", line)):
        if said := re.fullmatch(r"\$?\s*(?:[A-Z_]+=\S*\s+)*clout(?:\s(.*))?", part.strip()):
            words = shlex.split((said[1] or "").replace("'", "").rstrip("\\"), comments=True)
            yield [word.strip("[](),.") or word for word in words]


def wrong(words: list[str]) -> str | None:
    """What is wrong with a command as the docs name it."""
    if not words or words[0] in ("...", "…"):
        return None
    found: list[click.Command] = [cli]
    for i, word in enumerate(words):
        if not isinstance(found[0], click.Group) or word.startswith("-") or not re.fullmatch(r"[a-z\0|-]+", word):
            break
        some = [found[0].get_command(click.Context(cli), name) for name in re.split(r"[|\0]", word)]
        if None in some:
            return f"no command {' '.join(words[: i + 1])}"
        found = [one for one in some if one]
    for command in found:
        known = {"-h", "--help", *(opt for param in command.params for opt in (*param.opts, *param.secondary_opts))}
        for word in words:
            flag = word.partition("=")[0]
            if re.match(r"--?[a-z]", flag) and flag not in known:
                return f"{command.name} has no {flag}"
    return None


def test_there_is_something_to_check() -> None:
    """The files are where this test looks."""
    assert {f"{folder}README.md" for folder in FOLDERS} <= set(FILES)
    assert {"CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "tests/bench/README.md"} <= set(FILES)
    assert sum(1 for line in spoken("agents/README.md") for _ in commands(line)) > 20


@pytest.mark.parametrize("name", FILES)
def test_every_link_leads_somewhere(name: str) -> None:
    """Files exist, and so do the headings in them."""
    text, lost = FENCE.sub("", text_of(name)), []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("name", FILES)
def test_every_command_exists(name: str) -> None:
    """Each `clout ...` in a block or between backticks is a command, with the flags that stand there."""
    found = [(" ".join(words), bad) for line in spoken(name) for words in commands(line) if (bad := wrong(words))]
    assert found == []


def test_wrong_commands_are_noticed() -> None:
    """The check above can fail."""
    for line in ("clout fed x", "clout feed --fast", "A=1 clout topics make", "x | clout bench live|nothing"):
        assert [bad for words in commands(line) if (bad := wrong(words))], line


@pytest.mark.parametrize("name", FILES)
def test_every_path_exists(name: str) -> None:
    """Scripts, folders and modules that are named between backticks or in blocks."""
    pattern = re.compile(r"(?<![\w/.:])((?:deploy|streams|agents|tests)/[\w./-]+)")
    named = {path.rstrip("./") for line in spoken(name) for path in pattern.findall(line)}
    assert {path for path in named - MADE if not (ROOT / path).exists() and "NAME" not in path} == set()


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_a_setting(name: str) -> None:
    """Or an option of a command, or one of tests and scripts."""
    known = {variable for variable, _, _ in table()} | OTHERS
    for command in COMMANDS:
        found = cli.get_command(click.Context(cli), command)
        assert found
        known |= {f"CLOUT_{command.upper()}_{param.name.upper()}" for param in found.params if param.name}
    named = set(re.findall(r"CLOUT_(?!SECRET_)[A-Z][A-Z_]*", text_of(name)))  # secrets have names of their own
    assert {one for one in named - known if not (one.endswith("_") and any(k.startswith(one) for k in known))} == set()


@pytest.mark.parametrize("name", FILES)
def test_python_compiles(name: str) -> None:
    """Every block of Python."""
    for language, block in FENCE.findall(text_of(name)):
        if language == "python":
            compile(block, name, "exec")


def test_the_readme_is_read_to_its_end() -> None:
    """It is short, it has one producer and one consumer, and a picture that loads at once."""
    text = text_of("README.md")
    assert len(text.splitlines()) <= MOST_LINES
    producer, consumer = (block for language, block in FENCE.findall(text) if language == "python")
    assert "KafkaProducer" in producer
    assert "KafkaConsumer" in consumer
    assert (ROOT / "deploy/figures/page.png").stat().st_size < 150_000


def test_generated_parts_are_current() -> None:
    """`deploy/readme` would write what is there."""
    subprocess.run([sys.executable, ROOT / "deploy" / "readme", "--check"], check=True, timeout=60)


def test_one_version() -> None:
    """`clout --version`, the newest release in CHANGELOG.md and pyproject.toml agree."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    heads = re.findall(r"^## \[([^\]]+)\]", text_of("CHANGELOG.md"), re.MULTILINE)
    assert heads[:2] == ["Unreleased", version]
    assert CliRunner().invoke(cli, ["--version"], standalone_mode=True).output.split() == ["clout", version]


def test_the_licence_is_whole() -> None:
    """The text that pyproject.toml names, from its title to its appendix."""
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n" in text
    assert "9. Accepting Warranty or Additional Liability." in text
    assert "APPENDIX: How to apply the Apache License to your work." in text
