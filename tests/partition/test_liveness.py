"""The rules of liveness, on looks a second apart, drawn as one letter a second."""

from __future__ import annotations

import pytest

from streams.partition.liveness import (
    FOLDING,
    IDLE,
    LATE_S,
    MAIN_LOOP,
    PARTITION,
    PROGRESS,
    SENDING,
    TAKING_OVER,
    Liveness,
    Standing,
    Verdict,
)

STALL_S = 10


class Looks:
    """A watcher that looks once a second."""

    def __init__(self) -> None:
        self.liveness, self.now_s, self.beats = Liveness(STALL_S), 1_000.0, 0

    def look(self, *standings: Standing, beat: bool = True, after_s: float = 1.0) -> Verdict:
        """One look, `after_s` after the last one; the main loop has run in between, or not."""
        self.now_s += after_s
        self.beats += beat
        return self.liveness.look(standings, self.now_s, self.beats)

    def many(self, seconds: int, *standings: Standing, beat: bool = True) -> list[Verdict]:
        """The same for some seconds."""
        return [self.look(*standings, beat=beat) for _ in range(seconds)]


def busy(number: int = 3, done: int = 7, doing: str = FOLDING) -> Standing:
    """A partition with input."""
    return Standing(number, doing, True, done)


def all_live(verdicts: list[Verdict]) -> bool:
    """Not one of them found a broken rule."""
    return all(one.live and one.rule == PROGRESS for one in verdicts)


def test_input_without_progress_is_the_end() -> None:
    """A partition that has input and folds nothing is given its patience, not less and not more, then named with the time."""
    looks = Looks()
    assert all_live(looks.many(STALL_S, busy()))
    verdict = looks.look(busy())
    assert not verdict.live
    assert verdict.rule == PARTITION
    assert verdict.why == "partition 3 has had input for 10 s and folded nothing"


@pytest.mark.parametrize(
    ("doing", "has_input", "said"),
    [
        (TAKING_OVER, False, "not one record of its rows was read"),
        (FOLDING, True, "folded nothing"),
        (SENDING, False, "nothing of it was acknowledged"),
        (IDLE, True, "did not even begin"),
    ],
)
def test_each_kind_of_work_can_stall(doing: str, has_input: bool, said: str) -> None:
    """A take-over and an interval on its way are work even without input; the message says what did not get on."""
    looks, standing = Looks(), Standing(5, doing, has_input, 0)
    assert all_live(looks.many(STALL_S, standing))
    verdict = looks.look(standing)
    assert (verdict.live, verdict.rule) == (False, PARTITION)
    assert "partition 5 " in verdict.why
    assert said in verdict.why


@pytest.mark.parametrize("doing", [IDLE, FOLDING])
def test_nothing_to_do_is_healthy(doing: str) -> None:
    """Without input no time is long."""
    verdicts = Looks().many(20 * STALL_S, Standing(0, doing, False, 7))
    assert all_live(verdicts)
    assert verdicts[-1].why == "there is nothing to do"


def test_no_partition_is_healthy() -> None:
    """A worker more than there are partitions lives on."""
    assert all_live(Looks().many(20 * STALL_S))


def test_slow_is_not_stalled() -> None:
    """One record in almost the whole patience is progress, however long it goes on."""
    looks = Looks()
    for done in range(20):
        assert all_live(looks.many(STALL_S, busy(done=done)))


@pytest.mark.parametrize(
    "pause",
    [(), (Standing(3, IDLE, False, 7),), (busy(done=8),), (busy(done=6),), (busy(doing=TAKING_OVER),)],
    ids=["left", "idle", "progress", "came back with another count", "taken over anew"],
)
def test_a_partition_starts_anew(pause: tuple[Standing, ...]) -> None:
    """One that leaves, has nothing to do, or gets something done for one look has its full patience again."""
    looks = Looks()
    assert all_live(looks.many(STALL_S, busy()))
    assert looks.look(*pause).live
    assert all_live(looks.many(STALL_S, busy()))
    assert not looks.look(busy()).live


def test_the_end_of_a_take_over_is_progress() -> None:
    """Folding begins with a patience of its own, also when the count happens to be the same."""
    looks = Looks()
    assert all_live(looks.many(STALL_S, busy(done=0, doing=TAKING_OVER)))
    assert all_live(looks.many(STALL_S, busy(done=0)))


def test_folding_and_sending_in_turn_is_no_progress() -> None:
    """What a partition says it does is not what counts: nothing done is nothing done."""
    looks = Looks()
    for second in range(STALL_S):
        assert looks.look(busy(doing=(FOLDING, SENDING)[second % 2])).live
    assert not looks.look(busy()).live


def test_one_of_several_is_enough() -> None:
    """The others' progress does not help a stalled partition; it is named, and so is how many are like it."""
    looks = Looks()
    for done in range(STALL_S):
        assert looks.look(busy(0, done), busy(1), busy(2, done), busy(3), Standing(4, IDLE, False, 0)).live
    verdict = looks.look(busy(0, 99), busy(1), busy(2, 99), busy(3), Standing(4, IDLE, False, 0))
    assert verdict.why == "partition 1 has had input for 10 s and folded nothing (and 1 more like it)"


def test_a_live_verdict_names_who_gets_on() -> None:
    """What is said while all is well is of use, too."""
    assert Looks().look(busy(2), busy(0), Standing(1, IDLE, False, 0)).why.endswith("get something done: 2, 0")


def test_a_blocked_main_loop_is_the_end() -> None:
    """When the main loop does not run for the patience, that is the rule, whatever its last word on the partitions was."""
    for standings in ((), (busy(),)):
        looks = Looks()
        looks.look(*standings)
        assert all_live(looks.many(STALL_S - 1, *standings, beat=False))
        verdict = looks.look(*standings, beat=False)
        assert (verdict.live, verdict.rule) == (False, MAIN_LOOP)
        assert "10 s" in verdict.why


def test_after_a_block_partitions_have_time() -> None:
    """A main loop that comes back in time costs the partitions a late look at most: they could do nothing without it."""
    looks = Looks()
    looks.look(busy())
    assert all_live(looks.many(STALL_S - 1, busy(), beat=False))
    assert all_live(looks.many(STALL_S - int(LATE_S), busy()))
    assert not looks.look(busy()).live


def test_a_sluggish_main_loop_hides_nothing() -> None:
    """A loop that runs every third second is alive, and a stalled partition is still found in time."""
    looks = Looks()
    verdicts = [looks.look(busy(), beat=second % 3 == 0) for second in range(STALL_S + 3)]
    assert all_live(verdicts[:STALL_S])
    assert not verdicts[-1].live
    assert verdicts[-1].rule == PARTITION


@pytest.mark.parametrize("beat", [True, False])
def test_a_suspended_process_is_given_time(beat: bool) -> None:
    """An hour asleep does not count, for partitions and for the main loop, and everybody starts anew."""
    looks = Looks()
    looks.look(busy())
    assert all_live(looks.many(STALL_S - 1, busy(), beat=beat))
    assert looks.look(busy(), beat=beat, after_s=3_600).live
    assert all_live(looks.many(STALL_S - 1, busy(), beat=beat))
    assert not looks.look(busy(), beat=beat).live


def test_looks_that_are_a_little_late_still_count() -> None:
    """On a busy machine looks come late, but not too late: the time between them counts in full."""
    looks = Looks()
    looks.look(busy())
    assert looks.look(busy(), after_s=LATE_S).live
    assert not looks.look(busy(), after_s=LATE_S).live


def test_without_a_heartbeat_only_partitions_count() -> None:
    """Whoever counts no beats is not blamed for a loop that is silent."""
    liveness = Liveness(STALL_S)
    assert all(liveness.look([], now_s).live for now_s in range(100))
    assert [liveness.look([busy()], 100 + s).live for s in range(STALL_S + 1)] == [True] * STALL_S + [False]
