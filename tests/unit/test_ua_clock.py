"""The server's clock against ours, and which source timestamps are times of change."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conectpy.drivers.ua.clock import ChangeTimes, ClockOffset, DeviceTime

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


@given(
    st.floats(-1e5, 1e5),
    st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0.01, 5)), min_size=1, max_size=20),
)
def test_the_offset_lies_where_every_exchange_says(true_s: float, exchanges: list) -> None:
    clock, now_s = ClockOffset(), 1e9
    assert clock.offset_s is None
    for there_s, back_s, pause_s in exchanges:
        clock.add(now_s, now_s + there_s + true_s, now_s + there_s + back_s)
        now_s += there_s + back_s + pause_s
    assert clock.offset_s is not None
    assert abs(clock.offset_s - true_s) <= clock.uncertainty_s * 2 + 1e-5
    assert clock.uncertainty_s <= 0.2 + 0.01


def test_clocks_that_agree_are_said_to_agree_and_a_step_is_followed() -> None:
    clock = ClockOffset()
    clock.add(100.0, 100.01, 100.03)
    assert clock.offset_s == 0.0
    clock.add(101.0, 161.01, 101.03)
    assert clock.offset_s == pytest.approx(60.0, abs=0.03)


def scans(times: ChangeTimes, count: int, from_s: float, step_s: float = 1.0) -> float:
    for number in range(count):
        times.begin_scan(from_s + number * step_s)
    return from_s + count * step_s


def test_a_timestamp_is_believed_after_it_stayed_put_and_not_once_it_moves() -> None:
    times = ChangeTimes([0, 1], ClockOffset())
    now_s = scans(times, 1, 0.0)
    assert not times.on_changed(0)
    now_s = scans(times, 4, now_s)
    assert times.on_changed(0)
    now_s = scans(times, 1, now_s)
    assert times.on_changed(0), "what is proven stays so"
    times.on_moved([0])
    assert not times.has_proven(0)
    now_s = scans(times, 30, now_s)
    assert not times.has_proven(0), "a timestamp that moved has to stay put for a minute"
    now_s = scans(times, 40, now_s)
    assert times.has_proven(0)
    times.on_moved([0])
    times.on_moved([0])
    scans(times, 10_000, now_s)
    assert not times.has_proven(0)
    assert times.moving == {0}


def test_many_fast_scans_prove_nothing() -> None:
    times = ChangeTimes([0], ClockOffset())
    times.begin_scan(0.0)
    times.on_changed(0)
    scans(times, 10, 0.1, 0.1)
    assert not times.has_proven(0)


def holds(found: Optional[DeviceTime], truth: datetime) -> bool:
    """Whether the truth lies in what the device's time leaves open, and that is not much."""
    assert found is not None
    return abs((found.moment_utc - truth).total_seconds()) <= found.within_s <= 0.01


def test_a_device_time_must_lie_between_the_scans_and_the_offset_must_be_known() -> None:
    clock = ClockOffset()
    times = ChangeTimes([0], clock)
    at_s = START.timestamp()
    until = START + timedelta(seconds=1)
    assert times.to_utc(at_s + 0.5, START, until) is None, "nothing is known of the clock"
    clock.add(at_s, at_s + 0.005, at_s + 0.01)
    assert holds(times.to_utc(at_s + 0.5, START, until), START + timedelta(seconds=0.5))
    assert times.to_utc(at_s - 0.5, START, until) is None
    assert times.to_utc(at_s + 1.5, START, until) is None
    assert times.to_utc(at_s + 0.5, None, until) is None
    assert times.to_utc(1e300, START, until) is None
    clock.add(at_s + 1, at_s + 11.005, at_s + 1.01)
    assert times.to_utc(at_s + 0.5, START, until) is None, "a clock ten seconds ahead"
    assert holds(times.to_utc(at_s + 10.5, START, until), START + timedelta(seconds=0.5))
    vague = ClockOffset()
    vague.add(at_s, at_s + 0.5, at_s + 1.0)
    assert ChangeTimes([0], vague).to_utc(at_s + 0.5, START, until) is None
