"""The server's clock against ours, and which source timestamps are times of change."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conectpy.drivers.ua.clock import WALL_RESOLUTION_S, ChangeTimes, ClockOffset, DeviceTime

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


@given(
    st.floats(-1e5, 1e5),
    st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0.01, 5)), min_size=1, max_size=20),
)
def test_the_offset_lies_where_every_exchange_says(true_s: float, exchanges: list) -> None:
    clock, now_s = ClockOffset(), 1e9
    assert clock.ahead_of(now_s, now_s) is None
    for there_s, back_s, pause_s in exchanges:
        clock.add(now_s, now_s + there_s + true_s, now_s + there_s + back_s)
        now_s += there_s + back_s + pause_s
    ahead_s = clock.ahead_of(now_s, now_s)
    assert ahead_s is not None
    assert abs(ahead_s - true_s) <= clock.uncertainty_s * 2 + 1e-5
    assert clock.uncertainty_s <= 0.2 + 0.01


def test_clocks_that_agree_are_said_to_agree_and_a_step_is_followed() -> None:
    clock = ClockOffset()
    clock.add(100.0, 100.01, 100.03)
    assert clock.ahead_of(100.0, 100.0) == 0.0
    clock.add(101.0, 161.01, 101.03)
    assert clock.ahead_of(101.0, 101.0) == pytest.approx(60.0, abs=0.03)


def scans(times: ChangeTimes, count: int, from_s: float, step_s: float = 1.0) -> float:
    for number in range(count):
        times.begin_scan(from_s + number * step_s)
    return from_s + count * step_s


def test_a_timestamp_is_believed_after_it_stayed_put_and_not_once_it_moves() -> None:
    times = ChangeTimes([0, 1])
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
    times = ChangeTimes([0])
    times.begin_scan(0.0)
    times.on_changed(0)
    scans(times, 10, 0.1, 0.1)
    assert not times.has_proven(0)


def holds(found: Optional[DeviceTime], truth: datetime) -> bool:
    """Whether the truth lies in what the device's time leaves open, and that is not much."""
    assert found is not None
    return abs((found.moment_utc - truth).total_seconds()) <= found.within_s <= 0.01 + WALL_RESOLUTION_S


def test_a_device_time_needs_an_offset_that_is_known_well() -> None:
    clock, at_s = ClockOffset(), START.timestamp()
    until = START + timedelta(seconds=1)
    assert clock.to_utc(at_s + 0.5, until, 1001.0) is None, "nothing is known of the clock"
    clock.add(1000.0, at_s + 0.005, 1000.01)
    assert holds(clock.to_utc(at_s + 0.5, until, 1001.0), START + timedelta(seconds=0.5))
    assert clock.to_utc(1e300, until, 1001.0) is None
    clock.add(1001.0, at_s + 11.005, 1001.01)
    assert holds(clock.to_utc(at_s + 10.5, until, 1001.0), START + timedelta(seconds=0.5)), "ten seconds ahead"
    vague = ClockOffset()
    vague.add(1000.0, at_s + 0.5, 1001.0)
    found = vague.to_utc(at_s + 0.5, until, 1001.0)
    assert found is not None
    assert found.within_s == float("inf")


def test_a_device_time_is_the_vaguer_the_older_its_offset_and_the_stamp_are() -> None:
    clock, at_s = ClockOffset(), START.timestamp()
    clock.add(1000.0, at_s, 1000.0)
    fresh = clock.to_utc(at_s, START, 1000.0)
    late = clock.to_utc(at_s + 10.0, START + timedelta(seconds=10), 1010.0)
    old = clock.to_utc(at_s - 10.0, START, 1000.0)
    assert fresh is not None
    assert late is not None
    assert old is not None
    assert late.within_s == pytest.approx(fresh.within_s + 10 * 500e-6, abs=1e-6)
    assert old.within_s == pytest.approx(fresh.within_s + 10 * 500e-6, abs=2e-6)


@given(
    st.floats(-500e-6, 500e-6),
    st.lists(st.tuples(st.floats(0, 0.05), st.floats(0, 0.05), st.floats(0.05, 30), st.floats(0, 1)), min_size=1),
)
def test_e21_the_truth_lies_within_a_device_time_whatever_the_drift(drift: float, exchanges: list) -> None:
    clock, now_s, at_s = ClockOffset(), 1000.0, START.timestamp()

    def server_s(steady_s: float) -> float:
        return round(at_s + (steady_s - 1000.0) * (1 + drift) - 0.0005, 3)  # cut to milliseconds

    for there_s, back_s, pause_s, part in exchanges:
        clock.add(now_s, server_s(now_s + there_s), now_s + there_s + back_s)
        received_s = now_s + there_s + back_s
        edge_s = received_s - part * pause_s
        found = clock.to_utc(server_s(edge_s), START + timedelta(seconds=received_s - 1000.0), received_s)
        assert found is not None
        truth_utc = START + timedelta(seconds=edge_s - 1000.0)
        assert abs((found.moment_utc - truth_utc).total_seconds()) <= found.within_s + 1e-5
        now_s = received_s + pause_s
