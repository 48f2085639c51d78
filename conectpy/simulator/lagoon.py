"""A process model of an artificial lagoon's plant room: filtration, backwash, return, make-up, dosing, alarms.

Pure: no clock, no thread, no I/O. Time is a number of seconds that the caller chooses (epoch seconds on a live
simulator, anything else in a test); the same seed and the same times give the same plant, tag by tag. The owner
serialises the calls.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from typing import Callable, Deque, Dict, List, NamedTuple, Optional, Tuple, Union

Scalar = Union[bool, int, float, str]
TagValue = Union[Scalar, List[Scalar], Dict[str, Scalar]]

LIVE_PACE = 600.0
"""How much faster than a real plant the live simulator lives: a filter run of ten hours passes in a minute."""

TRUTH_LENGTH = 100_000
ANALOG_REFRESH_S = 0.5

STRUCTS: Dict[str, Tuple[Tuple[str, str], ...]] = {
    "PUMP": (("Run", "BOOL"), ("Fault", "BOOL"), ("Hours", "REAL"), ("Starts", "DINT"), ("Name", "STRING")),
}
"""User-defined types of the plant's tags: type name -> (member, type) in order."""

TYPES: Dict[str, str] = {
    "P001_ST_SCADA": "BOOL",
    "P002_ST_SCADA": "BOOL",
    "P003_ST_SCADA": "BOOL",
    "RETRO_SCADA": "BOOL",
    "VE238_ST": "BOOL",
    "VE239_ST": "BOOL",
    "VE240_ST": "BOOL",
    "DOS01_ST": "BOOL",
    "ALARM_X0_1": "BOOL",
    "ALARM_X0_2": "BOOL",
    "ALARM_X0_3": "BOOL",
    "PT117_R_SCADA": "REAL",
    "PT118_R_SCADA": "REAL",
    "FIT003_R_SCADA": "REAL",
    "FIT004_R_SCADA": "REAL",
    "LIT001_R_SCADA": "REAL",
    "TT001_R_SCADA": "REAL",
    "AIT001_R_SCADA": "REAL",
    "AIT002_R_SCADA": "REAL",
    "WM01_TOT": "LREAL",
    "ALARMS": "DINT",
    "FILTER_DP": "REAL[8]",
    "VALVES": "BOOL[32]",
    "PUMP_P101": "PUMP",
    "STATUS_TEXT": "STRING",
    "OP_MODE": "SINT",
    "P001_RPM": "INT",
    "RUN_MS": "LINT",
    "Program:Main.SEQ_STEP": "DINT",
    "Program:Main.AUTO": "BOOL",
    "Program:Main.CYCLES": "DINT",
}
"""Every tag of a plant and its type: atomic name, `STRING`, a name of STRUCTS, or one of these with `[length]`."""

BOOL_TAGS: Tuple[str, ...] = tuple(tag for tag, type_name in TYPES.items() if type_name == "BOOL")
ALARM_TAGS: Tuple[str, ...] = ("ALARM_X0_1", "ALARM_X0_2", "ALARM_X0_3")

STATUS_TEXTS = {0: "STOPPED", 10: "FILTERING", 20: "BACKWASH", 30: "RINSE", 90: "PUMP FAULT"}


class Truth(NamedTuple):
    """One true transition: at `at_s` (the caller's time) boolean `tag` of `plant` became `value`."""

    at_s: float
    plant: str
    tag: str
    value: bool


# Durations of a real plant, seconds (shortest, longest).
DURATIONS_S = {
    "filter": (8 * 3600.0, 13 * 3600.0),
    "backwash": (480.0, 900.0),
    "rinse": (240.0, 420.0),
    "fault": (900.0, 3600.0),
    "return_on": (3600.0, 7200.0),
    "return_off": (4 * 3600.0, 8 * 3600.0),
    "fill_on": (2700.0, 7200.0),
    "fill_off": (14 * 3600.0, 26 * 3600.0),
    "dose_on": (1200.0, 2700.0),
    "dose_off": (6 * 3600.0, 10 * 3600.0),
    "alarm_on": (300.0, 1800.0),
    "alarm_off": (18 * 3600.0, 48 * 3600.0),
}
SHORTEST_LIVE_S = (2.5, 6.0)
"""However fast the plant lives, no state is shorter than a draw from this range: a scan of one second sees it."""

FAULT_CHANCE = 0.15


class Lagoon:
    """One plant. `values` holds the present value of every tag of TYPES.

    `start_s` is the time at which it begins, `pace` how many times faster than real its durations pass (flows, hours
    and totals stay in real units per second of the caller's time). `truth` holds the newest 100,000 true transitions
    of boolean tags; `on_transition` gets each as it happens.
    """

    def __init__(
        self,
        name: str,
        seed: int = 0,
        start_s: float = 0.0,
        pace: float = 1.0,
        on_transition: Optional[Callable[[Truth], None]] = None,
    ) -> None:
        self.name = name
        self.pace = pace
        self.now_s = start_s
        self.truth: Deque[Truth] = deque(maxlen=TRUTH_LENGTH)
        self.on_transition = on_transition
        self.values: Dict[str, TagValue] = _initial_values()
        self._start_s = start_s
        self._random = {
            part: random.Random(f"{name}/{seed}/{part}") for part in ("seq", "return", "fill", "dose", "x1")
        }
        self._phases = [random.Random(f"{name}/{seed}/noise/{i}").uniform(0, 2 * math.pi) for i in range(32)]
        self._base = random.Random(f"{name}/{seed}/base")
        self._character = {key: self._base.uniform(0.85, 1.15) for key in ("flow", "pressure", "return", "chlorine")}
        self._changed: Dict[str, TagValue] = {}
        self._filter_since_s = start_s
        self._pump_since_s = start_s
        self._fill_since_s = start_s
        self._refreshed_s = -math.inf
        self._integrated_s = start_s
        self._total_m3 = self._base.uniform(20_000, 400_000)
        self._hours = self._base.uniform(500, 9_000)
        self._queue: List[Tuple[float, int, Callable[[float], None]]] = []
        self._serial = 0
        self._begin(start_s)

    # -- time ----------------------------------------------------------------------------------------------------------

    @property
    def next_change_s(self) -> float:
        """When the next state changes by itself: `step` before that moves only analog values."""
        return self._queue[0][0]

    def step(self, now_s: float) -> Dict[str, TagValue]:
        """Let everything that is due take effect at `now_s`, as a controller that scans does.

        Returns the tags whose value changed with their new values. True transitions carry `now_s`: that is the
        moment from which a reader of `values` can see them.
        """
        while self._queue[0][0] <= now_s:
            heapq.heappop(self._queue)[2](now_s)
        return self._finish(now_s)

    def run_to(self, until_s: float) -> Dict[str, TagValue]:
        """Let time pass exactly: each true transition carries its own time. Returns what changed, like `step`."""
        while self._queue[0][0] <= until_s:
            due_s, _, action = heapq.heappop(self._queue)
            action(due_s)
        return self._finish(until_s)

    def advance(self, dt_s: float) -> Dict[str, TagValue]:
        """`run_to` for `dt_s` from now."""
        return self.run_to(self.now_s + dt_s)

    def snapshot(self) -> Dict[str, TagValue]:
        """A copy of every tag's value."""
        return {tag: _copy(value) for tag, value in self.values.items()}

    def _finish(self, now_s: float) -> Dict[str, TagValue]:
        self.now_s = max(self.now_s, now_s)
        self._integrate(now_s)
        if self._changed or now_s - self._refreshed_s >= ANALOG_REFRESH_S:
            self._refresh_analogs(now_s)
        changed, self._changed = self._changed, {}
        return changed

    def _later(
        self, at_s: float, part: str, duration: str, action: Callable[[float], None], share: float = 1.0
    ) -> None:
        rng = self._random[part]
        low, high = DURATIONS_S[duration]
        lasts_s = max(rng.uniform(low, high) * share / self.pace, rng.uniform(*SHORTEST_LIVE_S))
        self._serial += 1
        heapq.heappush(self._queue, (at_s + lasts_s, self._serial, action))

    # -- the plant's parts -------------------------------------------------------------------------------------------

    def _begin(self, at_s: float) -> None:
        """In the middle of a filter run; shares below one make the first changes come soon."""
        self.values.update({"P001_ST_SCADA": True, "VE238_ST": True, "Program:Main.AUTO": True})
        self.values["Program:Main.SEQ_STEP"] = 10
        self.values["STATUS_TEXT"] = STATUS_TEXTS[10]
        self._later(at_s, "seq", "filter", self._end_filter, share=0.25)
        self._later(at_s, "return", "return_off", self._start_return, share=0.15)
        self._later(at_s, "dose", "dose_off", self._start_dose, share=0.4)
        self._later(at_s, "fill", "fill_off", self._start_fill, share=0.3)
        self._later(at_s, "x1", "alarm_off", self._start_alarm, share=0.3)
        self._mirror()
        self._refresh_analogs(at_s)
        self._changed = {}

    def _end_filter(self, at_s: float) -> None:
        if self._random["seq"].random() < FAULT_CHANCE:
            self._sequence(at_s, 90, P001_ST_SCADA=False, ALARM_X0_2=True)
            self._later(at_s, "seq", "fault", self._start_backwash)
        else:
            self._start_backwash(at_s)

    def _start_backwash(self, at_s: float) -> None:
        states = {"P001_ST_SCADA": False, "VE238_ST": False, "ALARM_X0_2": False}
        self._sequence(at_s, 20, RETRO_SCADA=True, P002_ST_SCADA=True, VE239_ST=True, **states)
        self._later(at_s, "seq", "backwash", self._start_rinse)

    def _start_rinse(self, at_s: float) -> None:
        self._sequence(at_s, 30, P002_ST_SCADA=False, P001_ST_SCADA=True)
        self._later(at_s, "seq", "rinse", self._start_filter)

    def _start_filter(self, at_s: float) -> None:
        self._sequence(at_s, 10, RETRO_SCADA=False, VE239_ST=False, VE238_ST=True)
        cycles = self.values["Program:Main.CYCLES"]
        assert isinstance(cycles, int)
        self._put("Program:Main.CYCLES", cycles + 1)
        self._filter_since_s = at_s
        self._later(at_s, "seq", "filter", self._end_filter)

    def _sequence(self, at_s: float, step: int, **states: bool) -> None:
        self._put("Program:Main.SEQ_STEP", step)
        self._put("STATUS_TEXT", STATUS_TEXTS[step])
        self._set(at_s, **states)

    def _start_return(self, at_s: float) -> None:
        self._set(at_s, P003_ST_SCADA=True)
        self._later(at_s, "return", "return_on", self._stop_return)

    def _stop_return(self, at_s: float) -> None:
        self._set(at_s, P003_ST_SCADA=False)
        self._later(at_s, "return", "return_off", self._start_return)

    def _start_fill(self, at_s: float) -> None:
        self._fill_since_s = at_s
        self._set(at_s, VE240_ST=True)
        self._later(at_s, "fill", "fill_on", self._stop_fill)

    def _stop_fill(self, at_s: float) -> None:
        self._fill_since_s = at_s
        self._set(at_s, VE240_ST=False, ALARM_X0_3=False)
        self._later(at_s, "fill", "fill_off", self._start_fill)

    def _start_dose(self, at_s: float) -> None:
        self._set(at_s, DOS01_ST=True)
        self._later(at_s, "dose", "dose_on", self._stop_dose)

    def _stop_dose(self, at_s: float) -> None:
        self._set(at_s, DOS01_ST=False)
        self._later(at_s, "dose", "dose_off", self._start_dose)

    def _start_alarm(self, at_s: float) -> None:
        """High filter pressure most of the time; low level while no make-up water comes."""
        low_level = self._random["x1"].random() < 0.3 and not self.values["VE240_ST"]
        self._set(at_s, **{"ALARM_X0_3" if low_level else "ALARM_X0_1": True})
        self._later(at_s, "x1", "alarm_on", self._stop_alarm)

    def _stop_alarm(self, at_s: float) -> None:
        self._set(at_s, ALARM_X0_1=False, ALARM_X0_3=False)
        self._later(at_s, "x1", "alarm_off", self._start_alarm)

    # -- values --------------------------------------------------------------------------------------------------------

    def _set(self, at_s: float, **states: bool) -> None:
        self._integrate(at_s)
        for tag, value in states.items():
            if self.values[tag] is value:
                continue
            self._put(tag, value)
            truth = Truth(at_s, self.name, tag, value)
            self.truth.append(truth)
            if self.on_transition is not None:
                self.on_transition(truth)
            if tag == "P001_ST_SCADA":
                self._pump_since_s = at_s
        self._mirror()

    def _put(self, tag: str, value: TagValue) -> None:
        if self.values[tag] != value:
            self.values[tag] = value
            self._changed[tag] = value

    def _mirror(self) -> None:
        """What the program derives from the states: the alarm word, the valve bits, the pump's structure."""
        word = sum(1 << bit for bit, tag in enumerate(ALARM_TAGS) if self.values[tag])
        valves: List[Scalar] = [False] * 32
        valves[:3] = [bool(self.values[tag]) for tag in ("VE238_ST", "VE239_ST", "VE240_ST")]
        before = self.values["PUMP_P101"]
        assert isinstance(before, dict)
        run = bool(self.values["P001_ST_SCADA"])
        starts = int(before["Starts"]) + (1 if run and not before["Run"] else 0)
        pump = {**before, "Run": run, "Fault": bool(self.values["ALARM_X0_2"]), "Starts": starts}
        self._put("ALARMS", word)
        self._put("VALVES", valves)
        self._put("PUMP_P101", pump)

    def _integrate(self, at_s: float) -> None:
        """Bring the meter and the running hours up to `at_s`; neither ever runs backwards."""
        dt_s = at_s - self._integrated_s
        if dt_s <= 0:
            return
        self._integrated_s = at_s
        flow_m3_h = 42.0 if self.values["VE240_ST"] else 3.5
        self._total_m3 += dt_s * flow_m3_h * self._character["flow"] / 3600.0
        if self.values["P001_ST_SCADA"]:
            self._hours += dt_s / 3600.0

    def _refresh_analogs(self, now_s: float) -> None:
        self._refreshed_s = now_s
        running = 1.0 if self.values["P001_ST_SCADA"] else 0.0
        ramp = 1.0 - math.exp(-(now_s - self._pump_since_s) * max(1.0, self.pace / 200.0) / 3.0)
        speed = ramp if running else 1.0 - ramp
        clogging = min(1.0, (now_s - self._filter_since_s) * self.pace / 46_800.0) if running else 0.2
        backwash = 1.0 if self.values["P002_ST_SCADA"] else 0.0
        pressure = self._character["pressure"] * (0.15 + 1.9 * speed * (1 + 0.35 * clogging) + 1.2 * backwash)
        flow = max(0.0, self._character["flow"] * (182.0 - 34.0 * clogging) * speed)
        dp = pressure * (0.18 + 0.3 * clogging)
        real = (
            ("PT117_R_SCADA", pressure + 0.03 * self._noise(0, now_s)),
            ("PT118_R_SCADA", max(0.0, pressure - dp) + 0.02 * self._noise(1, now_s)),
            ("FIT003_R_SCADA", max(0.0, flow + 2.5 * speed * self._noise(2, now_s))),
            ("FIT004_R_SCADA", self._return_flow(now_s)),
            ("LIT001_R_SCADA", self._level(now_s)),
            ("TT001_R_SCADA", 24.5 + 2.0 * self._noise(4, now_s / 60.0) + 0.05 * self._noise(5, now_s)),
            ("AIT001_R_SCADA", self._character["chlorine"] * (0.9 + 0.15 * self._noise(6, now_s / 10.0))),
            ("AIT002_R_SCADA", 7.4 + 0.12 * self._noise(7, now_s / 20.0)),
        )
        for tag, value in real:
            self._put(tag, round(value, 4))
        self._put("FILTER_DP", [round(dp * (0.9 + 0.03 * i) + 0.01 * self._noise(8 + i, now_s), 4) for i in range(8)])
        self._put("WM01_TOT", round(self._total_m3, 3))
        self._put("P001_RPM", int(1480 * speed + 4 * speed * self._noise(16, now_s)))
        self._put("RUN_MS", int((now_s - self._start_s) * 1000))
        pump = self.values["PUMP_P101"]
        assert isinstance(pump, dict)
        self._put("PUMP_P101", {**pump, "Hours": round(self._hours, 3)})

    def _return_flow(self, now_s: float) -> float:
        if not self.values["P003_ST_SCADA"]:
            return 0.0
        return max(0.0, self._character["return"] * 64.0 + 1.5 * self._noise(3, now_s))

    def _level(self, now_s: float) -> float:
        """Metres: falls while no make-up water comes, rises while it does, within its band."""
        passed = min(1.0, (now_s - self._fill_since_s) * self.pace / (5_000.0 if self.values["VE240_ST"] else 72_000.0))
        return 2.2 + 0.2 * (passed if self.values["VE240_ST"] else 1.0 - passed) + 0.002 * self._noise(17, now_s)

    def _noise(self, channel: int, now_s: float) -> float:
        """A smooth, seeded wander in -1..1: a function of time alone, so that any time can be asked for."""
        phase = self._phases[channel]
        slow = now_s % 86_400.0
        return 0.6 * math.sin(slow * 0.31 + phase) + 0.4 * math.sin(slow * 1.17 + 2.0 * phase)


def _initial_values() -> Dict[str, TagValue]:
    zero: Dict[str, TagValue] = {"BOOL": False, "REAL": 0.0, "LREAL": 0.0, "STRING": ""}
    values: Dict[str, TagValue] = {tag: zero.get(type_name, 0) for tag, type_name in TYPES.items()}
    values["OP_MODE"] = 1
    values["FILTER_DP"] = [0.0] * 8
    values["VALVES"] = [False] * 32
    values["PUMP_P101"] = {"Run": True, "Fault": False, "Hours": 0.0, "Starts": 0, "Name": "P101 filtration"}
    return values


def _copy(value: TagValue) -> TagValue:
    if isinstance(value, list):
        return list(value)
    return dict(value) if isinstance(value, dict) else value
