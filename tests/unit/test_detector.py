"""Promises E1 to E16 at their core: states and scans in, transitions out."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conectpy.events.detector import Detector
from conectpy.models import COMM_TAG, LastState, PlcMemory, Sample, Scan, Transition
from conectpy.settings.types import PlcSettings, TagSettings
from conectpy.values import as_state_sample

T0 = datetime(2026, 3, 1, 7, 0, tzinfo=timezone.utc)
RTT = timedelta(milliseconds=100)
BAD = Sample(None, "no data")
GONE = Sample(None, "no such tag", is_vanished=True)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class Bench:
    """Drives a detector with scans of 100 ms at given seconds, telling only changes, as a driver does."""

    def __init__(self, memory: Optional[PlcMemory] = None, tag: Optional[Dict[str, Any]] = None, **plc: Any) -> None:
        tags = (TagSettings("P1", "Pump", is_state=True, **(tag or {})), TagSettings("PT1", "Pressure"))
        plc = {"comm_delay_s": 5.0, "tag_lost_s": 60.0, **plc}
        self.detector = Detector(PlcSettings("10.0.0.1", "Plant", tags=tags, **plc), memory or PlcMemory())
        self.step_s = 0.0
        self.told: Any = None

    def scan(self, second: float, sample: Any, frozen: Optional[str] = None, more: Any = ()) -> List[Transition]:
        sample = sample if isinstance(sample, Sample) else Sample(sample)
        sent = at(second + self.step_s)
        samples = () if sample == self.told else (("P1", sample), ("PT1", Sample(1.5)))
        self.told = sample
        return self.detector.on_scan(Scan(sent, sent + RTT, 0.1, (*samples, *more), frozen), second + 0.1)

    def fail(self, second: float) -> List[Transition]:
        self.told = None
        return self.detector.on_failure(at(second + self.step_s), second)


def only(transitions: List[Transition], kind: str, tag: str = "P1") -> Transition:
    assert [(one.kind, one.tag) for one in transitions] == [(kind, tag)]
    return transitions[0]


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
            if one.tag == "P1" and one.kind != "amend":
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

    def scan(second: float, *samples: Any) -> List[Transition]:
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


@pytest.mark.parametrize("step_s", [-3600.0, -2.0, 2.0, 3600.0])
def test_e15_clock_steps_are_flagged_and_no_duration_is_negative(step_s: float) -> None:
    bench = Bench()
    bench.scan(0, False)
    opened = only(bench.scan(1, True), "open")
    bench.step_s = step_s
    amended = only(bench.scan(2, True), "amend")
    assert (amended.flags, amended.gap_count) == ({"clock_step"}, 0)
    closed = only(bench.scan(3, False), "close")
    assert closed.ts_utc >= opened.ts_utc
    assert closed.earliest_utc is None or closed.earliest_utc < closed.ts_utc


def test_e15_a_change_across_a_step_claims_no_false_interval() -> None:
    bench = Bench()
    bench.scan(0, False)
    bench.step_s = -3600
    opened = only(bench.scan(1, True), "open")
    assert (opened.earliest_utc, opened.flags) == (None, {"clock_step"})
    assert only(bench.scan(2, False), "close").flags == frozenset()


def test_e16_every_state_seen_by_a_scan_is_an_event() -> None:
    bench = Bench()
    kinds = [one.kind for second in range(20) for one in bench.scan(second, second % 2 == 1)]
    assert kinds == ["open", "close"] * 9 + ["open"]


def test_e16_pulses_between_scans_come_with_the_devices_own_times() -> None:
    bench = Bench()
    bench.scan(0, False)
    pulse = [("P1", Sample(True, changed_utc=at(0.5))), ("P1", Sample(False, changed_utc=at(0.7)))]
    opened, closed = bench.scan(1, False, more=pulse)
    assert (opened.quality, opened.ts_utc, closed.ts_utc) == ("exact", at(0.5), at(0.7))
    assert opened.earliest_utc < at(0.5)


def test_e16_a_devices_time_claims_no_more_than_is_known_of_its_clock() -> None:
    bench = Bench()
    bench.scan(0, False)
    pulse = [("P1", Sample(True, changed_utc=at(0.5), changed_within_s=0.02))]
    (opened,) = bench.scan(1, False, more=pulse)
    assert (opened.quality, opened.ts_utc) == ("exact", at(0.52))
    assert at(0.479) <= opened.earliest_utc < at(0.48)
    late = Bench()
    late.scan(0, False)
    pulse = [("P1", Sample(True, changed_utc=at(0.01), changed_within_s=0.02))]
    (opened,) = late.scan(1, False, more=pulse)
    assert (opened.earliest_utc, opened.ts_utc) == (at(0), at(0.03))


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
