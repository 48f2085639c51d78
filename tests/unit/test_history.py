from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional

from hypothesis import given
from hypothesis import strategies as st

from conectpy.live.recent_history import SCAN_TAG, History, thin_out
from conectpy.models import Sample, Scan
from conectpy.timestamps import to_text

T0 = datetime(2026, 3, 1, tzinfo=timezone.utc)
T0_MS = int(T0.timestamp() * 1000)
FOREVER_MS = T0_MS + 10**12


def record(history: History, second: float, values: Dict[str, Any], frozen: Optional[str] = None) -> None:
    at = T0 + timedelta(seconds=second)
    samples = tuple((tag, value if isinstance(value, Sample) else Sample(value)) for tag, value in values.items())
    history.record_scan("plc", Scan(at, at, 0.01, samples, frozen))


def read(history: History, tag: str = "A", from_ms: int = T0_MS, to_ms: int = FOREVER_MS) -> List[Any]:
    times, values = history.points("plc", tag, from_ms, to_ms)
    return [((at - T0_MS) / 1000, None if math.isnan(value) else value) for at, value in zip(times, values)]


def test_only_changes_are_kept() -> None:
    history = History()
    for second, value in enumerate([1.5, 1.5, 1.5, 2.0, 2.0, 1.5]):
        record(history, second, {"A": value})
    assert read(history) == [(0, 1.5), (3, 2.0), (5, 1.5)]


def test_a_constant_tag_costs_nothing() -> None:
    history = History()
    record(history, 0, {"A": 7})
    used = history.usage()["used_bytes"]
    for second in range(1, 2000):
        record(history, second, {"A": 7})
    assert history.usage()["used_bytes"] - used < 100  # the scan time is constant, too


def test_what_is_not_known_is_a_gap() -> None:
    history = History()
    record(history, 0, {"A": 1.0, "B": True})
    record(history, 1, {"A": Sample(None, "broken")})
    record(history, 2, {"A": 1.0})
    history.record_outage("plc", to_text(T0 + timedelta(seconds=3)))
    record(history, 4, {"A": 1.0, "B": True})
    assert read(history) == [(0, 1.0), (1, None), (2, 1.0), (3, None), (4, 1.0)]
    assert read(history, "B") == [(0, 1.0), (3, None), (4, 1.0)]


def test_a_frozen_controller_is_a_gap_after_which_unchanged_values_go_on() -> None:
    history = History()
    record(history, 0, {"A": 1.0})
    record(history, 1, {}, frozen="not in RUN")
    record(history, 2, {}, frozen="not in RUN")
    record(history, 3, {})
    assert read(history) == [(0, 1.0), (1, None), (3, 1.0)]


def test_texts_have_no_history_and_numbers_beyond_floats_are_gaps() -> None:
    history = History()
    record(history, 0, {"A": "text", "B": math.inf, "C": (1, 2)})
    assert history.tags("plc") == [SCAN_TAG, "B"] or set(history.tags("plc")) == {SCAN_TAG, "B"}
    assert read(history, "B") == []


def test_the_point_that_still_held_comes_first() -> None:
    history = History()
    for second in range(0, 100, 10):
        record(history, second, {"A": float(second)})
    found = read(history, from_ms=T0_MS + 35_000, to_ms=T0_MS + 50_000)
    assert found == [(30, 30.0), (40, 40.0), (50, 50.0)]


def test_the_budget_holds_and_the_oldest_goes_first() -> None:
    history = History(budget_bytes=40_000)
    for second in range(60_000):
        record(history, second, {"A": float(second * 7919 % 10_007) / 7})
    usage = history.usage()
    assert usage["used_bytes"] <= 40_000
    found = read(history)
    assert found[-1][0] == 59_999
    assert found[0][0] > 30_000
    assert usage["points"] >= len(found)


def test_a_clock_that_is_set_back_keeps_times_in_order() -> None:
    history = History()
    for second in (0, 10, 20, 5, 15):
        record(history, second, {"A": float(second)})
    times = [at for at, _ in read(history)]
    assert times == sorted(times)
    assert len(times) == 5


def test_the_scan_time_is_kept_once_a_second_as_the_longest() -> None:
    history = History()
    for number in range(40):
        at = T0 + timedelta(seconds=number / 10)
        history.record_scan("plc", Scan(at, at, 0.5 if number == 15 else 0.01, ()))
    values = [value for _, value in read(history, SCAN_TAG)]
    assert max(values) == 500.0
    assert len(values) <= 4


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1, max_size=600),
    st.lists(st.integers(1, 10_000_000), min_size=600, max_size=600),
)
def test_what_goes_in_comes_out(values: List[float], gaps_ms: List[int]) -> None:
    history = History()
    expected = []
    at_ms = 0
    for value, gap_ms in zip(values, gaps_ms):
        at_ms += gap_ms
        record(history, at_ms / 1000, {"A": value})
        if not expected or expected[-1][1] != value:
            expected.append((at_ms, value))
    times, numbers = history.points("plc", "A", T0_MS, FOREVER_MS)
    assert [(at - T0_MS, value) for at, value in zip(times, numbers)] == expected


@given(st.lists(st.one_of(st.just(math.nan), st.floats(-1e6, 1e6)), min_size=1, max_size=3000), st.integers(20, 500))
def test_thinning_keeps_the_picture(values: List[float], count: int) -> None:
    times = list(range(0, len(values) * 100, 100))
    kept_times, kept = thin_out((times, values), 0, times[-1] + 1, count)
    assert len(kept) <= max(len(values) if len(values) <= count else 0, 5 * (count // 4 + 2))
    assert kept_times == sorted(kept_times)
    known = [value for value in values if value == value]
    if known:
        known_kept = [value for value in kept if value == value]
        assert (min(known_kept), max(known_kept)) == (min(known), max(known))
    assert any(value != value for value in kept) == any(value != value for value in values)


def test_what_leaves_gives_its_memory_back() -> None:
    history = History()
    record(history, 0, {"A": 1.0, "B": 1.0})
    kept = history.usage()
    for second in range(1, 1500):
        record(history, second, {"A": second + 0.5, "B": second / 7})
    history.keep_only("plc", {"A", SCAN_TAG})
    assert set(history.tags("plc")) == {"A", SCAN_TAG}
    assert len(read(history)) == 1500
    history.keep_only("plc", ())
    history.keep_only("unknown", ())
    assert (history.usage()["used_bytes"], history.usage()["points"]) == (0, 0)
    assert not history._order
    record(history, 0, {"A": 1.0, "B": 1.0})
    assert history.usage() == kept
