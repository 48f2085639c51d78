"""The frozen values that travel between rooms. No I/O, no clock, no threads.

Every `*_utc` is an aware `datetime` in UTC; every `*_s` is a duration in seconds, or a moment, of the steady clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, FrozenSet, Mapping, NamedTuple, Optional, Tuple, Union

Value = Union[None, bool, int, float, str, Tuple["Value", ...]]

COMM_TAG = "@comm"
"""The tag under which an outage of a PLC's link is an event of its own (promise E10)."""

COLLECTOR_TAG = "@collector"
"""The tag, of no PLC, under which the time without a running collector is an event of its own (promise E19)."""


class Sample(NamedTuple):
    """One reading of one tag.

    `error` None means good; otherwise it says in one line why there is no value, and `value` is None.
    `changed_utc` is the device's own time of the change, already on this machine's clock, or None where the device does
    not say; the true moment lies at most `changed_within_s` before or after it. `overflow` says that the device dropped
    changes before this one (subscription queue). `is_vanished` says that the PLC has no such tag (any more), which is
    more than a bad reading (promise E13). `sampling_s` is how long before that the server may have looked last.
    `changed_within_s` infinite: the device claims that time, but nothing shows that it is one of a change.
    """

    value: Value
    error: Optional[str] = None
    changed_utc: Optional[datetime] = None
    overflow: bool = False
    is_vanished: bool = False
    changed_within_s: float = 0.0
    sampling_s: float = 0.0


@dataclass(frozen=True)
class Scan:
    """One pass over all tags of a PLC.

    `samples` holds (tag, sample) only for what differs from the previous scan of the same driver object; the first scan
    of a driver holds every configured tag. A tag may come several times (subscription): in the order of its changes.
    `sent_utc` is taken before the first request leaves, `received_utc` after the last reply is here, `duration_s` lies
    between them. `frozen` says why the PLC's values stand still (controller not in RUN), None while they are live.
    `received_s` is the steady clock, read together with `received_utc` (timestamps.read_clocks).
    """

    sent_utc: datetime
    received_utc: datetime
    duration_s: float
    samples: Tuple[Tuple[str, Sample], ...]
    frozen: Optional[str] = None
    received_s: float = 0.0


class Transition(NamedTuple):
    """One change to the stored events of one (plc, tag). Made by the detector, applied by the store.

    kind      `open`: a new event starts; `close`: the open event ends; `amend`: the open event goes on, but has more
              gaps or flags; `shift`: the wall clock stepped by `shift_s`, the open event's start moves with it.
    ts_utc    when the new state was first seen (for `amend`: when good samples came back)
    earliest_utc  last moment at which the old state is known to have held; None: unknown
    quality   `exact`, `sampled`, `gap`, `at_connect` (open only), `removed`, `tag_lost` (close only); "" otherwise
    gap_count, gap_s  what to add to the event's counters
    flags     what to add to the event's flags: `clock_step`, `overflow`, `plc_mode`, `chatter`
    sent_utc  send time of the scan that showed it: from then on the new state is known (kept as the last known state)
    duration_s  for `close`: how long the event lasted by the steady clock; None where one run did not see both ends
    device_utc  for `open` and `close`: when the device's own clock says that it happened; None where it does not say
    shift_s   for `shift`: by how much the wall clock stepped, ahead (+) or back (-)
    """

    kind: str
    plc: str
    tag: str
    ts_utc: datetime
    earliest_utc: Optional[datetime] = None
    quality: str = ""
    gap_count: int = 0
    gap_s: float = 0.0
    flags: FrozenSet[str] = frozenset()
    sent_utc: Optional[datetime] = None
    duration_s: Optional[float] = None
    device_utc: Optional[datetime] = None
    shift_s: float = 0.0


class Gap(NamedTuple):
    """A stretch of time in which nobody saw a tag: [from, to). `plc` is "" where it concerns no PLC (`@collector`)."""

    plc: str
    tag: str
    from_utc: datetime
    to_utc: datetime
    cause: str


class ClockMark(NamedTuple):
    """How the wall clock and the steady clock of this machine stood at one moment, so that a later run can tell a step.

    `plc` is the one whose stored times go by that wall clock; "": the program, which was alive then. `boot` names the
    boot of the machine (timestamps.boot_id): the steady clock begins anew with each.
    """

    plc: str
    at_utc: datetime
    steady_s: float
    boot: str


Change = Union[Transition, Gap, ClockMark]
"""What the store records, in the order in which it happened."""


class LastState(NamedTuple):
    """What was last known of a state tag: its value and when the sample that says so was asked for."""

    value: bool
    good_utc: datetime


@dataclass(frozen=True)
class PlcMemory:
    """What the store knows of one PLC at start: the detector goes on from here (promise E9).

    `open_since` maps the tags that have an open event to its start. `clock` is how the clocks stood when this was
    written, `alive` the previous run's last sign of life; None: not known. `is_known` False: there is a file, but it
    cannot be read yet (promise E20).
    """

    states: Mapping[str, LastState] = field(default_factory=dict)
    open_since: Mapping[str, datetime] = field(default_factory=dict)
    clock: Optional[ClockMark] = None
    alive: Optional[ClockMark] = None
    is_known: bool = True


@dataclass(frozen=True)
class Event:
    """A stored event as readers get it; the columns of `events` (documentation.md), times parsed.

    `duration_s` is the stored one (steady clock), else the difference of the ends; None while the event is open.
    """

    id: int
    uid: str
    plc_ip: str
    plc_name: str
    tag: str
    tag_label: str
    start_utc: datetime
    end_utc: Optional[datetime]
    created_utc: datetime
    start_earliest_utc: Optional[datetime]
    start_quality: str
    end_earliest_utc: Optional[datetime]
    end_quality: Optional[str]
    gap_count: int
    gap_s: float
    flags: Tuple[str, ...]
    rev: int = 0
    duration_s: Optional[float] = None
    start_device_utc: Optional[datetime] = None
    end_device_utc: Optional[datetime] = None


@dataclass(frozen=True)
class Command:
    """What a person asks of the program.

    `name` is one that the wiring has a handler for, `arguments` holds JSON values by name, `who` is the account of the
    operating system or the user of the pages, `origin` where it was given: `console`, an address.
    """

    name: str
    arguments: Mapping[str, Any]
    who: str
    when_utc: datetime
    origin: str
