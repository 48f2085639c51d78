"""The shared dict: what `/data` serves, what a lost link leaves, what a change costs."""

from __future__ import annotations

import json
import math
import threading
from datetime import datetime, timedelta, timezone
from typing import Any, Dict

import pytest

from conectpy.live.realtime import RealtimeData
from conectpy.models import Sample, Scan
from conectpy.settings.types import PlcSettings, TagSettings
from conectpy.texts.catalogue import say

T0 = datetime(2026, 3, 1, 7, 0, tzinfo=timezone.utc)
ADDRESS = "10.0.0.1"
HOSTILE = '<img onerror="x">'


def scan(second: float, frozen: Any = None, **samples: Any) -> Scan:
    at = T0 + timedelta(seconds=second)
    pairs = tuple((tag, one if isinstance(one, Sample) else Sample(one)) for tag, one in samples.items())
    return Scan(at, at, 0.012, pairs, frozen)


@pytest.fixture
def realtime() -> RealtimeData:
    tags = (
        TagSettings("P1", "Bomba", is_state=True),
        TagSettings("PT1", "Presión", "bar", 2),
        TagSettings(HOSTILE, HOSTILE),
    )
    found = RealtimeData()
    found.register(PlcSettings(ADDRESS, "Planta", tags=tags))
    return found


def served(realtime: RealtimeData) -> Dict[str, Any]:
    document: Dict[str, Any] = json.loads(realtime.document()[1])
    assert document == json.loads(json.dumps(realtime.snapshot()[1]))
    return document[ADDRESS]


def test_before_the_first_scan_nothing_is_claimed(realtime: RealtimeData) -> None:
    plc = served(realtime)
    assert (plc["_name"], plc["_meta"]["quality"]) == ("Planta", "INIT")
    assert (plc["P1"]["value"], plc["P1"]["valor"], plc["P1"]["quality"]) == (None, "", "STALE")


def test_a_scan_shows_values_with_the_time_of_the_scan(realtime: RealtimeData) -> None:
    realtime.publish_scan(ADDRESS, scan(0, P1=True, PT1=1.239, **{HOSTILE: "x"}), {"overruns": 3})
    realtime.publish_scan(ADDRESS, scan(1, PT1=1.3), {})
    plc = served(realtime)
    assert plc["_meta"]["quality"] == "OK"
    assert plc["_meta"]["overruns"] == 3
    assert plc["P1"] == {
        "label": "Bomba",
        "valor": "TRUE",
        "value": True,
        "unit": "",
        "timestamp": "2026-03-01T07:00:01.000Z",
        "latencia_ms": 12.0,
        "quality": "OK",
        "error": None,
        "is_state": True,
        "since": None,
        "decimals": None,
    }
    assert plc["PT1"]["valor"] == "1.30"


def test_a_bad_sample_keeps_the_last_value_and_its_time(realtime: RealtimeData) -> None:
    realtime.publish_scan(ADDRESS, scan(0, P1=True, PT1=1.5), {})
    realtime.publish_scan(ADDRESS, scan(1, PT1=Sample(None, "no such tag")), {})
    plc = served(realtime)
    assert (plc["PT1"]["value"], plc["PT1"]["quality"], plc["PT1"]["error"]) == (1.5, "BAD", "no such tag")
    assert plc["PT1"]["timestamp"] == "2026-03-01T07:00:00.000Z"
    assert plc["P1"]["timestamp"] == "2026-03-01T07:00:01.000Z"
    assert (plc["_meta"]["quality"], plc["_meta"]["bad_tags"]) == ("BAD", 1)
    realtime.publish_scan(ADDRESS, scan(2, PT1=1.5), {})
    assert (served(realtime)["_meta"]["quality"], served(realtime)["PT1"]["quality"]) == ("OK", "OK")


def test_when_the_link_drops_the_last_values_stay_as_stale(realtime: RealtimeData) -> None:
    realtime.publish_scan(ADDRESS, scan(0, P1=True, PT1=1.5), {})
    realtime.publish_failure(ADDRESS, "2026-03-01T07:00:05.000Z", {"last_error": "timed out", "consecutive_fails": 1})
    plc = served(realtime)
    assert (plc["_meta"]["quality"], plc["_meta"]["last_error"]) == ("DOWN", "timed out")
    assert plc["_meta"]["last_ok_ts"] == "2026-03-01T07:00:00.000Z"
    assert (plc["P1"]["value"], plc["P1"]["quality"]) == (True, "STALE")
    assert plc["P1"]["timestamp"] == "2026-03-01T07:00:00.000Z"


def test_a_frozen_controller_makes_values_stale_until_it_runs(realtime: RealtimeData) -> None:
    realtime.publish_scan(ADDRESS, scan(0, P1=True, PT1=1.5), {})
    realtime.publish_scan(ADDRESS, scan(1, frozen="controller in PROGRAM mode"), {})
    assert served(realtime)["P1"]["quality"] == "STALE"
    assert served(realtime)["_meta"]["quality"] == "BAD"
    realtime.publish_scan(ADDRESS, scan(2, PT1=1.6), {})
    assert {served(realtime)[tag]["quality"] for tag in ("P1", "PT1")} == {"OK"}
    assert served(realtime)[HOSTILE]["quality"] == "STALE"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_float_breaks_the_json(realtime: RealtimeData, value: float) -> None:
    realtime.publish_scan(ADDRESS, scan(0, PT1=value), {"clock_offset_s": value})
    tag = served(realtime)["PT1"]
    assert tag["value"] is None
    assert tag["valor"].lstrip("-") in ("NaN", "Infinity")
    assert b"NaN," not in realtime.document()[1].replace(b'"NaN"', b"")


def test_the_document_is_made_once_per_version(realtime: RealtimeData) -> None:
    assert realtime.document()[1] is realtime.document()[1]
    before = realtime.document()
    realtime.publish_scan(ADDRESS, scan(0, P1=True), {})
    assert realtime.document()[0] > before[0]


def test_the_feed_tells_what_changed(realtime: RealtimeData) -> None:
    start = realtime.version
    realtime.publish_scan(ADDRESS, scan(0, P1=True, PT1=1.5), {})
    realtime.publish_scan(ADDRESS, scan(1, PT1=1.6), {})
    assert realtime.changes_since(start) == {ADDRESS: {"P1", "PT1"}}
    assert realtime.changes_since(start + 1) == {ADDRESS: {"PT1"}}
    assert realtime.changes_since(realtime.version) == {}
    assert realtime.changes_since(realtime.version + 5) is None
    assert realtime.entries({ADDRESS: ["PT1"]})[ADDRESS]["PT1"]["value"] == 1.6


def test_waiting_ends_with_a_change(realtime: RealtimeData) -> None:
    version = realtime.version
    timer = threading.Timer(0.05, realtime.publish_scan, (ADDRESS, scan(0, P1=True), {}))
    timer.start()
    assert realtime.wait_for_change(version, 30.0) > version
    timer.join()
    assert realtime.wait_for_change(realtime.version, 0.0) == realtime.version


def test_an_error_is_served_in_the_language_of_the_process_and_with_code_and_texts(realtime: RealtimeData) -> None:
    realtime.language = "es"
    text = say("link.no_reply", seconds=3.0)
    both = {"en": text.in_language("en"), "es": text.in_language("es")}
    errors = ({"ts": "2026-03-01T07:00:05.000Z", "text": text},)
    realtime.publish_failure(ADDRESS, "2026-03-01T07:00:05.000Z", {"last_error": text, "errors": errors})
    plc = served(realtime)
    meta = plc["_meta"]
    assert (meta["last_error"], meta["last_error_code"]) == (both["es"], "link.no_reply")
    assert meta["last_error_texts"] == both
    (error,) = meta["errors"]
    assert error == {"ts": "2026-03-01T07:00:05.000Z", "text": both["es"], "code": "link.no_reply", "texts": both}
    assert (plc["P1"]["error"], plc["P1"]["error_code"]) == ("aún sin leer", "live.not_read")


def test_values_that_stand_still_say_why_and_are_live_again(realtime: RealtimeData) -> None:
    realtime.language = "es"
    frozen = say("logix.program_mode")
    realtime.publish_scan(ADDRESS, scan(0, frozen, P1=True, PT1=1.0, **{HOSTILE: "x"}), {})
    plc = served(realtime)
    assert plc["P1"]["error"] == plc["_meta"]["frozen"] == frozen.in_language("es")
    assert plc["P1"]["error_code"] == plc["_meta"]["frozen_code"] == "logix.program_mode"
    realtime.publish_scan(ADDRESS, scan(1), {})
    plc = served(realtime)
    assert (plc["P1"]["quality"], plc["P1"]["error"], plc["_meta"]["frozen"]) == ("OK", None, None)
    assert not {"error_code", "error_texts"} & set(plc["P1"])


def test_a_value_and_since_when_it_holds_come_in_one_version(realtime: RealtimeData) -> None:
    before = realtime.version
    at_ts = "2026-03-01T07:00:00.000Z"
    realtime.publish_scan(ADDRESS, scan(0, P1=True), {}, {"P1": at_ts})
    assert realtime.version == before + 1
    assert realtime.changes_since(before) == {ADDRESS: {"P1"}}
    assert (served(realtime)["P1"]["value"], served(realtime)["P1"]["since"]) == (True, at_ts)
    realtime.publish_scan(ADDRESS, scan(3), {}, {"P1": None, "GONE": at_ts})
    assert realtime.changes_since(before + 1) == {ADDRESS: {"P1"}}
    realtime.publish_failure(ADDRESS, at_ts, {}, {"P1": at_ts})
    assert realtime.version == before + 3
    assert (served(realtime)["P1"]["quality"], served(realtime)["P1"]["since"]) == ("STALE", at_ts)


def test_other_settings_keep_what_was_read(realtime: RealtimeData) -> None:
    realtime.publish_scan(ADDRESS, scan(0, P1=True, PT1=1.239), {}, {"P1": "2026-03-01T07:00:00.000Z"})
    realtime.publish_scan(ADDRESS, scan(1, **{HOSTILE: Sample(None, "gone")}), {})
    before = realtime.version
    tags = (TagSettings("PT1", "Pressure", "kPa", 1), TagSettings("P1", "Pump", is_state=True), TagSettings("N1", "N1"))
    realtime.register(PlcSettings(ADDRESS, "Plant", interval_s=5.0, tags=tags))
    plc = served(realtime)
    assert [tag for tag in plc if not tag.startswith("_")] == ["PT1", "P1", "N1"]
    assert (plc["_name"], plc["_meta"]["interval_s"], plc["_meta"]["bad_tags"]) == ("Plant", 5.0, 0)
    assert (plc["PT1"]["label"], plc["PT1"]["unit"], plc["PT1"]["valor"]) == ("Pressure", "kPa", "1.2")
    assert (plc["P1"]["value"], plc["P1"]["since"]) == (True, "2026-03-01T07:00:00.000Z")
    assert (plc["N1"]["quality"], plc["N1"]["value"]) == ("STALE", None)
    assert realtime.changes_since(before) is None, "who follows takes a whole snapshot"
    realtime.publish_scan(ADDRESS, scan(2, N1=1), {})
    assert realtime.changes_since(before) is None
    assert realtime.changes_since(realtime.version - 1) == {ADDRESS: {"N1"}}


def test_a_plc_that_leaves_is_gone_and_its_late_scan_nobodys(realtime: RealtimeData) -> None:
    before = realtime.version
    realtime.forget(ADDRESS)
    realtime.forget("10.9.9.9")
    assert realtime.changes_since(before) is None
    assert realtime.version == before + 1
    realtime.publish_scan(ADDRESS, scan(0, P1=True), {})
    realtime.publish_failure(ADDRESS, "2026-03-01T07:00:05.000Z", {})
    assert json.loads(realtime.document()[1]) == realtime.snapshot()[1] == {}
    assert realtime.entries({ADDRESS: ["P1"]}) == {}
