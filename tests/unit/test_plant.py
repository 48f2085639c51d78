"""The owner of the settings: what a change is made of, and what those who ask see of it."""

from __future__ import annotations

import threading
from dataclasses import fields, replace

import pytest

from conectpy.plant.current import Plant
from conectpy.plant.diff import IN_PLACE, TAG_IN_PLACE, compare
from conectpy.settings.types import DatabaseSettings, OpcUaSettings, PlcSettings, Settings, TagSettings, WebSettings

PUMP = TagSettings("P1", "Bomba", is_state=True)
LEVEL = TagSettings("LIT1", "Nivel", unit="m", decimals=2)
NORTH = PlcSettings("10.0.0.1", "Norte", tags=(PUMP, LEVEL))
SOUTH = PlcSettings("10.0.0.2", "Sur", tags=(PUMP,))
BOTH = Settings((NORTH, SOUTH))


def with_north(**options: object) -> Settings:
    return replace(BOTH, plcs=(replace(NORTH, **options), SOUTH))  # type: ignore[arg-type]


def test_the_same_settings_change_nothing() -> None:
    diff = compare(BOTH, Settings((replace(NORTH), replace(SOUTH))))
    assert diff.is_empty
    assert (diff.changed, diff.restart) == ((), ())


def test_plcs_come_and_go_by_their_address() -> None:
    moved = replace(SOUTH, address="10.0.0.9")
    diff = compare(BOTH, Settings((NORTH, moved)))
    assert (diff.added, diff.removed, diff.changed) == ((moved,), (SOUTH,), ())
    assert not diff.is_empty


@pytest.mark.parametrize(
    ("options", "needs_connection"),
    [
        ({"name": "Norte 2"}, False),
        ({"interval_s": 5.0}, False),
        ({"tag_lost_s": 5.0, "comm_delay_s": 1.0, "chatter_count": 3, "chatter_window_s": 9.0}, False),
        ({"tags": (replace(PUMP, label="Pump", on_delay_s=2.0, off_delay_s=1.0), LEVEL)}, False),
        ({"tags": (PUMP, replace(LEVEL, unit="cm", decimals=0))}, False),
        ({"tags": (LEVEL, PUMP)}, False),
        ({"timeout_s": 5.0}, True),
        ({"opcua": OpcUaSettings(mode="subscribe")}, True),
        ({"driver": "opcua"}, True),
        ({"tags": (PUMP,)}, True),
        ({"tags": (PUMP, LEVEL, TagSettings("P2", "P2"))}, True),
        ({"tags": (replace(PUMP, is_state=False), LEVEL)}, True),
        ({"tags": (replace(PUMP, node="ns=4;i=3"), LEVEL)}, True),
    ],
)
def test_what_needs_a_new_connection(options: dict[str, object], needs_connection: bool) -> None:
    diff = compare(BOTH, with_north(**options))
    assert (len(diff.reconnected), len(diff.updated)) == ((1, 0) if needs_connection else (0, 1))
    (change,) = diff.changed
    assert (change.before, change.after.address) == (NORTH, NORTH.address)
    assert set(change.options) == set(options) - {"tags"}


def test_tags_are_told_apart() -> None:
    valve = TagSettings("VE1", "Válvula", is_state=True)
    (change,) = compare(BOTH, with_north(tags=(replace(LEVEL, label="Nivel 2"), valve))).changed
    assert (change.tags_added, change.tags_removed) == ((valve,), (PUMP,))
    assert [(one.before, one.after.label, one.options) for one in change.tags_changed] == [
        (LEVEL, "Nivel 2", ("label",))
    ]


def test_an_option_that_nobody_thought_of_needs_a_new_connection() -> None:
    assert {one.name for one in fields(PlcSettings)} - IN_PLACE >= {"address", "driver", "timeout_s", "tags", "opcua"}
    assert {one.name for one in fields(TagSettings)} - TAG_IN_PLACE >= {"tag", "is_state", "node"}
    assert {one.name for one in fields(PlcSettings)} >= IN_PLACE
    assert {one.name for one in fields(TagSettings)} >= TAG_IN_PLACE


def test_what_is_read_at_start_stays_in_force_and_is_named() -> None:
    plant = Plant(BOTH)
    new = Settings((NORTH,), DatabaseSettings("other.sqlite3"), WebSettings(port=81, tls_key="k"), "DEBUG")
    assert set(plant.replace(new).restart) == {"database.path", "web.port", "web.tls_key", "log_level"}
    assert (plant.current.web, plant.current.database, plant.current.log_level) == (BOTH.web, BOTH.database, "INFO")
    assert plant.current.plcs == (NORTH,)
    assert plant.replace(new).restart


def test_names_and_labels_are_those_of_now_and_outlive_their_plc() -> None:
    plant = Plant(BOTH)
    names, labels = plant.names, plant.labels
    assert (names["10.0.0.1"], plant.name_of("10.9.9.9")) == ("Norte", "10.9.9.9")
    assert (labels["10.0.0.1", "P1"], plant.label_of("10.0.0.1", "LIT1")) == ("Bomba", "LIT1")
    plant.replace(Settings((replace(NORTH, name="Norte 2", tags=(replace(PUMP, label="Pump"),)),)))
    assert dict(names) == {"10.0.0.1": "Norte 2", "10.0.0.2": "Sur"}
    assert (labels.get(("10.0.0.1", "P1")), plant.label_of("10.0.0.2", "P1")) == ("Pump", "Bomba")
    assert plant.find_plc("10.0.0.2") is None
    assert plant.find_plc("Norte 2") is plant.find_plc("10.0.0.1") is plant.current.plcs[0]


def test_an_address_goes_before_a_name() -> None:
    odd = PlcSettings("10.0.0.3", "10.0.0.1")
    assert Plant(Settings((odd, NORTH))).find_plc("10.0.0.1") is NORTH


def test_a_simulated_plc_stays_one() -> None:
    plant = Plant(Settings((replace(NORTH, is_simulated=True), SOUTH)))
    assert plant.replace(BOTH).is_empty
    assert plant.current.plcs[0].is_simulated


def test_who_reads_while_it_changes_sees_one_version() -> None:
    few = Settings((NORTH,))
    many = Settings(tuple(PlcSettings(f"10.1.0.{number}", "many", tags=(PUMP,)) for number in range(200)))
    plant = Plant(few)
    stop, torn = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            torn.extend(len(plant.current.plcs) for _ in range(1) if len(plant.current.plcs) not in (1, 200))
            dict(plant.names.items())
            list(plant.labels)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        plant.replace(many)
        plant.replace(few)
    stop.set()
    for thread in threads:
        thread.join(10.0)
        assert not thread.is_alive()
    assert torn == []
