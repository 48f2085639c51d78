"""The steady clock: what durations are taken from."""

from __future__ import annotations

import sys
import time

import pytest

from conectpy.timestamps import steady_s


def test_the_steady_clock_is_finer_than_a_millisecond_and_never_goes_back() -> None:
    end_s = steady_s() + 0.05
    readings = [steady_s()]
    while readings[-1] < end_s:
        readings.append(steady_s())
    steps = [later - earlier for earlier, later in zip(readings, readings[1:])]
    assert min(steps) >= 0.0
    assert sorted(steps)[len(steps) // 2] < 0.001


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells this clock apart")
def test_the_steady_clock_counts_suspended_time() -> None:
    assert abs(steady_s() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 5.0
