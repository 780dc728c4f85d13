"""The parent of several workers, with tiny children: what dies comes back, signals arrive, nobody is left."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from agents.worker.child import Child
from agents.worker.parent import pause_s
from tests.worker.family import child, family, gone, until

FAILS = "import sys; sys.exit({})"


def test_pauses_grow_to_half_a_minute() -> None:
    """1 s after the first end, twice as much after each that follows, and never more than 30 s, however often."""
    assert [pause_s(ends) for ends in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert pause_s(100_000) == 30


def test_what_is_killed_comes_back(tmp_path: Path) -> None:
    """A killed process is replaced, the line says by what and when; the other one goes on undisturbed."""
    with family(tmp_path, [child(), child()]) as parent:
        first, second = parent.up(1), parent.up(2)
        os.kill(first, signal.SIGKILL)
        again = parent.up(1, times=2)
        assert again != first
        parent.says(rf"^process 1 \(pid {first}\) was ended by signal 9 \(.+\); it starts again in 0 s$")
        parent.says(rf"^process 1 starts again: pid {again}$")
        assert parent.pids(2) == [second]
        assert not gone(second)


def test_one_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    """What the system refuses to start, for want of memory or of the file, is one line and a pause, as an end is."""
    python = tmp_path / "python"
    with family(tmp_path, [child()], later_s=0.05, python=str(python)) as parent:
        parent.says(r"^process 1 could not be started \(.+\); it starts again in 0 s$")
        python.symlink_to(sys.executable)
        parent.up(1)


def test_one_that_an_operator_ends_comes_back(tmp_path: Path) -> None:
    """SIGTERM to one child restarts it: exit code 0 without a word from the parent is no end of the work."""
    with family(tmp_path, [child(), child()]) as parent:
        parent.up(2)
        os.kill(parent.up(1), signal.SIGTERM)
        parent.up(1, times=2)
        parent.says(r"ended with exit code 0; it starts again")
        assert len(parent.pids(2)) == 1


@pytest.mark.parametrize(("settled_s", "pauses"), [(60.0, ["1", "2", "3", "4"]), (0.0, ["1", "1", "1", "1"])])
def test_the_pause_is_of_ends_in_a_row(tmp_path: Path, settled_s: float, pauses: list[str]) -> None:
    """Each end makes the next pause longer; one that has lived long enough begins anew."""
    with family(tmp_path, [FAILS.format(5), child()], settled_s=settled_s) as parent:
        until(lambda: sum(line.startswith("pause ") for line in parent.lines) >= 4)
        assert [line.split()[1] for line in parent.lines if line.startswith("pause ")][:4] == pauses


def test_wrong_usage_ends_all(tmp_path: Path) -> None:
    """Exit code 2 before any has worked is not tried again: the others end in order, and the parent with 2."""
    late = f"import time; time.sleep(0.5)\n{FAILS.format(2)}"
    with family(tmp_path, [child(), late]) as parent:
        assert parent.ends() == 2
        assert parent.count("1 | told 15") == 1
        parent.says(r"^process 2 ended with exit code 2")
        assert not any("again" in line for line in parent.lines)


def test_what_fails_everywhere_is_not_tried_for_ever(tmp_path: Path) -> None:
    """When all fail three times before any has ever worked, the parent ends with their exit code."""
    with family(tmp_path, [FAILS.format(1)] * 2) as parent:
        assert parent.ends() == 1
        assert sum(line.startswith("pause ") for line in parent.lines) >= 2 * 3 - 1


@pytest.mark.parametrize("why", ["one works", "killed", "all have worked"])
def test_what_may_pass_is_tried_again(tmp_path: Path, why: str) -> None:
    """As long as one process lives, when a signal ends them, or once one has worked, the parent does not give up."""
    fails = "import os; os.kill(os.getpid(), 9)" if why == "killed" else FAILS.format(1)
    if why == "all have worked":  # a second, the first time
        been = str(tmp_path / "been")
        fails = f"import os, time\nif not os.path.exists({been!r}): time.sleep(1.1); open({been!r}, 'w')\n{fails}"
    with family(tmp_path, [fails, child() if why == "one works" else fails], settled_s=1.0) as parent:
        until(lambda: sum(line.startswith("pause ") for line in parent.lines) >= 12)
        assert parent.process.poll() is None


def test_wrong_usage_of_what_has_worked_may_pass(tmp_path: Path) -> None:
    """Exit code 2 once one has worked, such as for a port that is taken, is tried again; the healthy ones go on."""
    late = f"import time; time.sleep(0.5)\n{FAILS.format(2)}"
    with family(tmp_path, [child(), late], settled_s=0.3) as parent:
        until(lambda: sum(line.startswith("pause ") for line in parent.lines) >= 2)
        parent.says(r"^process 2 .*ended with exit code 2; it starts again")
        assert not gone(parent.up(1))
        assert len(parent.pids(1)) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_is_passed_on_once(tmp_path: Path, number: signal.Signals) -> None:
    """A signal to the parent's process group, as Ctrl-C sends it, reaches each child once, as SIGTERM; then all end with 0."""
    with family(tmp_path, [child(), child()]) as parent:
        pids = [parent.up(1), parent.up(2)]
        os.killpg(parent.process.pid, number)
        assert parent.ends() == 0
        assert all(map(gone, pids))
        assert sorted(line for line in parent.lines if " | told" in line) == ["1 | told 15", "2 | told 15"]


def test_the_worst_exit_code_counts(tmp_path: Path) -> None:
    """One that does not end well is not hidden by those that do."""
    with family(tmp_path, [child(), child(7), child()]) as parent:
        for number in (1, 2, 3):
            parent.up(number)
        parent.process.send_signal(signal.SIGTERM)
        assert parent.ends() == 7


def test_one_that_waits_for_its_restart_holds_nothing_up(tmp_path: Path) -> None:
    """Told to end while a child is down, the parent ends the others and starts nothing more."""
    with family(tmp_path, [child(), child()], later_s=1000.0) as parent:
        parent.up(2)
        os.kill(parent.up(1), signal.SIGKILL)
        parent.says("^process 1 .* starts again in 1000 s")
        parent.process.send_signal(signal.SIGTERM)
        assert parent.ends() == 0
        assert len(parent.pids(1)) == 1


def test_a_second_wish_kills(tmp_path: Path) -> None:
    """A child that does not end is killed by the second signal, and the exit code says so."""
    with family(tmp_path, [child(), child()], bounce_s=0.0) as parent:
        stuck = parent.up(1)
        os.kill(stuck, signal.SIGSTOP)
        parent.up(2)
        parent.process.send_signal(signal.SIGTERM)
        parent.says("^SIGTERM: ")
        parent.process.send_signal(signal.SIGINT)
        assert parent.ends() == 1
        assert gone(stuck)


def test_what_does_not_end_is_killed(tmp_path: Path) -> None:
    """A child that is stopped or blocked keeps nobody for ever: after a while it is killed, and the exit code says so."""
    with family(tmp_path, [child(), child()], ending_s=0.5) as parent:
        stuck = parent.up(1)
        os.kill(stuck, signal.SIGSTOP)
        parent.up(2)
        parent.process.send_signal(signal.SIGTERM)
        assert parent.ends() == 1
        assert gone(stuck)
        assert parent.count("2 | told 15") == 1


def test_an_echo_is_no_second_wish(tmp_path: Path) -> None:
    """The same signal sent twice at once, as `timeout` does, still ends everything in order."""
    with family(tmp_path, [child(), child()], bounce_s=600.0) as parent:
        parent.up(1)
        parent.up(2)
        parent.process.send_signal(signal.SIGTERM)
        parent.says("told 15")
        parent.process.send_signal(signal.SIGTERM)
        assert parent.ends() == 0


def test_lines_stay_whole(tmp_path: Path) -> None:
    """What children say, in however many pieces and on either stream, arrives as whole lines with their number."""
    pieces = "\n".join(
        [
            "import os, time",
            "for n in range(20):",
            "    for piece in (b'one ', b'line ', b'%d' % n, b'\\n'):",
            "        os.write(1 + n % 2, piece); time.sleep(0.002)",
            "os.write(1, b'no end')",
            "os._exit(2)",
        ]
    )
    with family(tmp_path, [pieces, "import os\nwhile True: os.write(2, b'xy' * 3000 + b'\\n')"]) as parent:
        assert parent.ends() == 2
        said = parent.lines
    first = [line for line in said if line.startswith("1 | ")]
    assert first == [*(f"1 | one line {n}" for n in range(20)), "1 | no end"]
    long = [line for line in said if "xy" in line]
    assert set(long[:-1]) == {"2 | " + "xy" * 3000}  # the last may have been cut by its end


def test_a_line_without_an_end_is_cut() -> None:
    """What is kept of a line that is not whole stays below 64 kB, and nothing of it is lost."""
    kept = Child(1, [], "1 | ")
    said = b"".join(kept.lines(b"x" * 40_000) for _ in range(10))
    assert said == (b"1 | " + b"x" * 80_000 + b"\n") * 5
    assert kept.close() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nobody_reads(tmp_path: Path, number: signal.Signals) -> None:
    """While nobody reads our stderr, children that say more than fits anywhere go on and are restarted, and signals end all."""
    floods = f"""
import os
for _ in range(200):
    os.write(2, (b"x" * 99 + b"\\n") * 100)
open({str(tmp_path)!r} + f"/{{os.getpid()}}.done", "w")
"""
    reads, writes = os.pipe()
    try:
        with family(tmp_path, [floods, child()], stderr=writes) as parent:
            until(lambda: len(list(tmp_path.glob("*.done"))) >= 3)
            parent.process.send_signal(number)
            assert parent.ends() == 0
    finally:
        os.close(reads)
        os.close(writes)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_nobody_outlives_a_killed_parent(tmp_path: Path) -> None:
    """kill -9 of the parent ends all children, in order, also one that has come back and one that writes all the time."""
    talks = child().replace("time.sleep(60)", "print('la', flush=True)")
    with family(tmp_path, [child(), child(), talks]) as parent:
        os.kill(parent.up(2), signal.SIGKILL)
        pids = [parent.up(1), parent.up(2, times=2), parent.up(3)]
        parent.process.kill()
        until(lambda: all(map(gone, pids)))
