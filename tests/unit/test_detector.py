"""Promises E1 to E21 at their core: states and scans in, changes out."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conectpy.events.detector import Detector
from conectpy.models import COMM_TAG, Change, ClockMark, Gap, LastState, PlcMemory, Sample, Scan, Transition
from conectpy.settings.types import OpcUaSettings, PlcSettings, TagSettings
from conectpy.values import as_state_sample

T0 = datetime(2026, 3, 1, 7, 0, tzinfo=timezone.utc)
RTT = timedelta(milliseconds=100)
BAD = Sample(None, "no data")
GONE = Sample(None, "no such tag", is_vanished=True)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class Bench:
    """Drives a detector with scans of 100 ms at given seconds, telling only changes, as a driver does."""

    def __init__(
        self, memory: Optional[PlcMemory] = None, tag: Optional[Dict[str, Any]] = None, boot: Optional[str] = None,
        **plc: Any,
    ) -> None:  # fmt: skip
        tags = (TagSettings("P1", "Pump", is_state=True, **(tag or {})), TagSettings("PT1", "Pressure"))
        plc = {"comm_delay_s": 5.0, "tag_lost_s": 60.0, **plc}
        self.detector = Detector(PlcSettings("10.0.0.1", "Plant", tags=tags, **plc), memory or PlcMemory(), boot)
        self.step_s = 0.0
        self.told: Any = None

    def scan(self, second: float, sample: Any, frozen: Optional[str] = None, more: Any = ()) -> List[Change]:
        sample = sample if isinstance(sample, Sample) else Sample(sample)
        sent = at(second + self.step_s)
        samples = () if sample == self.told else (("P1", sample), ("PT1", Sample(1.5)))
        self.told = sample
        return self.detector.on_scan(Scan(sent, sent + RTT, 0.1, (*samples, *more), frozen), second + 0.1)

    def fail(self, second: float) -> List[Change]:
        self.told = None
        return self.detector.on_failure(at(second + self.step_s), second)


def only(changes: List[Change], kind: str, tag: str = "P1") -> Transition:
    """The one transition among the changes; gaps stand beside it."""
    transitions = [one for one in changes if isinstance(one, Transition)]
    assert [(one.kind, one.tag) for one in transitions] == [(kind, tag)]
    return transitions[0]


def gaps_of(changes: List[Change]) -> List[Gap]:
    return [one for one in changes if isinstance(one, Gap)]


def test_e1_false_then_true_opens_sampled() -> None:
    bench = Bench()
    assert bench.scan(0, False) == []
    opened = only(bench.scan(1, True), "open")
    assert (opened.earliest_utc, opened.ts_utc, opened.quality) == (at(0), at(1) + RTT, "sampled")


def test_e2_true_then_false_closes_sampled() -> None:
    bench = Bench()
    bench.scan(0, False)
    bench.scan(1, True)
    assert bench.scan(2, True) == []
    closed = only(bench.scan(3, False), "close")
    assert (closed.earliest_utc, closed.ts_utc, closed.quality) == (at(2), at(3) + RTT, "sampled")


@given(st.lists(st.sampled_from([True, False, BAD, "fail"]), max_size=60))
def test_e3_opens_and_closes_alternate(steps: List[Any]) -> None:
    bench, is_open, last_ts = Bench(), False, T0
    for second, step in enumerate(steps):
        found = bench.fail(second) if step == "fail" else bench.scan(second, step)
        for one in found:
            if isinstance(one, Transition) and one.tag == "P1" and one.kind != "amend":
                assert (one.kind == "open") is not is_open
                assert one.ts_utc >= last_ts
                assert one.earliest_utc is None or one.earliest_utc < one.ts_utc
                is_open, last_ts = one.kind == "open", one.ts_utc


@pytest.mark.parametrize("nothing", [BAD, GONE])
def test_e4_no_data_opens_nothing_and_closes_nothing(nothing: Sample) -> None:
    bench = Bench()
    bench.scan(0, True)
    assert bench.scan(1, nothing) == []
    assert bench.fail(2) == []
    assert bench.detector.open_tags == ["P1"]
    empty = Bench()
    assert empty.scan(0, nothing) == []
    assert empty.detector.open_tags == []


def test_e5_true_at_first_contact_opens_at_connect() -> None:
    opened = only(Bench().scan(0, True), "open")
    assert (opened.earliest_utc, opened.quality) == (None, "at_connect")


def test_e6_lost_while_true_back_true_goes_on_with_a_gap() -> None:
    bench = Bench()
    bench.scan(0, False)
    bench.scan(1, True)
    bench.scan(2, True)
    bench.fail(3)
    amended = only(bench.scan(6, True), "amend")
    assert (amended.gap_count, round(amended.gap_s, 3)) == (1, 4.0)
    assert bench.scan(7, True) == []


def test_e7_lost_while_true_back_false_closes_gap() -> None:
    bench = Bench()
    bench.scan(0, True)
    bench.scan(1, True)
    bench.fail(2)
    closed = only(bench.scan(5, False), "close")
    assert (closed.earliest_utc, closed.ts_utc, closed.quality) == (at(1), at(5) + RTT, "gap")


def test_e8_lost_while_false_back_true_opens_gap() -> None:
    bench = Bench()
    bench.scan(0, False)
    bench.scan(1, False)
    bench.fail(2)
    opened = only(bench.scan(5, True), "open")
    assert (opened.earliest_utc, opened.quality) == (at(1), "gap")


def test_e9_restart_goes_on_from_memory() -> None:
    running = PlcMemory({"P1": LastState(True, at(-10))}, {"P1": at(-100)})
    amended = only(Bench(running).scan(0, True), "amend")
    assert (amended.gap_count, round(amended.gap_s, 3)) == (1, 10.1)
    closed = only(Bench(running).scan(0, False), "close")
    assert (closed.earliest_utc, closed.quality) == (at(-10), "gap")
    stopped = PlcMemory({"P1": LastState(False, at(-10))})
    opened = only(Bench(stopped).scan(0, True), "open")
    assert (opened.earliest_utc, opened.quality) == (at(-10), "gap")
    assert Bench(stopped).scan(0, False) == []


def test_e9_notes_hold_what_is_known() -> None:
    bench = Bench()
    bench.scan(0, False)
    assert bench.detector.take_notes() == (at(0), {"P1": (False, None), COMM_TAG: (False, None)})
    bench.scan(1, False)
    assert bench.detector.take_notes() == (at(1), {})
    bench.scan(2, BAD)
    assert bench.detector.take_notes() == (at(2), {"P1": (False, at(1))})


def test_e10_an_outage_is_an_event_of_its_own() -> None:
    bench = Bench()
    bench.scan(0, False)
    assert bench.fail(1) == []
    assert bench.fail(4) == []
    opened = only(bench.fail(6.5), "open", COMM_TAG)
    assert (opened.earliest_utc, opened.ts_utc, opened.quality) == (at(0), at(1), "sampled")
    closed = only(bench.scan(8, False), "close", COMM_TAG)
    assert (closed.earliest_utc, closed.ts_utc, closed.quality) == (at(6.5), at(8) + RTT, "sampled")


def test_e10_a_short_outage_is_none() -> None:
    bench = Bench()
    bench.scan(0, False)
    bench.fail(1)
    assert bench.scan(3, False) == []
    assert bench.fail(20) == []


def test_e10_an_outage_over_a_restart_is_one_event() -> None:
    memory = PlcMemory({COMM_TAG: LastState(True, at(-5))}, {COMM_TAG: at(-60)})
    assert only(Bench(memory).fail(0), "amend", COMM_TAG).gap_count == 1
    assert only(Bench(memory).scan(0, False), "close", COMM_TAG).quality == "gap"


def test_e11_one_bad_tag_leaves_the_others_alone() -> None:
    tags = tuple(TagSettings(name, name, is_state=True) for name in ("P1", "P2"))
    detector = Detector(PlcSettings("10.0.0.1", "Plant", tags=tags), PlcMemory())

    def scan(second: float, *samples: Any) -> List[Change]:
        return detector.on_scan(Scan(at(second), at(second) + RTT, 0.1, samples), second)

    scan(0, ("P1", Sample(False)), ("P2", Sample(False)))
    assert only(scan(1, ("P1", BAD), ("P2", Sample(True))), "open", "P2").quality == "sampled"
    assert only(scan(2, ("P1", Sample(True))), "open", "P1").quality == "gap"


def test_e13_a_vanished_tag_is_given_up_after_its_delay() -> None:
    bench = Bench()
    bench.scan(0, True)
    assert bench.scan(1, GONE) == []
    assert bench.scan(60, GONE) == []
    closed = only(bench.scan(62, GONE), "close")
    assert (closed.earliest_utc, closed.quality) == (at(0), "tag_lost")
    assert only(bench.scan(70, True), "open").quality == "at_connect"


def test_e13_an_outage_is_no_vanishing() -> None:
    bench = Bench()
    bench.scan(0, True)
    bench.scan(1, GONE)
    bench.fail(30)
    assert [one.quality for one in bench.scan(90, GONE) if one.tag == "P1"] == []


def test_e14_values_are_stale_while_the_controller_does_not_run() -> None:
    bench = Bench()
    bench.scan(0, True)
    assert bench.scan(1, True, frozen="controller in PROGRAM mode") == []
    assert bench.scan(2, False, frozen="controller in PROGRAM mode") == []
    closed = only(bench.scan(3, False), "close")
    assert (closed.earliest_utc, closed.quality, closed.flags) == (at(0), "gap", {"plc_mode"})


def test_e14_back_in_run_without_a_change_counts_the_gap() -> None:
    bench = Bench()
    bench.scan(0, True)
    bench.scan(1, True, frozen="controller in PROGRAM mode")
    amended = only(bench.scan(2, True), "amend")
    assert (amended.gap_count, amended.flags) == (1, {"plc_mode"})


STEPS_S = [-86400.0, -3600.0, -2.0, -1.5, 1.5, 2.0, 3600.0, 86400.0]


@pytest.mark.parametrize("step_s", STEPS_S)
def test_e15_an_open_event_moves_with_the_clock_and_keeps_its_duration(step_s: float) -> None:
    bench = Bench()
    bench.scan(0, False)
    opened = only(bench.scan(1, True), "open")
    bench.step_s = step_s
    shifted = only(bench.scan(2, True), "shift")
    assert (shifted.flags, round(shifted.shift_s, 6), shifted.gap_count) == ({"clock_step"}, step_s, 0)
    closed = only(bench.scan(3, False), "close")
    assert closed.ts_utc - opened.ts_utc == timedelta(seconds=2.0 + step_s)
    assert (closed.earliest_utc, closed.duration_s) == (at(2 + step_s), 2.0)


@pytest.mark.parametrize("step_s", STEPS_S)
def test_e15_a_change_across_a_step_claims_what_was_seen_by_the_new_clock(step_s: float) -> None:
    bench = Bench()
    bench.scan(0, False)
    bench.step_s = step_s
    opened = only(bench.scan(1, True), "open")
    assert (opened.earliest_utc, opened.ts_utc) == (at(step_s), at(1 + step_s) + RTT)
    assert opened.flags == {"clock_step"}
    closed = only(bench.scan(2, False), "close")
    assert (closed.flags, closed.duration_s) == (frozenset(), 1.0)


@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize("value", [True, False])
def test_e15_a_step_while_the_link_is_down_moves_what_was_last_known(step_s: float, value: bool) -> None:
    bench = Bench()
    bench.scan(0, value)
    bench.scan(1, value)
    bench.fail(2)
    bench.step_s = step_s
    bench.fail(3)
    changed = only([one for one in bench.scan(4, not value) if one.tag == "P1"], "close" if value else "open")
    assert (changed.earliest_utc, changed.ts_utc, changed.quality) == (at(1 + step_s), at(4 + step_s) + RTT, "gap")
    if value:
        assert changed.duration_s == 4.0


@pytest.mark.parametrize("step_s", STEPS_S)
def test_e15_a_step_while_the_controller_is_frozen(step_s: float) -> None:
    bench = Bench()
    bench.scan(0, True)
    bench.scan(1, True, frozen="PROGRAM")
    bench.step_s = step_s
    only(bench.scan(2, True, frozen="PROGRAM"), "shift")
    closed = only(bench.scan(3, False), "close")
    assert (closed.earliest_utc, closed.ts_utc, closed.duration_s) == (at(step_s), at(3 + step_s) + RTT, 3.0)


@pytest.mark.parametrize("step_s", STEPS_S)
def test_e15_a_step_during_a_delay_moves_the_change_that_waits(step_s: float) -> None:
    bench = Bench(tag={"on_delay_s": 3.0, "off_delay_s": 3.0})
    bench.scan(0, False)
    bench.scan(1, True)
    bench.step_s = step_s
    assert bench.scan(2, True) == []
    opened = only(bench.scan(5, True), "open")
    assert (opened.earliest_utc, opened.ts_utc) == (at(step_s), at(1 + step_s) + RTT)
    assert opened.flags == {"clock_step"}
    bench.scan(6, False)
    bench.step_s = 0.0
    assert only(bench.scan(7, False), "shift").tag == "P1"
    closed = only(bench.scan(10, False), "close")
    assert (closed.earliest_utc, closed.ts_utc, closed.duration_s) == (at(5), at(6) + RTT, 5.0)


@pytest.mark.parametrize("step_s", STEPS_S)
def test_e15_an_outage_moves_with_the_clock(step_s: float) -> None:
    bench = Bench()
    bench.scan(0, False)
    bench.fail(1)
    only(bench.fail(7), "open", COMM_TAG)
    bench.step_s = step_s
    only(bench.fail(8), "shift", COMM_TAG)
    closed = only(bench.scan(9, False), "close", COMM_TAG)
    assert (closed.earliest_utc, closed.duration_s) == (at(8 + step_s), 8.1)


def restarted(step_s: float, value: bool, boot: str = "one") -> Bench:
    """A run of the same boot, or another one, that begins at second 20, the clock having been set in between."""
    states = {"P1": LastState(value, at(9))}
    memory = PlcMemory(states, {"P1": at(1)} if value else {}, clock=ClockMark("10.0.0.1", at(5), 5.0, "one"))
    bench = Bench(memory, boot=boot)
    bench.step_s = step_s
    return bench


def transitions_of(changes: List[Change]) -> List[Transition]:
    return [one for one in changes if isinstance(one, Transition)]


@pytest.mark.parametrize("step_s", STEPS_S)
def test_e15_a_step_over_a_restart_within_one_boot_is_noticed(step_s: float) -> None:
    found = restarted(step_s, True).scan(20, True)
    shifted, amended = transitions_of(found)
    assert (shifted.kind, round(shifted.shift_s, 3), shifted.flags) == ("shift", step_s, {"clock_step"})
    assert (amended.kind, round(amended.gap_s, 3)) == ("amend", 11.1)
    shifted, closed = transitions_of(restarted(step_s, True).scan(20, False))
    assert (closed.kind, closed.earliest_utc, closed.duration_s) == ("close", at(9 + step_s), None)
    opened = only(restarted(step_s, False).scan(20, True), "open")
    assert (opened.earliest_utc, opened.ts_utc) == (at(9 + step_s), at(20 + step_s) + RTT)


def test_e15_no_step_over_a_restart_is_none() -> None:
    amended = only(restarted(0.0, True).scan(20, True), "amend")
    assert (round(amended.gap_s, 3), amended.flags) == (11.1, frozenset())


def test_e15_over_a_reboot_a_clock_that_went_back_leaves_no_bound() -> None:
    shifted, closed = transitions_of(restarted(-3600.0, True, "two").scan(20, False))
    assert shifted.kind == "shift"
    start_utc = at(1) + timedelta(seconds=shifted.shift_s)
    assert start_utc < closed.ts_utc
    assert closed.earliest_utc == start_utc, "nothing tells how long it was TRUE: all of it is uncertain"
    opened = only(restarted(-3600.0, False, "two").scan(20, True), "open")
    assert (opened.earliest_utc, opened.quality) == (None, "gap")
    only(restarted(3600.0, True, "two").scan(20, False), "close")


def test_e15_the_clocks_are_marked_at_the_start_and_after_a_step() -> None:
    bench = Bench(boot="one")
    assert bench.scan(0, False) == [ClockMark("10.0.0.1", at(0) + RTT, 0.1, "one")]
    assert bench.scan(1, False) == []
    bench.step_s = 60.0
    assert bench.scan(2, False) == [ClockMark("10.0.0.1", at(62) + RTT, 2.1, "one")]
    bench.step_s = 60.3  # steered by less than a step
    assert [type(one) for one in bench.scan(3, False)] == [ClockMark]


@pytest.mark.parametrize("value", [True, False])
def test_e15_a_machine_that_stood_still_is_a_gap_and_no_step(value: bool) -> None:
    bench = Bench()
    bench.scan(0, value)
    bench.scan(1, value)
    found = bench.scan(601, not value)
    changed = only(found, "close" if value else "open")
    assert (changed.earliest_utc, changed.quality, changed.flags) == (at(1), "gap", frozenset())
    assert [(one.from_utc, one.to_utc) for one in gaps_of(found)] == [(at(1), at(601) + RTT)]
    bench = Bench()
    bench.scan(0, True)
    bench.scan(1, True)
    amended = only(bench.scan(601, True), "amend")
    assert (amended.gap_count, round(amended.gap_s, 3), amended.flags) == (1, 600.0, frozenset())
    assert bench.scan(602, True) == []


def test_e15_a_slow_scan_is_no_standstill() -> None:
    bench = Bench()
    bench.scan(0, False)
    slow = Scan(at(1), at(61), 60.0, (("P1", Sample(True)),))
    opened = only(bench.detector.on_scan(slow, 61.0), "open")
    assert (opened.earliest_utc, opened.quality) == (at(0), "sampled")


@given(st.lists(st.tuples(st.sampled_from([True, False, BAD, "fail", "frozen"]), st.sampled_from([0.0, *STEPS_S]))))
def test_e15_whatever_the_clock_does_durations_are_the_steady_clocks(steps: List[Any]) -> None:
    bench, since_s, start, earliest = Bench(), 0.0, T0, T0
    for second, (step, clock_s) in enumerate(steps):
        bench.step_s += clock_s
        if step == "fail":
            found = bench.fail(second)
        else:
            found = bench.scan(second, True if step == "frozen" else step, "PROGRAM" if step == "frozen" else None)
        for one in transitions_of(found):
            if one.tag != "P1":
                continue
            if one.kind == "shift":
                start += timedelta(seconds=one.shift_s)
            elif one.kind == "open":
                since_s, start, earliest = second + 0.1, one.ts_utc, one.earliest_utc or one.ts_utc
                assert earliest <= start
            elif one.kind == "close":
                assert one.duration_s == pytest.approx(second + 0.1 - since_s)
                assert abs((one.ts_utc - start).total_seconds() - one.duration_s) < 0.002
                assert one.earliest_utc is not None
                assert one.earliest_utc < one.ts_utc


def test_e19_a_single_tag_that_was_not_seen_leaves_a_gap() -> None:
    for value in (True, False):
        bench = Bench()
        bench.scan(0, value)
        bench.scan(1, value)
        bench.scan(2, Sample(None, "BadSensorFailure (0x808C0000)"))
        bench.scan(5, Sample(None, "another"))
        (gap,) = gaps_of(bench.scan(9, value))
        assert gap == Gap("10.0.0.1", "P1", at(1), at(9) + RTT, "BadSensorFailure (0x808C0000)")
        assert gaps_of(bench.scan(10, value)) == []
        bench.scan(11, BAD)
        assert gaps_of(bench.scan(13, value)) == [], "shorter than the delay of an outage"


def test_e19_an_outage_of_the_link_leaves_no_gaps_of_tags_a_controller_that_stands_still_does() -> None:
    bench = Bench()
    bench.scan(0, False)
    bench.fail(1)
    bench.fail(60)
    assert gaps_of(bench.scan(61, False)) == []
    bench.scan(62, False, frozen="controller in PROGRAM mode")
    bench.scan(69, False, frozen="controller in PROGRAM mode")
    (gap,) = gaps_of(bench.scan(70, False))
    assert (gap.from_utc, gap.cause) == (at(61), "controller in PROGRAM mode")


def test_e19_a_tag_that_was_bad_before_a_restart_leaves_its_gap() -> None:
    alive = ClockMark("", at(-5), -5.0, "one")
    memory = PlcMemory({"P1": LastState(False, at(-600))}, alive=alive)
    (gap,) = gaps_of(Bench(memory).scan(0, False))
    assert (gap.from_utc, gap.to_utc) == (at(-600), at(0) + RTT)
    live = PlcMemory({"P1": LastState(False, at(-9))}, alive=alive)
    assert gaps_of(Bench(live).scan(0, False)) == [], "seen to the end of the run: @collector tells the rest"
    down = PlcMemory({"P1": LastState(False, at(-600))}, {COMM_TAG: at(-600)}, alive=alive)
    assert gaps_of(Bench(down).scan(0, False)) == [], "@comm tells it"


def test_e19_a_cause_is_one_short_line() -> None:
    bench = Bench()
    bench.scan(0, False)
    bench.scan(1, Sample(None, "x\n" * 1000))
    (gap,) = gaps_of(bench.scan(9, False))
    assert gap.cause == ("x " * 100)[:200]


def test_e9_a_tag_that_stays_bad_over_a_restart_is_noted_as_such() -> None:
    bench = Bench(PlcMemory({"P1": LastState(False, at(-10)), COMM_TAG: LastState(False, at(-1))}))
    bench.scan(0, BAD)
    assert bench.detector.take_notes() == (at(0), {"P1": (False, at(-10)), COMM_TAG: (False, None)})
    bench.scan(1, BAD)
    assert bench.detector.take_notes() == (at(1), {})


def test_e20_started_blind_the_first_contact_ends_what_the_file_may_hold_open() -> None:
    blind = Bench(PlcMemory(is_known=False))
    closed = [one for one in transitions_of(blind.scan(0, False)) if one.tag == "P1"]
    assert [(one.kind, one.quality, one.earliest_utc, one.ts_utc) for one in closed] == [
        ("close", "gap", None, at(0) + RTT)
    ]
    assert blind.scan(1, False) == []
    only(blind.scan(2, True), "open")
    assert only(blind.scan(3, False), "close").duration_s == 1.0
    blind = Bench(PlcMemory(is_known=False))
    opened = [one for one in transitions_of(blind.scan(0, True)) if one.tag == "P1"]
    assert [(one.kind, one.quality) for one in opened] == [("open", "at_connect")]
    assert only(blind.scan(3, False), "close").duration_s is None, "it may have begun in an earlier run"


def test_e16_every_state_seen_by_a_scan_is_an_event() -> None:
    bench = Bench()
    kinds = [one.kind for second in range(20) for one in bench.scan(second, second % 2 == 1)]
    assert kinds == ["open", "close"] * 9 + ["open"]


TRUSTED = OpcUaSettings(trust_device_time=True)


def test_e16_pulses_between_scans_come_with_the_devices_own_times() -> None:
    bench = Bench(opcua=TRUSTED)
    bench.scan(0, False)
    pulse = [("P1", Sample(True, changed_utc=at(0.5))), ("P1", Sample(False, changed_utc=at(0.7)))]
    opened, closed = bench.scan(1, False, more=pulse)
    assert (opened.quality, opened.ts_utc, closed.ts_utc) == ("exact", at(0.5), at(0.7))
    assert opened.earliest_utc < at(0.5)


def test_e16_a_devices_time_claims_no_more_than_is_known_of_its_clock() -> None:
    bench = Bench(opcua=TRUSTED)
    bench.scan(0, False)
    pulse = [("P1", Sample(True, changed_utc=at(0.5), changed_within_s=0.02))]
    (opened,) = bench.scan(1, False, more=pulse)
    assert (opened.quality, opened.ts_utc) == ("exact", at(0.52))
    assert at(0.479) <= opened.earliest_utc < at(0.48)
    late = Bench(opcua=TRUSTED)
    late.scan(0, False)
    pulse = [("P1", Sample(True, changed_utc=at(0.01), changed_within_s=0.02))]
    (opened,) = late.scan(1, False, more=pulse)
    assert (opened.earliest_utc, opened.ts_utc) == (at(0), at(0.03))


def test_e21_a_devices_time_is_kept_beside_what_was_seen() -> None:
    bench = Bench()
    bench.scan(0, False)
    opened = only(bench.scan(1, Sample(True, changed_utc=at(0.5), changed_within_s=0.001)), "open")
    assert (opened.quality, opened.earliest_utc, opened.ts_utc) == ("sampled", at(0), at(1) + RTT)
    assert opened.device_utc == at(0.5)
    closed = only(bench.scan(2, Sample(False, changed_utc=at(-500))), "close")
    assert (closed.quality, closed.earliest_utc, closed.ts_utc) == ("sampled", at(1), at(2) + RTT)
    assert closed.device_utc == at(-500)


@pytest.mark.parametrize("stamp_s", [-0.4, 0.0, 1.2, 3600.0])
def test_e21_a_trusted_time_outside_of_what_was_seen_makes_nothing_exact(stamp_s: float) -> None:
    bench = Bench(opcua=TRUSTED)
    bench.scan(0, False)
    opened = only(bench.scan(1, Sample(True, changed_utc=at(stamp_s), changed_within_s=0.001)), "open")
    assert (opened.quality, opened.earliest_utc, opened.ts_utc) == ("sampled", at(0), at(1) + RTT)


def test_e21_a_claim_that_has_not_proven_to_be_a_time_of_change_is_only_kept() -> None:
    bench = Bench(opcua=TRUSTED)
    bench.scan(0, False)
    opened = only(bench.scan(1, Sample(True, changed_utc=at(0.5), changed_within_s=float("inf"))), "open")
    assert (opened.quality, opened.device_utc) == ("sampled", at(0.5))


def test_e21_an_exact_edge_is_no_narrower_than_the_servers_sampling() -> None:
    bench = Bench(opcua=TRUSTED)
    bench.scan(0, False)
    sample = Sample(True, changed_utc=at(0.5), changed_within_s=0.01, sampling_s=0.1)
    opened = only(bench.scan(1, sample), "open")
    assert (opened.quality, opened.ts_utc) == ("exact", at(0.51))
    assert at(0.388) <= opened.earliest_utc < at(0.39)


def test_e21_after_an_outage_a_trusted_time_is_only_kept() -> None:
    bench = Bench(opcua=TRUSTED)
    bench.scan(0, False)
    bench.fail(1)
    opened = only(bench.scan(3, Sample(True, changed_utc=at(2.5), changed_within_s=0.001)), "open")
    assert (opened.quality, opened.earliest_utc, opened.device_utc) == ("gap", at(0), at(2.5))


@pytest.mark.parametrize("value", [7, "MAYBE", 0.5, float("nan"), None, (True,)])
def test_e18_what_is_no_boolean_is_a_bad_sample_that_names_it(value: Any) -> None:
    sample = as_state_sample("P1", Sample(value))
    assert sample.value is None
    assert "P1" in str(sample.error)
    assert repr(value) in str(sample.error)
    bench = Bench()
    bench.scan(0, True)
    assert bench.scan(1, sample) == []


@pytest.mark.parametrize(("value", "state"), [(1, True), (0, False), ("on", True), ("FALSE", False), (True, True)])
def test_e18_what_counts_as_a_boolean(value: Any, state: bool) -> None:
    assert as_state_sample("P1", Sample(value)).value is state


def test_on_delay_keeps_the_time_of_the_change() -> None:
    bench = Bench(tag={"on_delay_s": 3.0})
    bench.scan(0, False)
    assert bench.scan(1, True) == []
    assert bench.scan(2, False) == []
    assert bench.scan(3, True) == []
    assert bench.scan(5, True) == []
    opened = only(bench.scan(6.5, True), "open")
    assert (opened.earliest_utc, opened.ts_utc) == (at(2), at(3) + RTT)


def test_off_delay_bridges_a_short_false() -> None:
    bench = Bench(tag={"off_delay_s": 3.0})
    bench.scan(0, True)
    assert bench.scan(1, False) == []
    assert bench.detector.take_notes()[1]["P1"] == (True, at(0))
    assert bench.scan(2, True) == []
    assert bench.scan(3, False) == []
    closed = only(bench.scan(7, False), "close")
    assert (closed.earliest_utc, closed.ts_utc) == (at(2), at(3) + RTT)


def test_delay_counts_an_outage_before_a_false_that_was_none() -> None:
    bench = Bench(tag={"off_delay_s": 3.0})
    bench.scan(0, True)
    bench.fail(1)
    assert bench.scan(2, False) == []
    assert only(bench.scan(3, True), "amend").gap_count == 1


@pytest.mark.parametrize(("opcua", "kinds"), [(TRUSTED, ["open"]), (OpcUaSettings(), [])])
def test_delays_count_by_trusted_device_times_only(opcua: OpcUaSettings, kinds: List[str]) -> None:
    bench = Bench(tag={"on_delay_s": 0.5, "off_delay_s": 0.5}, opcua=opcua)
    bench.scan(0, False)
    pulse = [("P1", Sample(True, changed_utc=at(0.1))), ("P1", Sample(False, changed_utc=at(0.9)))]
    found = transitions_of(bench.scan(1, False, more=pulse))
    assert [one.kind for one in found] == kinds
    if kinds:
        assert found[0].ts_utc == at(0.1)
        closed = only(bench.scan(2, False), "close")
        assert (closed.ts_utc, closed.duration_s) == (at(0.9), 0.8)


def test_delay_over_an_outage_with_device_times_keeps_the_first_time_seen_and_the_gap() -> None:
    bench = Bench(tag={"on_delay_s": 3.0, "off_delay_s": 3.0}, opcua=TRUSTED)
    bench.scan(0, False)
    assert bench.scan(1, Sample(True, changed_utc=at(0.5), changed_within_s=0.01)) == []
    bench.fail(2)
    bench.step_s = 3600.0
    bench.fail(3)
    opened = only(bench.scan(6, Sample(True, changed_utc=at(3600.5), changed_within_s=0.01)), "open")
    assert (opened.quality, opened.ts_utc, opened.device_utc) == ("exact", at(3600.51), at(3600.5))
    assert (opened.gap_count, round(opened.gap_s, 3), opened.flags) == (1, 5.0, {"clock_step"})
    assert bench.scan(7, Sample(False, changed_utc=at(3606.5), changed_within_s=0.01)) == []
    bench.fail(8)
    closed = only(bench.scan(11, False), "close")
    assert (closed.quality, closed.ts_utc, closed.duration_s) == ("exact", at(3606.51), 6.0)


def test_delay_a_change_that_pends_while_seen_differently_after_the_outage_was_none() -> None:
    bench = Bench(tag={"on_delay_s": 3.0}, opcua=TRUSTED)
    bench.scan(0, False)
    bench.scan(1, Sample(True, changed_utc=at(0.5)))
    bench.fail(2)
    assert bench.scan(9, Sample(False, changed_utc=at(8.5))) == [], "nobody saw it last for its delay"
    assert bench.detector.open_tags == []
    bench.scan(10, BAD)
    opened = [bench.scan(second, True) for second in (11, 12, 15)][-1]
    assert only(opened, "open").quality == "gap"


def test_chatter_is_flagged_and_nothing_is_dropped() -> None:
    bench = Bench(chatter_count=4, chatter_window_s=60.0)
    found = [one for second in range(10) for one in bench.scan(second, second % 2 == 1)]
    assert ["chatter" in one.flags for one in found] == [False] * 4 + [True] * 5


def test_times_are_never_before_the_truth() -> None:
    bench = Bench()
    bench.detector.on_scan(Scan(T0, T0, 0.0, (("P1", Sample(False)),)), 0.0)
    late = T0 + timedelta(microseconds=1500)
    (opened,) = bench.detector.on_scan(Scan(T0, late, 0.0, (("P1", Sample(True)),)), 0.1)
    assert opened.ts_utc == T0 + timedelta(milliseconds=2)
