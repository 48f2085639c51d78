"""Other settings for a detector that is at work: what is open goes on, what has left ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, List, Optional

from conectpy.events.detector import Detector
from conectpy.models import COMM_TAG, Change, Gap, PlcMemory, Sample, Scan, Transition
from conectpy.settings.types import PlcSettings, TagSettings

T0 = datetime(2026, 3, 1, 7, tzinfo=timezone.utc)
P1, P2 = (TagSettings(name, name, is_state=True) for name in ("P1", "P2"))
PLC = PlcSettings("10.0.0.1", "Plant", comm_delay_s=5.0, tags=(P1, P2))


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def scan(detector: Detector, second: float, frozen: Optional[str] = None, **values: Any) -> List[Change]:
    samples = tuple((tag, one if isinstance(one, Sample) else Sample(one)) for tag, one in values.items())
    return detector.on_scan(Scan(at(second), at(second), 0.1, samples, frozen), second)


def kinds(changes: List[Change]) -> List[Any]:
    return [(one.kind, one.tag, one.quality) for one in changes if isinstance(one, Transition)]


def test_e12_a_tag_that_leaves_ends_and_the_others_go_on() -> None:
    detector = Detector(PLC, PlcMemory())
    scan(detector, 0, P1=True, P2=True)
    scan(detector, 1)
    (end,) = detector.take_settings(replace(PLC, tags=(P2,)), at(1.5), 1.5)
    assert (end.kind, end.tag, end.quality) == ("close", "P1", "removed")
    assert (end.earliest_utc, end.ts_utc) == (at(1), at(1.5))
    assert scan(detector, 2, P1=False, P2=True) == []
    assert kinds(scan(detector, 3, P2=False)) == [("close", "P2", "sampled")]
    assert detector.take_settings(PLC, at(4), 4) == []
    assert kinds(scan(detector, 5, P1=True, P2=False)) == [("open", "P1", "at_connect")]


def test_e12_what_was_not_known_at_the_end_says_so() -> None:
    detector = Detector(PLC, PlcMemory())
    scan(detector, 0, P1=True, P2=True)
    detector.on_failure(at(3), 3)
    first, second = detector.close_all(at(4), 4)
    assert [(one.tag, one.earliest_utc, one.ts_utc) for one in (first, second)] == [
        ("P1", at(0), at(4)),
        ("P2", at(0), at(4)),
    ]
    assert detector.open_tags == []


def test_e12_a_wall_clock_set_back_gives_no_negative_duration() -> None:
    detector = Detector(PLC, PlcMemory())
    scan(detector, 100, P1=True)
    shift, end = detector.close_all(at(10), 103)
    assert isinstance(shift, Transition)
    assert isinstance(end, Transition)
    assert (shift.kind, shift.shift_s) == ("shift", -93.0)
    assert (end.kind, end.ts_utc, end.earliest_utc, end.duration_s) == ("close", at(10), at(7), 3.0)


def test_e12_a_tag_that_leaves_while_it_is_bad_leaves_its_gap() -> None:
    detector = Detector(PLC, PlcMemory())
    scan(detector, 0, P1=False, P2=False)
    scan(detector, 1, P1=Sample(None, "sensor broken"))
    assert detector.take_settings(replace(PLC, tags=(P2,)), at(30), 30) == [
        Gap("10.0.0.1", "P1", at(0), at(30), "sensor broken")
    ]


def test_a_pause_that_the_settings_ask_for_is_no_gap() -> None:
    slow = replace(PLC, interval_s=3600.0)
    detector = Detector(slow, PlcMemory())
    scan(detector, 0, P1=True)
    assert detector.take_settings(PLC, at(3000), 3000) == []
    assert scan(detector, 3001) == []
    assert kinds(scan(detector, 3002, P1=False)) == [("close", "P1", "sampled")]


def test_a_new_connection_that_takes_long_is_a_gap_and_no_machine_stood_still() -> None:
    detector = Detector(PLC, PlcMemory())
    scan(detector, 0, P1=True)
    assert detector.take_settings(replace(PLC, timeout_s=1.0), at(1), 1) == []
    gap, amend = scan(detector, 60, P1=True)
    assert gap == Gap("10.0.0.1", "P1", at(0), at(60), "connecting under other settings took long")
    assert isinstance(amend, Transition)
    assert (amend.kind, amend.gap_count, amend.gap_s) == ("amend", 1, 60.0)


def test_e12_an_outage_that_is_open_ends_with_its_plc() -> None:
    detector = Detector(PLC, PlcMemory())
    scan(detector, 0, P1=False)
    for second in range(1, 8):
        detector.on_failure(at(second), second)
    assert kinds(detector.close_all(at(9), 9)) == [("close", COMM_TAG, "removed")]


def test_delays_hold_from_now_on_also_for_what_waits() -> None:
    detector = Detector(replace(PLC, tags=(replace(P1, on_delay_s=60.0),)), PlcMemory())
    scan(detector, 0, P1=False)
    assert scan(detector, 1, P1=True) == []
    detector.take_settings(replace(PLC, tags=(replace(P1, on_delay_s=2.0),), comm_delay_s=0.0), at(2), 2)
    (opened,) = scan(detector, 3.5)
    assert (opened.kind, opened.ts_utc) == ("open", at(1))
    assert kinds(detector.on_failure(at(4), 4)) == [("open", COMM_TAG, "sampled")]


def test_nothing_is_left_of_a_tag_that_waits_fails_or_stands_still() -> None:
    detector = Detector(replace(PLC, tags=(replace(P1, on_delay_s=60.0), P2)), PlcMemory())
    scan(detector, 0, P1=False, P2=True)
    scan(detector, 1, P1=True)
    scan(detector, 2, P2=Sample(None, "no such tag", is_vanished=True))
    scan(detector, 3, frozen="not in RUN")
    assert kinds(detector.take_settings(replace(PLC, tags=()), at(4), 4)) == [("close", "P2", "removed")]
    assert scan(detector, 500) == []
    assert detector.take_notes()[1].keys() <= {COMM_TAG}


def test_settings_that_only_look_other_change_nothing() -> None:
    detector = Detector(PLC, PlcMemory())
    scan(detector, 0, P1=True, P2=False)
    assert detector.take_settings(replace(PLC, tags=(P2, P1)), at(1), 1) == []
    assert scan(detector, 2) == []
    assert detector.open_tags == ["P1"]
