"""The lagoon's process model: seeded, pure in time, honest about its true transitions."""

from __future__ import annotations

from typing import Dict, List

from hypothesis import given, settings
from hypothesis import strategies as st

from conectpy.simulator.lagoon import BOOL_TAGS, LIVE_PACE, SHORTEST_LIVE_S, STRUCTS, TYPES, Lagoon, Truth

DAY_S = 86_400.0


def test_the_same_seed_gives_the_same_plant() -> None:
    one, other = Lagoon("Costa", seed=7), Lagoon("Costa", seed=7)
    one.run_to(3 * DAY_S)
    for hour in range(1, 73):
        other.run_to(hour * 3600.0)
    assert list(one.truth) == list(other.truth)
    assert {tag: one.values[tag] for tag in BOOL_TAGS} == {tag: other.values[tag] for tag in BOOL_TAGS}


def test_another_seed_and_another_name_give_another_course() -> None:
    courses = []
    for name, seed in (("Costa", 7), ("Costa", 8), ("Bahía", 7)):
        lagoon = Lagoon(name, seed)
        lagoon.run_to(DAY_S)
        courses.append([(truth.at_s, truth.tag) for truth in lagoon.truth])
    assert courses[0] != courses[1]
    assert courses[0] != courses[2]


def test_truth_is_exactly_the_changes_of_the_boolean_tags() -> None:
    seen: List[Truth] = []
    lagoon = Lagoon("Costa", seed=1, start_s=1000.0, on_transition=seen.append)
    state: Dict[str, object] = {tag: lagoon.values[tag] for tag in BOOL_TAGS}
    lagoon.run_to(1000.0 + 30 * DAY_S)
    assert seen == list(lagoon.truth)
    assert [truth.at_s for truth in seen] == sorted(truth.at_s for truth in seen)
    for truth in seen:
        assert state[truth.tag] is not truth.value, truth
        state[truth.tag] = truth.value
    assert state == {tag: lagoon.values[tag] for tag in BOOL_TAGS}
    changed = {truth.tag for truth in seen}
    assert changed == set(BOOL_TAGS) - {"Program:Main.AUTO"}


def test_a_step_dates_transitions_at_its_own_time() -> None:
    lagoon = Lagoon("Costa", seed=1, pace=LIVE_PACE)
    for tenth in range(1200):
        now_s = tenth * 0.1
        before = {tag: lagoon.values[tag] for tag in BOOL_TAGS}
        known = len(lagoon.truth)
        changed = lagoon.step(now_s)
        new = list(lagoon.truth)[known:]
        assert all(truth.at_s == now_s for truth in new)
        assert {truth.tag for truth in new} == {tag for tag in BOOL_TAGS if lagoon.values[tag] != before[tag]}
        assert all(changed[truth.tag] is truth.value for truth in new)


def test_a_live_plant_shows_a_pump_start_within_half_a_minute() -> None:
    for seed in range(20):
        lagoon = Lagoon("Costa", seed, pace=LIVE_PACE)
        lagoon.run_to(30.0)
        assert any(truth.tag.startswith("P0") and truth.value for truth in lagoon.truth), seed


def test_a_live_plant_changes_often_and_no_state_is_too_short_to_see() -> None:
    lagoon = Lagoon("Costa", seed=3, pace=LIVE_PACE)
    lagoon.run_to(3600.0)
    times = sorted({truth.at_s for truth in lagoon.truth})
    assert max(after - before for before, after in zip(times, times[1:])) < 40.0
    last: Dict[str, float] = {}
    for truth in lagoon.truth:
        assert truth.at_s - last.get(truth.tag, -10.0) >= SHORTEST_LIVE_S[0], truth
        last[truth.tag] = truth.at_s


def test_meter_and_hours_never_run_backwards_and_derived_tags_agree() -> None:
    lagoon = Lagoon("Costa", seed=5, pace=LIVE_PACE)
    total, hours = -1.0, -1.0
    for second in range(600):
        lagoon.step(float(second))
        values = lagoon.snapshot()
        pump = values["PUMP_P101"]
        assert isinstance(pump, dict)
        assert float(str(values["WM01_TOT"])) >= total
        assert float(pump["Hours"]) >= hours
        total, hours = float(str(values["WM01_TOT"])), float(pump["Hours"])
        assert pump["Run"] is values["P001_ST_SCADA"]
        word = values["ALARMS"]
        assert isinstance(word, int)
        assert [bool(word >> bit & 1) for bit in range(3)] == [values[f"ALARM_X0_{n}"] for n in (1, 2, 3)]
        assert values["RETRO_SCADA"] is values["VE239_ST"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.0, 20_000.0), min_size=1, max_size=20), st.integers(0, 5), st.sampled_from([1.0, 600.0]))
def test_changes_add_up_to_the_snapshot(steps: List[float], seed: int, pace: float) -> None:
    lagoon = Lagoon("Costa", seed, pace=pace)
    values = lagoon.snapshot()
    for dt_s in steps:
        values.update(lagoon.step(lagoon.now_s + dt_s))
    assert values == lagoon.snapshot()


def test_every_tag_has_a_value_of_its_type() -> None:
    lagoon = Lagoon("Costa", seed=5)
    lagoon.advance(DAY_S)
    assert set(lagoon.values) == set(TYPES)
    kinds = {"BOOL": bool, "REAL": float, "LREAL": float, "STRING": str, "PUMP": dict}
    for tag, type_name in TYPES.items():
        expected = list if "[" in type_name else kinds.get(type_name, int)
        assert type(lagoon.values[tag]) is expected, tag
    pump = lagoon.values["PUMP_P101"]
    assert isinstance(pump, dict)
    assert list(pump) == [member for member, _ in STRUCTS["PUMP"]]
