"""The recent past of every numeric tag and state, kept in memory for trends and sparklines.

Report by exception: only changes are kept, so a constant tag costs nothing, and a value holds until the next point. NaN
stands for "not known" (link down, bad reading, frozen controller), so that a gap is never drawn as a line. Full chunks
are packed; the oldest go when the memory budget is used up.
"""

from __future__ import annotations

import math
import threading
import zlib
from array import array
from collections import deque
from datetime import datetime
from itertools import accumulate
from typing import Any, Container, Deque, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..models import Sample, Scan, Value
from ..timestamps import from_text

CHUNK_POINTS = 256
CHUNK_OVERHEAD_BYTES = 200
SERIES_OVERHEAD_BYTES = 900
MAX_OFFSET_MS = 2**32 - 1
UNKNOWN = math.nan
SCAN_TAG = "@scan_ms"
"""The tag under which a PLC's scan time in milliseconds is kept: the longest of each second."""

SCAN_EVERY_MS = 950

Points = Tuple[List[int], List[float]]
"""Times in milliseconds since 1970 UTC, ascending, and the values that hold from then on (NaN: not known)."""


class _Packed(NamedTuple):
    """A full chunk, deflated: deltas of time, then values, their bytes sorted by significance (packs far better)."""

    start_ms: int
    end_ms: int
    size: int
    typecode: str
    blob: bytes


class _Series:
    """One tag. Only touched under the lock of its History."""

    __slots__ = ("base_ms", "held", "last", "last_ms", "offsets", "packed", "values")

    def __init__(self) -> None:
        self.packed: Deque[_Packed] = deque()
        self.base_ms = 0
        self.last_ms = 0
        self.offsets = array("I")
        self.values = array("d")
        self.last = UNKNOWN  # the last value recorded
        self.held = UNKNOWN  # the last good value, to go on with when a frozen controller runs again


class History:
    """Trend history of all PLCs. Every method may be called by any thread."""

    def __init__(self, budget_bytes: int = 32 * 1024 * 1024) -> None:
        self.budget_bytes = budget_bytes
        self._lock = threading.Lock()  # guards everything below
        self._plcs: Dict[str, Dict[str, _Series]] = {}
        self._frozen: Dict[str, bool] = {}
        self._longest_ms: Dict[str, float] = {}  # per PLC the longest scan since one was recorded
        self._order: Deque[_Series] = deque()  # one entry per packed chunk, in the order of packing
        self._size_bytes = 0
        self._points = 0

    # -- written by the PLC threads ------------------------------------------------------------------------------------

    def record_scan(self, address: str, scan: Scan) -> None:
        """Take over what changed in a scan."""
        at_ms = _to_ms(scan.received_utc)
        with self._lock:
            plc = self._plcs.setdefault(address, {})
            for tag, sample in scan.samples:
                value = _number(sample)
                if value is None:
                    continue
                series = self._series_of(plc, tag)
                series.held = value
                if scan.frozen is None:
                    self._append(series, _to_ms(sample.changed_utc) if sample.changed_utc else at_ms, value)
            was_frozen = self._frozen.get(address, False)
            self._frozen[address] = scan.frozen is not None
            self._record_duration(address, plc, at_ms, scan.duration_s)
            if scan.frozen is not None and not was_frozen:
                self._end_all(plc, at_ms, is_link_up=True)
            elif was_frozen and scan.frozen is None:
                for tag, series in plc.items():
                    if tag != SCAN_TAG:
                        self._append(series, at_ms, series.held)
            self._keep_budget()

    def _record_duration(self, address: str, plc: Dict[str, _Series], at_ms: int, duration_s: float) -> None:
        longest_ms = max(self._longest_ms.get(address, 0.0), round(duration_s * 1000, 1))
        series = self._series_of(plc, SCAN_TAG)
        if 0 <= at_ms - series.last_ms < SCAN_EVERY_MS and series.last == series.last:
            self._longest_ms[address] = longest_ms
            return
        self._longest_ms[address] = 0.0
        self._append(series, at_ms, longest_ms)

    def _series_of(self, plc: Dict[str, _Series], tag: str) -> _Series:
        series = plc.get(tag)
        if series is None:
            series = plc[tag] = _Series()
            self._size_bytes += SERIES_OVERHEAD_BYTES
        return series

    def record_outage(self, address: str, at_ts: str) -> None:
        """The link is down: nothing is known of this PLC from now on."""
        with self._lock:
            self._frozen[address] = False
            self._end_all(self._plcs.get(address, {}), _to_ms(from_text(at_ts)), is_link_up=False)

    def keep_only(self, address: str, tags: Container[str]) -> None:
        """Forget the past of all other tags of this PLC, and with no tag left the PLC itself."""
        with self._lock:
            plc = self._plcs.get(address, {})
            gone = {id(series): tag for tag, series in plc.items() if tag not in tags}
            for tag in gone.values():
                self._forget(plc.pop(tag))
            if gone:
                self._order = deque(series for series in self._order if id(series) not in gone)
            if not plc:
                self._plcs.pop(address, None)
                self._frozen.pop(address, None)
                self._longest_ms.pop(address, None)

    def _forget(self, series: _Series) -> None:
        self._size_bytes -= SERIES_OVERHEAD_BYTES + 12 * len(series.offsets)
        self._points -= len(series.offsets)
        for packed in series.packed:
            self._size_bytes -= len(packed.blob) + CHUNK_OVERHEAD_BYTES
            self._points -= packed.size

    def _end_all(self, plc: Dict[str, _Series], at_ms: int, *, is_link_up: bool) -> None:
        for tag, series in plc.items():
            if tag != SCAN_TAG or not is_link_up:
                self._append(series, at_ms, UNKNOWN)

    def _append(self, series: _Series, at_ms: int, value: float) -> None:
        if value == series.last or (value != value and series.last != series.last):
            return
        is_backwards = at_ms < series.last_ms  # the wall clock was set back
        if series.offsets and (
            is_backwards or len(series.offsets) >= CHUNK_POINTS or at_ms - series.base_ms > MAX_OFFSET_MS
        ):
            self._pack(series)
        if not series.offsets:
            series.base_ms = at_ms
        series.offsets.append(at_ms - series.base_ms)
        series.values.append(value)
        series.last, series.last_ms = value, at_ms
        self._size_bytes += 12
        self._points += 1

    def _pack(self, series: _Series) -> None:
        packed = _pack(series.base_ms, series.offsets, series.values)
        self._size_bytes += len(packed.blob) + CHUNK_OVERHEAD_BYTES - 12 * packed.size
        series.packed.append(packed)
        self._order.append(series)
        series.offsets, series.values = array("I"), array("d")

    def _keep_budget(self) -> None:
        while self._size_bytes > self.budget_bytes and self._order:
            oldest = self._order.popleft().packed.popleft()
            self._size_bytes -= len(oldest.blob) + CHUNK_OVERHEAD_BYTES
            self._points -= oldest.size

    # -- read by the web -----------------------------------------------------------------------------------------------

    def points(self, address: str, tag: str, from_ms: int, to_ms: int) -> Points:
        """The points in [from_ms, to_ms], preceded by the one that still held at `from_ms`."""
        with self._lock:
            series = self._plcs.get(address, {}).get(tag)
            if series is None:
                return [], []
            packed = [chunk for chunk in series.packed if chunk.start_ms <= to_ms]
            base_ms, offsets, values = series.base_ms, series.offsets[:], series.values[:]
        first = max((n for n, chunk in enumerate(packed) if chunk.start_ms <= from_ms), default=0)
        times: List[int] = []
        numbers: List[float] = []
        for chunk in packed[first:]:
            chunk_times, chunk_values = _unpack(chunk)
            times.extend(chunk_times)
            numbers.extend(chunk_values)
        times.extend(base_ms + offset for offset in offsets)
        numbers.extend(values)
        return _cut(times, numbers, from_ms, to_ms)

    def tags(self, address: str) -> List[str]:
        """The tags of this PLC that have a history."""
        with self._lock:
            return list(self._plcs.get(address, {}))

    def usage(self) -> Dict[str, Any]:
        """How much of the budget is used, for the page: bytes, points, and the oldest time kept (ms, None if empty)."""
        with self._lock:
            starts = [
                series.packed[0].start_ms if series.packed else series.base_ms
                for plc in self._plcs.values()
                for series in plc.values()
                if series.packed or series.offsets
            ]
            return {
                "budget_bytes": self.budget_bytes,
                "used_bytes": self._size_bytes,
                "points": self._points,
                "oldest_ms": min(starts, default=None),
            }


def thin_out(points: Points, from_ms: int, to_ms: int, count: int) -> Points:
    """At most about `count` points that draw the same picture: first, lowest, highest and last of each slice of time.

    A slice in which the value was not known for a while keeps that gap.
    """
    times, values = points
    if len(times) <= count:
        return points
    width_ms = max(1, (to_ms - from_ms) // max(1, count // 4))
    kept: List[int] = []
    slice_start = 0
    for index in range(1, len(times) + 1):
        if index == len(times) or times[index] // width_ms != times[slice_start] // width_ms:
            kept.extend(_extremes(values, slice_start, index))
            slice_start = index
    return [times[index] for index in kept], [values[index] for index in kept]


def _extremes(values: Sequence[float], start: int, end: int) -> List[int]:
    if end - start <= 4:
        return list(range(start, end))
    known = [index for index in range(start, end) if values[index] == values[index]]
    kept = {start, end - 1}
    if known:
        kept.update((min(known, key=values.__getitem__), max(known, key=values.__getitem__)))
    if len(known) < end - start:
        kept.add(next(index for index in range(start, end) if values[index] != values[index]))
    return sorted(kept)


def _number(sample: Sample) -> Optional[float]:
    """What a trend can draw: NaN for a bad sample, None for text and arrays."""
    value: Value = sample.value
    if sample.error is not None:
        return UNKNOWN
    if isinstance(value, (bool, int, float)):
        try:
            number = float(value)
        except OverflowError:
            return UNKNOWN
        return number if math.isfinite(number) else UNKNOWN
    return None


def _to_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _pack(base_ms: int, offsets: Sequence[int], values: Sequence[float]) -> _Packed:
    deltas = array("I", [offsets[0]] + [after - before for before, after in zip(offsets, offsets[1:])])
    narrow = _as_narrow(values)
    data = array("d", values) if narrow is None else narrow
    planes = _to_planes(deltas.tobytes(), deltas.itemsize) + _to_planes(data.tobytes(), data.itemsize)
    return _Packed(base_ms, base_ms + offsets[-1], len(offsets), data.typecode, zlib.compress(planes, 6))


def _as_narrow(values: Sequence[float]) -> Optional[array[float]]:
    """The values in 32 bits when that loses nothing, which holds for every REAL, state and small integer."""
    try:
        narrow = array("f", values)
    except OverflowError:
        return None
    return narrow if all(a == b or a != a for a, b in zip(values, narrow)) else None


def _unpack(chunk: _Packed) -> Points:
    planes = zlib.decompress(chunk.blob)
    deltas, values = array("I"), array(chunk.typecode)
    split = chunk.size * deltas.itemsize
    deltas.frombytes(_from_planes(planes[:split], deltas.itemsize))
    values.frombytes(_from_planes(planes[split:], values.itemsize))
    return list(accumulate(deltas, initial=chunk.start_ms))[1:], list(values)


def _to_planes(data: bytes, width: int) -> bytes:
    return b"".join(data[index::width] for index in range(width))


def _from_planes(planes: bytes, width: int) -> bytes:
    count = len(planes) // width
    data = bytearray(len(planes))
    for index in range(width):
        data[index::width] = planes[index * count : (index + 1) * count]
    return bytes(data)


def _cut(times: List[int], values: List[float], from_ms: int, to_ms: int) -> Points:
    if any(after < before for before, after in zip(times, times[1:])):
        order = sorted(range(len(times)), key=times.__getitem__)
        times, values = [times[index] for index in order], [values[index] for index in order]
    first = next((index for index, at_ms in enumerate(times) if at_ms > from_ms), len(times))
    last = next((index for index in range(len(times), 0, -1) if times[index - 1] <= to_ms), 0)
    return times[max(0, first - 1) : last], values[max(0, first - 1) : last]
