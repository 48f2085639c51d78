"""How often and how long a state was TRUE, per day, week or month, and how much of that was not really seen.

Pure: events go in as stretches of seconds since 1970, sums per bucket come out. No clock, no I/O.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, timedelta, tzinfo
from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..texts.catalogue import say
from ..timestamps import UTC
from .unseen import Stretch, seen_within

MAX_BUCKETS = 4000
PERIODS = ("day", "week", "month")
FRESH_S = 15.0
"""An open event counts as seen up to now when it was seen this recently: last states are stored every 5 s."""


class Bucket(NamedTuple):
    """One day, week or month in the zone asked for, cut at the bounds asked for.

    first_day    local date on which the whole day, week or month begins
    starts       events that began in it (`at_connect` is no start: it had begun before, unseen)
    true_s       time TRUE, from the first to the last moment that events claim
    longest_s    longest stretch of one event in it
    uncertain_s  part of `true_s` that was not seen: outages, and the time between the last TRUE and the first FALSE
    possible_s   time beyond `true_s` that may have been TRUE as well: between the last FALSE and the first TRUE
    seen_s       time in which somebody looked (promise E19); the rest, up to now, is no FALSE and no 0 h
    """

    first_day: date
    start_utc: datetime
    end_utc: datetime
    starts: int
    true_s: float
    longest_s: float
    uncertain_s: float
    possible_s: float
    seen_s: float


class Run(NamedTuple):
    """One event; times in seconds since 1970. `end_s` None: open. `earliest_s` None: unknown.

    `duration_s` is how long it lasted by the steady clock; None: not measured, the ends tell.
    """

    start_s: float
    end_s: Optional[float]
    start_earliest_s: Optional[float] = None
    end_earliest_s: Optional[float] = None
    is_start_seen: bool = True
    gap_s: float = 0.0
    duration_s: Optional[float] = None


class _Sums:
    """The sums of one bucket while they grow."""

    __slots__ = ("longest_s", "possible_s", "starts", "true_s", "uncertain_s")

    def __init__(self) -> None:
        self.starts = 0
        self.true_s = self.longest_s = self.uncertain_s = self.possible_s = 0.0


def split(from_utc: datetime, to_utc: datetime, by: str, zone: tzinfo) -> Tuple[List[date], List[float]]:
    """The first days of the buckets, and their edges (one more) in seconds since 1970.

    A day begins at its first instant in `zone`, so some have 23 or 25 hours; a week begins on Monday.
    Raises ValueError for an unknown `by`, for `to` not after `from`, and for more than 4000 buckets.
    """
    if by not in PERIODS:
        raise ValueError(say("settings.at", where="by", fault=say("hours.by", known=list(PERIODS), value=by)))
    if to_utc <= from_utc:
        raise ValueError(say("settings.at", where="to", fault=say("hours.order")))
    day = from_utc.astimezone(zone).date()
    if by == "week":
        day -= timedelta(days=day.weekday())
    elif by == "month":
        day = day.replace(day=1)
    days, edges, to_s = [day], [from_utc.timestamp()], to_utc.timestamp()
    while True:
        day = _next_day(day, by)
        edge_s = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).timestamp()
        if edge_s >= to_s:
            return days, [*edges, to_s]
        if len(days) == MAX_BUCKETS:
            raise ValueError(say("settings.at", where="to", fault=say("hours.many", limit=MAX_BUCKETS, by=by)))
        days.append(day)
        edges.append(edge_s)


def _next_day(day: date, by: str) -> date:
    if by == "month":
        return day.replace(year=day.year + 1, month=1) if day.month == 12 else day.replace(month=day.month + 1)
    return day + timedelta(days=7 if by == "week" else 1)


def sum_runs(
    runs: Iterable[Run],
    days: Sequence[date],
    edges: Sequence[float],
    now_s: float,
    known_until_s: Optional[float] = None,
    outages: Sequence[Tuple[float, float]] = (),
    unseen: Sequence[Stretch] = (),
) -> List[Bucket]:
    """The sums per bucket of `split`. Open events count up to `now_s`.

    `known_until_s`: when an open event was last seen TRUE; from there to now is uncertain. `outages`: (from, to) of the
    link, in order: they tell where in an event its gaps lie; what they do not explain is spread over the event evenly.
    `unseen`: when nobody looked, without overlaps.
    """
    sums = [_Sums() for _ in days]
    for run in runs:
        _add_run(sums, edges, run, now_s, known_until_s, outages)
    return [
        Bucket(
            day,
            datetime.fromtimestamp(edges[i], UTC),
            datetime.fromtimestamp(edges[i + 1], UTC),
            one.starts,
            round(one.true_s, 3),
            round(one.longest_s, 3),
            round(min(one.uncertain_s, one.true_s), 3),
            round(one.possible_s, 3),
            round(seen_within(edges[i], max(edges[i], min(edges[i + 1], now_s)), unseen), 3),
        )
        for i, (day, one) in enumerate(zip(days, sums))
    ]


def _add_run(
    sums: Sequence[_Sums],
    edges: Sequence[float],
    run: Run,
    now_s: float,
    known_until_s: Optional[float],
    outages: Sequence[Tuple[float, float]],
) -> None:
    end_s = max(run.start_s, now_s if run.end_s is None else run.end_s)
    rate = _rate(run, end_s)
    for i, piece_s in _pieces(edges, run, end_s, rate):
        sums[i].true_s += piece_s
        sums[i].longest_s = max(sums[i].longest_s, piece_s)
    if run.is_start_seen and edges[0] <= run.start_s < edges[-1]:
        sums[bisect_right(edges, run.start_s) - 1].starts += 1
    if run.start_earliest_s is not None:
        for i, piece_s in _cut(edges, run.start_earliest_s, run.start_s):
            sums[i].possible_s += piece_s
    seen_s = _seen_until(run, end_s, now_s, known_until_s)
    for i, piece_s in _cut(edges, seen_s, end_s):
        sums[i].uncertain_s += piece_s * rate
    if run.gap_s > 0:
        _add_gaps(sums, edges, run, seen_s, outages)


def _rate(run: Run, end_s: float) -> float:
    """Seconds of the steady clock per second between the ends, which go by a clock that may be set."""
    length_s = end_s - run.start_s
    return 1.0 if run.duration_s is None or length_s <= 0 else run.duration_s / length_s


def _pieces(edges: Sequence[float], run: Run, end_s: float, rate: float) -> List[Tuple[int, float]]:
    """The event's own seconds by bucket."""
    if run.duration_s and end_s == run.start_s and edges[0] <= end_s < edges[-1]:
        return [(bisect_right(edges, end_s) - 1, run.duration_s)]
    return [(i, piece_s * rate) for i, piece_s in _cut(edges, run.start_s, end_s)]


def _seen_until(run: Run, end_s: float, now_s: float, known_until_s: Optional[float]) -> float:
    """The last moment at which the state was seen TRUE."""
    if run.end_s is not None:
        return end_s if run.end_earliest_s is None else min(max(run.start_s, run.end_earliest_s), end_s)
    if known_until_s is None or now_s - known_until_s <= FRESH_S:
        return end_s
    return min(max(run.start_s, known_until_s), end_s)


def _add_gaps(
    sums: Sequence[_Sums], edges: Sequence[float], run: Run, seen_s: float, outages: Sequence[Tuple[float, float]]
) -> None:
    """Spread an event's gaps, which are only known as a sum, to where they were as well as can be told."""
    inside = [(max(a, run.start_s), min(b, seen_s)) for a, b in outages if a < seen_s and b > run.start_s]
    located_s = sum(b - a for a, b in inside)
    share = min(1.0, run.gap_s / located_s) if located_s > 0 else 0.0
    for a, b in inside:
        for i, piece_s in _cut(edges, a, b):
            sums[i].uncertain_s += piece_s * share
    rest_s, length_s = run.gap_s - located_s, seen_s - run.start_s
    if rest_s > 0 and length_s > 0:
        for i, piece_s in _cut(edges, run.start_s, seen_s):
            sums[i].uncertain_s += piece_s * min(1.0, rest_s / length_s)


def _cut(edges: Sequence[float], from_s: float, to_s: float) -> List[Tuple[int, float]]:
    """The parts of a stretch by bucket: (index, seconds)."""
    from_s, to_s = max(from_s, edges[0]), min(to_s, edges[-1])
    if to_s <= from_s:
        return []
    pieces = []
    i = bisect_right(edges, from_s) - 1
    while from_s < to_s:
        until_s = min(edges[i + 1], to_s)
        pieces.append((i, until_s - from_s))
        from_s, i = until_s, i + 1
    return pieces
