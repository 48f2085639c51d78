"""Run hours: cut at bounds, days of 23 and 25 hours, what is uncertain."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conectpy.events.run_hours import Bucket, Run, split, sum_runs
from conectpy.timestamps import ZoneInfo

UTC = timezone.utc
HOUR_S = 3600.0


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type]


DAYS, EDGES = split(utc(2026, 3, 1), utc(2026, 3, 3), "day", UTC)
T0 = EDGES[0]


def two_days(*runs: Run, now_s: float = EDGES[-1], **more: Any) -> List[Bucket]:
    return sum_runs(runs, DAYS, EDGES, now_s, **more)


@pytest.mark.parametrize(
    ("zone", "from_utc", "to_utc", "hours"),
    [
        # years that are over: what a government decides for those to come changes with every issue of tzdata
        ("Europe/Madrid", utc(2024, 3, 29, 23), utc(2024, 4, 1, 22), [24, 23, 24]),
        ("Europe/Madrid", utc(2024, 10, 25, 22), utc(2024, 10, 28, 23), [24, 25, 24]),
        ("America/Santiago", utc(2024, 9, 7, 4), utc(2024, 9, 10, 3), [24, 23, 24]),  # midnight does not exist that day
        ("America/Havana", utc(2023, 11, 4, 4), utc(2023, 11, 7, 5), [24, 25, 24]),  # midnight comes twice
    ],
)
def test_days_follow_the_zone(zone: str, from_utc: datetime, to_utc: datetime, hours: List[int]) -> None:
    days, edges = split(from_utc, to_utc, "day", ZoneInfo(zone))
    assert [(b - a) / HOUR_S for a, b in zip(edges, edges[1:])] == hours
    assert [(day - days[0]).days for day in days] == [0, 1, 2]


def test_weeks_begin_on_monday_and_months_on_the_first_cut_at_the_bounds() -> None:
    days, edges = split(utc(2026, 3, 4), utc(2026, 3, 18, 12), "week", UTC)
    assert days == [date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 16)]
    assert (edges[0], edges[-1]) == (utc(2026, 3, 4).timestamp(), utc(2026, 3, 18, 12).timestamp())
    assert split(utc(2025, 11, 30), utc(2026, 1, 2), "month", UTC)[0] == [
        date(2025, 11, 1),
        date(2025, 12, 1),
        date(2026, 1, 1),
    ]


@pytest.mark.parametrize(
    ("from_utc", "to_utc", "by"),
    [
        (utc(2026, 1, 2), utc(2026, 1, 1), "day"),
        (utc(2026, 1, 1), utc(2026, 1, 2), "hour"),
        (utc(1, 1, 2), utc(9999, 1, 1), "day"),
    ],
)
def test_senseless_bounds_are_refused(from_utc: datetime, to_utc: datetime, by: str) -> None:
    with pytest.raises(ValueError, match=r"^(to|by): "):
        split(from_utc, to_utc, by, UTC)


def test_a_run_over_midnight_counts_in_both_days_and_starts_in_one() -> None:
    first, second = two_days(Run(T0 + 23 * HOUR_S, T0 + 26 * HOUR_S))
    assert (first.starts, first.true_s, first.longest_s) == (1, HOUR_S, HOUR_S)
    assert (second.starts, second.true_s, second.longest_s) == (0, 2 * HOUR_S, 2 * HOUR_S)


def test_runs_are_cut_at_the_bounds_and_open_ones_at_now() -> None:
    first, second = two_days(Run(T0 - 100, T0 + 50), Run(T0 + 30 * HOUR_S, None), now_s=T0 + 31 * HOUR_S)
    assert (first.starts, first.true_s) == (0, 50)
    assert (second.starts, second.true_s, second.uncertain_s) == (1, HOUR_S, 0)


def test_a_run_is_as_long_as_the_steady_clock_says() -> None:
    longer = Run(EDGES[1] - 100, EDGES[1] + 100, duration_s=100.0)  # the wall clock went ahead meanwhile
    assert [(day.true_s, day.longest_s) for day in two_days(longer)] == [(50.0, 50.0), (50.0, 50.0)]
    pinned = Run(T0 + 10, T0 + 10, duration_s=30.0)
    assert two_days(pinned)[0].true_s == 30.0


def test_already_true_at_the_first_contact_is_no_start() -> None:
    assert two_days(Run(T0 + 10, T0 + 20, is_start_seen=False))[0].starts == 0


def test_uncertain_edges() -> None:
    first, _ = two_days(Run(T0 + 100, T0 + 300, start_earliest_s=T0 + 60, end_earliest_s=T0 + 250))
    assert (first.true_s, first.uncertain_s, first.possible_s) == (200, 50, 40)


def test_an_open_event_that_is_stale_is_uncertain_since_it_was_seen() -> None:
    now_s = T0 + 3 * HOUR_S
    assert two_days(Run(T0, None), now_s=now_s, known_until_s=now_s - 5)[0].uncertain_s == 0
    assert two_days(Run(T0, None), now_s=now_s, known_until_s=T0 + HOUR_S)[0].uncertain_s == 2 * HOUR_S


def test_gaps_lie_where_the_link_was_down_and_are_spread_where_nobody_knows() -> None:
    run = Run(T0, T0 + 48 * HOUR_S, gap_s=2 * HOUR_S)
    outage = (T0 + 30 * HOUR_S, T0 + 32 * HOUR_S)
    assert [one.uncertain_s for one in two_days(run, outages=[outage])] == [0, 2 * HOUR_S]
    assert [one.uncertain_s for one in two_days(run)] == [HOUR_S, HOUR_S]


@given(st.lists(st.floats(0, 60 * HOUR_S), min_size=2, max_size=20, unique=True), st.floats(0, 60 * HOUR_S))
def test_sums_over_days_equal_the_sum_over_all(moments: List[float], now_s: float) -> None:
    moments.sort()
    runs = [Run(T0 - 6 * HOUR_S + a, T0 - 6 * HOUR_S + b) for a, b in zip(moments[::2], moments[1::2])]
    whole = sum(max(0.0, min(run.end_s or 0, EDGES[-1]) - max(run.start_s, T0)) for run in runs)
    buckets = two_days(*runs)
    assert sum(one.true_s for one in buckets) == pytest.approx(whole, abs=0.01)
    assert all(0 <= one.uncertain_s <= one.true_s and one.longest_s <= one.true_s + 0.001 for one in buckets)


def test_e15_hours_count_by_the_steady_clock_where_it_was_measured() -> None:
    first, second = two_days(
        Run(T0 + 23 * HOUR_S, T0 + 25 * HOUR_S, duration_s=HOUR_S, end_earliest_s=T0 + 24 * HOUR_S)
    )
    assert (first.true_s, second.true_s) == (HOUR_S / 2, HOUR_S / 2)
    assert (first.uncertain_s, second.uncertain_s) == (0, HOUR_S / 2)
    pulse = Run(T0 + 10, T0 + 10, duration_s=0.25)
    assert two_days(pulse)[0][3:6] == (1, 0.25, 0.25)
    assert two_days(pulse._replace(duration_s=0.0))[0][3:6] == (1, 0, 0)
