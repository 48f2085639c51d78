"""E19: the time without a collector is an event of its own."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from conectpy.events.absence import Absence
from conectpy.models import COLLECTOR_TAG, ClockMark

T0 = datetime(2026, 3, 1, 7, 0, tzinfo=timezone.utc)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


ALIVE = ClockMark("", at(0), 100.0, "one")


def test_e19_nobody_looked_from_the_last_sign_of_life_to_the_first_scan() -> None:
    absence = Absence(ALIVE, at(60), 160.0, "one")
    (opened,) = absence.begin(is_open=False)
    assert (opened.kind, opened.plc, opened.tag, opened.ts_utc) == ("open", "", COLLECTOR_TAG, at(0))
    assert opened.flags == frozenset()
    assert absence.end(None) == []
    (closed,) = absence.end(at(62))
    assert (closed.kind, closed.earliest_utc, closed.ts_utc, closed.duration_s) == ("close", at(60), at(62), None)
    assert absence.end(at(63)) == []


def test_e19_a_first_run_was_never_absent() -> None:
    absence = Absence(None, at(60), 160.0, "one")
    assert absence.begin(is_open=False) == []
    assert absence.end(at(62)) == []


def test_e19_a_run_without_a_scan_belongs_to_the_absence_before_it() -> None:
    absence = Absence(ALIVE, at(60), 160.0, "one")
    assert absence.begin(is_open=True) == []
    assert [one.kind for one in absence.end(at(61))] == ["close"]


@pytest.mark.parametrize("step_s", [-3600.0, 3600.0])
def test_e15_an_absence_goes_by_the_clock_as_it_stands_now(step_s: float) -> None:
    absence = Absence(ALIVE, at(60 + step_s), 160.0, "one")
    (opened,) = absence.begin(is_open=False)
    assert (opened.ts_utc, opened.flags) == (at(step_s), {"clock_step"})
    (shifted,) = absence.begin(is_open=True)
    assert (shifted.kind, shifted.shift_s) == ("shift", step_s)


def test_e15_over_a_reboot_an_absence_never_begins_ahead_of_now() -> None:
    (opened,) = Absence(ALIVE, at(-3600), 5.0, "two").begin(is_open=False)
    assert (opened.ts_utc, opened.flags) == (at(-3600), {"clock_step"})
