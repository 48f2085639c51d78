"""E19 on the screen: time that nobody saw is no FALSE, no 0 h and no blank."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from conectpy.events.unseen import merge, seen_within
from conectpy.models import COLLECTOR_TAG, COMM_TAG, Gap
from conectpy.timestamps import to_text, utc_now
from conectpy.web.pages.event_text import width_text
from conectpy.web.pages.run_hours_page import hours_text
from tests.web_plant import ALARM, NORTH, PUMP, SOUTH, T0, VALVE, Plant, running_plant

HOUR_S = 3600.0
Bounds = List[Tuple[float, float]]


def at(hours: float) -> Any:
    return T0 + timedelta(hours=hours)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """From 12:00: an outage 15 to 16 h, no collector 17 to 18 h, the valve alone bad 19 to 20 h; the pump ran 2 h."""
    with running_plant(tmp_path_factory.mktemp("plant")) as plant:
        plant.add_event(at(0), 2 * HOUR_S)
        plant.add_event(at(3), HOUR_S, tag=COMM_TAG)
        plant.add_event(at(5), HOUR_S, plc="", tag=COLLECTOR_TAG, unsure_s=0.0)
        plant.add_event(at(20), 2.0)
        plant.store.record([Gap(NORTH, VALVE.tag, at(7), at(8), "bad")])
        plant.add_event(at(9), None, tag=ALARM.tag)
        plant.add_event(at(9), None, plc=SOUTH, tag=ALARM.tag)
        plant.flush()
        yield plant


@pytest.fixture
def client(plant: Plant) -> FlaskClient:
    return plant.app.test_client()


def get(client: FlaskClient, path: str, **query: Any) -> Any:
    response = client.get(path, query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50))), st.integers(0, 50), st.integers(0, 50))
def test_merged_stretches_leave_what_no_second_of_them_covers(found: Bounds, start: int, end: int) -> None:
    covered = {second for a, b in found for second in range(int(a), int(b))}
    merged = merge(found)
    assert all(b < c for (_, b), (c, _) in zip(merged, merged[1:]))
    assert seen_within(start, end, merged) == sum(second not in covered for second in range(start, end))


@pytest.mark.parametrize(
    ("tag", "unseen_s"),
    [
        (PUMP.tag, 2 * HOUR_S),
        (VALVE.tag, 3 * HOUR_S),  # and its own gap
        (COMM_TAG, HOUR_S),  # an outage is seen; nobody saw whether there was one while no collector ran
    ],
)
def test_run_hours_give_the_seconds_that_were_seen(client: FlaskClient, tag: str, unseen_s: float) -> None:
    query = {"plc": NORTH, "tag": tag, "from": to_text(at(-12)), "to": to_text(at(12)), "tz": "UTC"}
    (hours,) = get(client, "/api/stats", **query)["stats"]
    around = 2.0 if tag != COMM_TAG else 1.0  # the edges of an outage are unseen too; the record begins a second early
    assert hours["seen_s"] == pytest.approx(12 * HOUR_S - unseen_s, abs=around)
    text = client.get("/hours.csv", query_string=query).data.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert float(row["seen_s"]) == hours["seen_s"]


def test_run_hours_tell_no_record_from_0_h(client: FlaskClient) -> None:
    query = f"plc={NORTH}&tag={VALVE.tag}&from=2026-02-28&to=2026-03-01"
    spanish = client.get(f"/hours?lang=es&{query}").get_data(as_text=True)
    english = client.get(f"/hours?lang=en&{query}").get_data(as_text=True)
    assert ">sin registro</span>" in spanish  # the day before the first contact
    assert ">no record</span>" in english
    assert ">0,0 h</span>" in spanish
    assert ">visto 50 %</span>" in spanish  # local days: from 12:00 UTC, without three hours, until 03:00
    assert ">seen 50 %</span>" in english


def test_the_timeline_says_when_nobody_looked(client: FlaskClient) -> None:
    found = get(client, "/api/timeline", **{"from": to_text(at(-1)), "to": to_text(at(12))})
    assert {plc["plc"] for plc in found["plcs"]} >= {NORTH, SOUTH}
    assert "" not in {plc["plc"] for plc in found["plcs"]}
    (north,) = [plc for plc in found["plcs"] if plc["plc"] == NORTH]

    def ms(hours: float) -> int:
        return int(at(hours).timestamp() * 1000)

    assert sorted(north["unseen"]) == [
        [ms(-1), ms(0) - 1000, "before"],
        [ms(3) - 1000, ms(4), "link"],
        [ms(5), ms(6), "collector"],
    ]
    rows = {row["tag"]: row["unseen"] for row in north["rows"]}
    assert rows[VALVE.tag] == [[ms(7), ms(8), "tag"]]
    assert rows[PUMP.tag] == []


def test_an_open_event_of_a_plc_that_is_down_stops_where_it_was_last_seen(tmp_path: Path) -> None:
    with running_plant(tmp_path) as plant:
        began = utc_now() - timedelta(hours=1)
        plant.add_event(began, None, plc=SOUTH)
        plant.flush()
        client = plant.app.test_client()
        (event,) = get(client, "/api/events", plc=SOUTH)
        assert event["seen_until_ts"] is None
        assert "still active" in client.get(f"/events?lang=en&plc={SOUTH}").get_data(as_text=True)
        seen = utc_now() - timedelta(minutes=30)
        plant.scan(SOUTH, {PUMP.tag: True}, at=seen)
        plant.cut(SOUTH)
        (event,) = get(client, "/api/events", plc=SOUTH)
        assert event["seen_until_ts"] == to_text(seen)
        text = client.get("/events.csv", query_string={"plc": SOUTH}).data.decode("utf-8-sig")
        assert [row["seen_until_ts"] for row in csv.DictReader(io.StringIO(text, newline=""))] == [to_text(seen)]
        for language, words in (("en", "last seen active 30 min"), ("es", "visto activo por última vez hace 30 min")):
            page = client.get(f"/events?lang={language}&plc={SOUTH}").get_data(as_text=True)
            assert words in page
            assert ">30 min 00 s</span>" in page  # it stopped counting
            assert "data-since" not in page
        found = get(client, "/api/timeline", plc=SOUTH, tag=PUMP.tag)
        assert found["plcs"][0]["rows"][0]["unseen"] == [[int(seen.timestamp() * 1000), None, "silent"]]
        assert get(client, "/api/link")["good"] == 2


def test_from_equal_to_to_is_that_moment(client: FlaskClient) -> None:
    moment = to_text(at(1))
    found = get(client, "/api/events", **{"from": moment, "to": moment})
    assert [event["tag"] for event in found] == [PUMP.tag]
    assert get(client, "/api/events", **{"from": to_text(at(2.5)), "to": to_text(at(2.5))}) == []
    end_of_time = "9999-12-31T23:59:59.999Z"
    assert client.get(f"/api/events?from={end_of_time}&to={end_of_time}").status_code in (200, 400)


def test_a_sampled_edge_shows_its_width(plant: Plant, client: FlaskClient) -> None:
    assert "±1.0 s" in client.get(f"/events?lang=en&tag={PUMP.tag}").get_data(as_text=True)
    with plant.app.test_request_context("/?lang=es"):
        assert [width_text(one) for one in (0.05, 0.5, 1.03, 9.96)] == ["±0,05 s", "±0,50 s", "±1,0 s", "±10,0 s"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 h"), (0.2, "1 s"), (2, "2 s"), (59.4, "59 s"), (59.6, "1 min"), (90, "2 min"), (3569, "59 min"),
        (3580, "1.0 h"), (7200, "2.0 h"),
    ],
)  # fmt: skip
def test_two_seconds_are_two_seconds(plant: Plant, seconds: float, text: str) -> None:
    with plant.app.test_request_context("/?lang=en"):
        assert hours_text(seconds) == text


@pytest.mark.parametrize("path", ["/", "/events", "/timeline", "/hours", "/trends", f"/plc/{NORTH}"])
def test_every_page_has_the_state_of_its_link(client: FlaskClient, path: str) -> None:
    page = client.get(path).get_data(as_text=True)
    assert page.count('id="link-state"') == page.count('id="banner"') == page.count('id="plc-count"') == 1
