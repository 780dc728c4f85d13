"""The image and the compose file, without Docker: linted, held against their schema, and what they run is run as they run it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest

from agents.cli.main import cli
from agents.local.embedded import free_port
from agents.worker import warm
from streams.fold import folder
from streams.settings import Settings
from tests.servers import ROOT, left_out

DOCKERFILE = ROOT / "deploy/Dockerfile"
COMPOSE = ROOT / "deploy/compose.yaml"
BIN = Path(sys.executable).parent
PATIENCE_S = 30.0
NOBODY_ANSWERS = "127.0.0.1:1"

#: In a mount namespace: everything read-only but the named folders, the project and its packages under other names; then our user.
CONTAINER = r"""
set -eu
new=$1 root=$2 venv=$3 user=$4 group=$5 writable=$6
shift 6
mount --rbind / "$new"
while read -r _ _ _ _ at _; do
  case $at in "$new"/proc*) ;; "$new" | "$new"/*) mount -o remount,bind,ro "$at" ;; esac
done </proc/self/mountinfo
mount -t tmpfs none "$new/mnt"
mkdir "$new/mnt/app" "$new/mnt/venv"
mount --bind "$root" "$new/mnt/app"
mount --bind "$venv" "$new/mnt/venv"
for at in mnt mnt/app mnt/venv; do mount -o remount,bind,ro "$new/$at"; done
for folder in $writable; do mount -t tmpfs -o mode=1777 none "$new$folder"; done
exec chroot "$new" setpriv --reuid="$user" --regid="$group" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
"""
CLOUT = ["/mnt/venv/bin/python", "-P", "-c", "from agents.cli.main import main; main()"]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile: each instruction and what stands behind it, lines joined."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def last(name: str) -> str:
    """What stands behind the last instruction of this name: that of the image."""
    return [what for instruction, what in instructions() if instruction == name][-1]


def health_check() -> list[str]:
    """The image's command that says whether it is well."""
    return json.loads(last("HEALTHCHECK").partition("CMD ")[2])  # type: ignore[no-any-return]


def installed(name: str) -> Path:
    """A program beside our Python."""
    program = BIN / name
    if not program.exists():
        left_out(f"{name} is not installed beside {sys.executable} (it has wheels for Linux on x86-64)")
    return program


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """compose.yaml as Docker reads it, with anchors and merges resolved."""
    try:
        from ruamel.yaml import YAML
    except ImportError:
        left_out("ruamel.yaml is not installed (it comes with check-jsonschema, on Linux on x86-64)")
    return YAML(typ="safe", pure=True).load(COMPOSE)  # type: ignore[no-any-return]


def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services that run `clout`."""
    return {name: service for name, service in compose["services"].items() if "build" in service}


def parse(words: list[str]) -> None:
    """Parses a command and all its values, as click does before it runs; raises click.UsageError."""
    command: click.Command = cli
    context = click.Context(cli, info_name="clout", auto_envvar_prefix="CLOUT")
    while isinstance(command, click.Group):
        _, found, words = command.resolve_command(context, words)
        assert found
        command = found
    command.make_context(command.name, list(words), parent=context)


# -- the files


def test_the_dockerfile_is_linted_clean() -> None:
    """hadolint finds nothing, not even something to note."""
    found = subprocess.run(
        [installed("hadolint"), "--no-color", "--failure-threshold", "style", DOCKERFILE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_compose_obeys_its_schema() -> None:
    """The published schema of compose files."""
    check = [installed("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", COMPOSE]
    found = subprocess.run(check, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_schema_notices(tmp_path: Path) -> None:
    """The check above can fail."""
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("read_only: true", "readonly: true"))
    check = [installed("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", wrong]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 1


def test_the_image_runs_as_nobody_in_particular() -> None:
    """Two stages, packages by hash alone, a numeric user that is not root, one folder to write to."""
    text, runs = DOCKERFILE.read_text(), [what for name, what in instructions() if name == "RUN"]
    assert text.count("\nFROM ") == 2
    assert all(re.search(r"--require-(build-)?hashes", run) for run in runs if "pip install" in run)
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", last("USER"))
    assert json.loads(last("VOLUME")) == ["/tmp"]  # noqa: S108
    assert last("EXPOSE") == re.search(r"CLOUT_WORKER_PORT=(\d+)", last("ENV"))[1]  # type: ignore[index]


def test_the_image_has_the_compiled_core() -> None:
    """Compiled as root, in the image that runs, where its variable says; what is no longer root then finds it."""
    names = [name for name, _ in instructions()]
    at = instructions().index(("RUN", "clout warm"))
    assert max(i for i, name in enumerate(names) if name == "FROM") < at < names.index("USER")
    kernels = re.search(r"CLOUT_KERNELS=(\S+)", last("ENV"))
    assert kernels
    assert not any(kernels[1].startswith(folder) for folder in json.loads(last("VOLUME")))


def test_what_is_copied_is_there_and_not_ignored() -> None:
    """.dockerignore leaves out all but what the Dockerfile copies."""
    copied = {
        source
        for name, what in instructions()
        if name == "COPY" and "--from" not in what
        for source in what.split()[:-1]
    }
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == allowed
    assert {one for one in copied if not (ROOT / one).exists()} == set()


def test_every_service_is_confined(compose: dict[str, Any]) -> None:
    """No capabilities, no new privileges, a read-only root; a port is opened to this machine alone."""
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] in ("unless-stopped", "on-failure:5"), name
        assert service.get("read_only", False) is (name != "kafka"), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert not service.get("privileged"), name
    for name, service in ours(compose).items():
        assert service["tmpfs"] == json.loads(last("VOLUME")), name
        assert (ROOT / "deploy" / service["build"]["context"] / service["build"]["dockerfile"]).samefile(DOCKERFILE)


def test_who_waits_for_whom(compose: dict[str, Any]) -> None:
    """What is waited for is there; what has to be healthy says whether it is; what has to end ends."""
    services = compose["services"]
    checked = {name for name, service in services.items() if "test" in service.get("healthcheck", {})}
    waits = [(need, how["condition"]) for one in services.values() for need, how in one.get("depends_on", {}).items()]
    assert {need for need, how in waits if how == "service_healthy"} == checked == {"kafka", "redis"}
    assert {need for need, how in waits if how == "service_completed_successfully"} == {"topics"}
    for name in ("page", "worker"):  # by the image's own check, of the port that it knows
        assert "healthcheck" not in services[name]
        assert f"--port {last('EXPOSE')}" in " ".join(services[name]["command"])


def test_every_command_exists(compose: dict[str, Any]) -> None:
    """Each `clout ...` of both files, with its flags and their values."""
    assert json.loads(last("ENTRYPOINT")) == ["clout"]
    commands = [json.loads(last("CMD")), *(service["command"] for service in ours(compose).values())]
    assert len(commands) == 6
    for words in commands:
        parse(words)


@pytest.mark.parametrize(
    "line", ["worker --prt 1", "worker --port x", "topic create", "feed", "feed synthetic --rate -1"]
)
def test_wrong_commands_are_noticed(line: str) -> None:
    """The check above can fail."""
    with pytest.raises(click.UsageError):
        parse(shlex.split(line))


def test_variables_are_settings(compose: dict[str, Any]) -> None:
    """What the services of ours are told by variables is what they read."""
    for service in ours(compose).values():
        told = service["environment"]
        settings = Settings.load(told)
        assert {
            f"CLOUT_{name}": str(getattr(settings, name.lower())) for name in ("KAFKA", "REDIS", "PARTITIONS")
        } == told


# -- what runs


class Container:
    """Runs commands of `clout` as a container of the image would: its user, no capabilities, only its volumes to write to."""

    def __init__(self, folder: Path, *, sealed: bool = False) -> None:
        """`sealed`: there is nothing at all to write to."""
        self._folder = folder
        user, group = last("USER").split(":")
        self._enter = [
            "unshare",
            "--mount",
            "bash",
            "-c",
            CONTAINER,
            "container",
            str(folder),
            str(ROOT),
            sys.prefix,
            user,
            group,
        ]
        self._enter.append("" if sealed else " ".join(json.loads(last("VOLUME"))))

    def argv(self, *words: str) -> list[str]:
        """How a program is started in it."""
        return [*self._enter, *words]

    @staticmethod
    def env(**more: str) -> dict[str, str]:
        """Its variables: nothing of ours."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "PYTHONPATH": "/mnt/app",
            "PYTHONUNBUFFERED": "1",
            "HOME": "/tmp",  # noqa: S108
            **more,
        }

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end."""
        return subprocess.run(
            self.argv(*words), env=self.env(**env), capture_output=True, text=True, check=False, timeout=60, cwd="/"
        )

    @contextmanager
    def worker(self, *words: str, **env: str) -> Iterator[Callable[[], str]]:
        """Runs `clout worker`; gives what it has said so far. It has to go on until SIGTERM, and then end with exit code 0."""
        log = self._folder.with_name(f"{self._folder.name}.log")
        with log.open("w") as out:
            process = subprocess.Popen(
                self.argv(*CLOUT, *words), env=self.env(**env), stdout=out, stderr=subprocess.STDOUT, cwd="/"
            )
        try:
            yield log.read_text
            assert process.poll() is None, log.read_text()
            process.terminate()
            assert process.wait(PATIENCE_S) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()


def until(what: Callable[[], Any], said: Callable[[], str]) -> Any:
    """Waits until something is so, and gives it."""
    end_s = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < end_s, said()
        time.sleep(0.05)
    return found


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """Where the kernel lets us make one."""
    if not sys.platform.startswith("linux") or os.geteuid():
        left_out("a read-only root for the image's commands: needs Linux and root")
    made = Container(tmp_path)
    tried = made.run("true")
    if tried.returncode:
        left_out(f"a read-only root for the image's commands: no mount namespace here ({tried.stderr.strip()[-200:]})")
    return made


def health(port: int | str) -> int:
    """The exit code of the image's own health check."""
    return asked(port).returncode


def asked(port: int | str) -> subprocess.CompletedProcess[str]:
    """The image's own health check, run."""
    program, *words = health_check()
    assert program == "python"
    env = {"CLOUT_WORKER_PORT": str(port), "http_proxy": "http://127.0.0.1:1"}
    return subprocess.run([sys.executable, *words], env=env, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("port", ["tcp://10.96.0.12:8000", "", "80 00"])
def test_the_health_check_asks_the_images_port(port: str) -> None:
    """Where the platform has put something else in place of the number, as it does for a service `clout-worker`."""
    nobody = asked(port).stderr
    assert "ValueError" not in nobody
    assert "int(port) if port.isdecimal() else 8000" in last("HEALTHCHECK")
    assert "CLOUT_WORKER_PORT=8000" in last("ENV")


def test_the_container_is_confined(container: Container) -> None:
    """Our user, and no way to write but to /tmp: otherwise the tests below would say nothing."""
    script = "id -u; id -g; grep -E 'Cap(Eff|Bnd)|NoNewPrivs' /proc/self/status; touch /tmp/x && ls /tmp"
    ran = container.run("sh", "-c", script)
    user, group = last("USER").split(":")
    none = "0" * 16
    assert ran.stdout.split() == [user, group, "CapEff:", none, "CapBnd:", none, "NoNewPrivs:", "1", "x"]
    for place in ("/", "/mnt/app", "/mnt/venv", "/var/tmp", "/dev/shm", "/run"):  # noqa: S108
        ran = container.run("touch", f"{place}/clout-test")
        assert ran.returncode
        assert "Read-only file system" in ran.stderr or "Permission denied" in ran.stderr, place


@pytest.mark.parametrize("line", ["--version", "--help", "config"])
def test_short_commands(container: Container, line: str) -> None:
    """They do their work and leave nothing behind."""
    ran = container.run(*CLOUT, *line.split())
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "clout" in ran.stdout.lower()


def test_a_worker_that_waits_for_kafka(container: Container) -> None:
    """The image's own command, without servers: it says what it waits for, is live, and ends by SIGTERM."""
    port = free_port()
    assert health(port) != 0
    command = json.loads(last("CMD"))
    with container.worker(*command, CLOUT_WORKER_PORT=str(port), CLOUT_KAFKA=NOBODY_ANSWERS) as said:
        until(lambda: "waiting for Kafka" in said(), said)
        until(lambda: health(port) == 0, said)  # its port is opened beside that


@pytest.fixture(scope="module")
def kernels() -> Iterator[str]:
    """The compiled core as the image has it: in a folder of root's that everybody can read."""
    warm.warm()
    compiled = folder.folder()
    if compiled is None:
        left_out(f"the compiled core in an image: {folder.advice()}")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        Path(place).chmod(0o755)
        shutil.copytree(compiled, f"{place}/kernels/{compiled.name}")
        yield f"{place}/kernels"


ONE_STEP = """
from agents.worker import steps, warm
from streams.fold import compiled, folder
print(warm.done())
steps.STEPS["memories"]()
print(folder.folder().parent, len(compiled.made))
"""


def test_kernels_of_root_are_used(container: Container, kernels: str) -> None:
    """In a folder that root has filled and nobody can write to; without it, in the one that can be."""
    python = ["/mnt/venv/bin/python", "-P", "-c", ONE_STEP]
    ran = container.run(*python, CLOUT_KERNELS=kernels)
    assert ran.stdout == f"True\n{kernels} 0\n", ran.stderr
    ran = container.run(*python)
    assert ran.stdout == "False\n/tmp/.cache/clout 3\n", ran.stderr


@pytest.mark.usefixtures("container")
def test_what_compose_runs(
    tmp_path: Path, compose: dict[str, Any], kernels: str, embedded_kafka: str, valkey_url: str, prefix: str
) -> None:
    """Topics, feed and page, in the order of compose.yaml, with nothing at all to write to: the page shows what was fed."""
    container = Container(tmp_path, sealed=True)
    services, port = compose["services"], free_port()
    env = {
        **ours(compose)["page"]["environment"],
        "CLOUT_KERNELS": kernels,
        "CLOUT_KAFKA": embedded_kafka,
        "CLOUT_REDIS": valkey_url,
        "CLOUT_TRANSACTIONS": "false",
        "CLOUT_APP": prefix + "app",
        "CLOUT_TOPIC_PREFIX": prefix,
        "CLOUT_REDIS_PREFIX": prefix + "redis",
    }
    made = container.run(*CLOUT, *services["topics"]["command"], **env)
    assert made.returncode == 0, made.stderr
    fed = container.run(*CLOUT, *services["feed"]["command"], "--limit", "200", "--users", "20", **env)
    assert fed.returncode == 0, fed.stderr
    here = ["--port", str(port), "--host", "127.0.0.1"]  # the last one counts: nothing is opened to others here
    with container.worker(*services["page"]["command"], *here, **env) as said:
        leaders = until(lambda: answer(f"http://127.0.0.1:{port}/v1/leaderboard").get("items"), said)
        assert leaders[0]["score"] > 1
        assert health(port) == 0
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
            assert "<html" in page.read().decode()


def answer(url: str) -> dict[str, Any]:
    """JSON, or nothing while there is none."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310
            return json.load(response)  # type: ignore[no-any-return]
    except (urllib.error.URLError, ConnectionError):
        return {}


# -- `clout worker --host`


@pytest.mark.parametrize("processes", [1, 2])
def test_the_worker_listens_where_it_is_told(processes: int) -> None:
    """And nowhere else; so do several under one parent, whatever the variable says."""
    if not sys.platform.startswith("linux"):
        left_out("a second loopback address: needs Linux")
    port = free_port()
    where = ["--host", "127.0.0.2", "--port", str(port), "--processes", str(processes)]
    argv = [
        sys.executable,
        "-c",
        "from agents.cli.main import main; main()",
        "worker",
        "--kafka",
        NOBODY_ANSWERS,
        *where,
    ]
    with subprocess.Popen(
        argv, cwd=ROOT, stderr=subprocess.PIPE, text=True, env={**os.environ, "CLOUT_WORKER_HOST": "127.0.0.3"}
    ) as process:
        try:
            assert process.stderr
            said = ""
            while said.count("http://127.0.0.2:") < processes:
                line = process.stderr.readline()
                assert line, said
                said += line
            assert f"http://127.0.0.2:{port}\n" in said
            socket.create_connection(("127.0.0.2", port), 5).close()
            for other in ("127.0.0.1", "127.0.0.3"):
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection((other, port), 5)
        finally:
            process.terminate()
            for _ in process.stderr or ():  # until its end, so that nobody waits for us
                pass
