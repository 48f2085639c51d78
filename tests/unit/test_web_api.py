from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from flask.testing import FlaskClient

from conectpy.timestamps import to_text, utc_now
from tests.web_plant import ALARM, FLOW, NORTH, PRESSURE, PUMP, ROUTE, SOUTH, T0, VALVE, Plant, running_plant

COLUMNS = {
    "id", "uid", "plc_ip", "plc_name", "tag", "tag_label", "start_ts", "end_ts", "created_at", "start_earliest_ts",
    "start_quality", "end_earliest_ts", "end_quality", "gap_count", "gap_s", "flags", "duration_s",
    "rev", "start_device_ts", "end_device_ts", "seen_until_ts",
}  # fmt: skip


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """25 closed events of the north pump, an hour apart, one open of its valve, one alarm in the south."""
    with running_plant(tmp_path_factory.mktemp("plant")) as plant:
        for hour in range(25):
            plant.add_event(T0 + timedelta(hours=hour), 60.0 * (hour + 1))
        plant.add_event(T0 + timedelta(hours=30), None, tag=VALVE.tag)
        plant.add_event(T0 + timedelta(hours=3), 10.0, plc=SOUTH, tag=ALARM.tag, unsure_s=300.0)
        plant.flush()
        yield plant


@pytest.fixture
def client(plant: Plant) -> FlaskClient:
    return plant.app.test_client()


def get(client: FlaskClient, path: str, **query: Any) -> Any:
    response = client.get(path, query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def all_pages(client: FlaskClient, path: str) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = []
    link = path
    while link:
        response = client.get(link)
        assert response.status_code == 200
        found += response.get_json()
        header = response.headers.get("Link", "")
        assert not header or header.endswith('>; rel="next"')
        link = header[1 : header.index(">")].replace("http://localhost", "") if header else ""
    return found


# -- /api/events -------------------------------------------------------------------------------------------------------


def test_events_have_every_column_and_the_newest_is_first(client: FlaskClient) -> None:
    found = get(client, "/api/events")
    assert isinstance(found, list)
    assert len(found) == 27
    assert all(set(event) == COLUMNS for event in found)
    starts = [event["start_ts"] for event in found]
    assert starts == sorted(starts, reverse=True)
    assert found[0]["tag"] == VALVE.tag
    assert found[0]["end_ts"] is None
    assert found[0]["duration_s"] is None
    assert found[1]["duration_s"] == 1500.0
    assert found[1]["start_ts"] == to_text(T0 + timedelta(hours=24))


@pytest.mark.parametrize("limit", [1, 4, 9, 26, 27])
def test_pages_hold_every_event_once(client: FlaskClient, limit: int) -> None:
    whole = get(client, "/api/events")
    assert all_pages(client, f"/api/events?limit={limit}") == whole


def test_the_next_page_keeps_all_other_filters(client: FlaskClient) -> None:
    path = f"/api/events?plc=Costa+del+Lago&tag={PUMP.tag}&open=false&from=2026-03-01&to=2026-03-02&limit=3&text=bomba"
    found = all_pages(client, path)
    assert len(found) == 25
    assert {event["tag"] for event in found} == {PUMP.tag}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"plc": NORTH}, 26),
        ({"plc": "Costa del Lago"}, 26),
        ({"plc": SOUTH}, 1),
        ({"plc": "nobody"}, 0),
        ({"tag": VALVE.tag}, 1),
        ({"open": "true"}, 1),
        ({"open": "1"}, 1),
        ({"open": "false"}, 26),
        ({"open": "0"}, 26),
        ({"text": "VÁLVULA"}, 1),
        ({"min_duration": "1200"}, 7),  # six of the pump, and the one that is open
        ({"quality": "gap"}, 1),
        ({"from": "2026-03-01T13:00:30Z", "to": "2026-03-01T13:00:31Z"}, 1),  # lies within an event
        ({"from": "2026-03-01T12:00:59.900Z", "to": "2026-03-01T13:00:00Z"}, 1),
        ({"from": "2026-03-01T12:01:00Z", "to": "2026-03-01T13:00:00Z"}, 0),  # between two
        ({"from": "2026-03-01T10:00:30", "to": "2026-03-01T10:00:31"}, 1),  # the same, in the plant's zone
        ({"from": "2026-03-02", "to": "2026-03-02"}, 11),
        ({"to": "2026-03-01T12:00:01Z"}, 1),
    ],
)
def test_filters(client: FlaskClient, query: Dict[str, str], count: int) -> None:
    assert len(get(client, "/api/events", **query)) == count


def test_before_takes_an_id_or_a_time(client: FlaskClient) -> None:
    whole = get(client, "/api/events")
    assert get(client, "/api/events", before=whole[4]["id"]) == whole[5:]
    assert get(client, "/api/events", before=whole[4]["start_ts"]) == whole[5:]


def test_wrong_parameters_are_a_problem_that_names_them(client: FlaskClient) -> None:
    response = client.get("/api/events?limit=0&open=x&from=never&colour=red")
    assert response.status_code == 400
    assert response.mimetype == "application/problem+json"
    problem = response.get_json()
    assert problem["status"] == 400
    assert [fault["name"] for fault in problem["errors"]] == ["colour", "open", "from", "limit"]
    assert client.get("/api/events?before=999999").get_json()["errors"][0]["name"] == "before"


def test_what_is_wrong_with_a_parameter_is_told_to_a_person_in_their_language(client: FlaskClient) -> None:
    problem = client.get("/api/events?limit=0&lang=es", headers={"Accept-Language": "es"}).get_json()
    (limit,) = [fault for fault in problem["errors"] if fault["name"] == "limit"]
    english = "must be a whole number from 1 to 1000, got '0'"
    assert limit == {"name": "limit", "reason": english, "code": "param.whole"}
    assert "limit: debe ser un número entero de 1 a 1000, se leyó '0'" in problem["detail"]
    assert problem["code"] == "param.wrong"
    page = client.get("/events?from=never&lang=es").get_data(as_text=True)
    assert "debe ser una hora ISO 8601" in page
    by = client.get("/api/stats?by=day&from=1970-01-01&to=3000-01-01", headers={"Accept-Language": "es"}).get_json()
    assert (by["errors"][0]["name"], by["errors"][0]["code"]) == ("to", "hours.many")
    assert "to: más de 4000 de by=day" in by["detail"]
    assert "Esa página no existe" in client.get("/nada?lang=es").get_data(as_text=True)


def test_other_errors_are_problems_too(client: FlaskClient) -> None:
    for response in (client.get("/api/nothing"), client.post("/api/events")):
        assert response.mimetype == "application/problem+json"
        assert response.get_json()["status"] == response.status_code
    assert client.post("/data").headers["Allow"]


# -- other JSON --------------------------------------------------------------------------------------------------------


def test_timeline_groups_events_by_plc_and_tag(client: FlaskClient) -> None:
    found = get(client, "/api/timeline", **{"from": "2026-03-01", "to": "2026-03-02"})
    assert [plc["plc"] for plc in found["plcs"]] == [NORTH, SOUTH, ROUTE]
    rows = {row["tag"]: row["events"] for row in found["plcs"][0]["rows"]}
    assert list(rows) == [PUMP.tag, VALVE.tag, ALARM.tag]
    assert len(rows[PUMP.tag]) == 25
    starts = [event[0] for event in rows[PUMP.tag]]
    assert starts == sorted(starts)
    assert rows[VALVE.tag][0][1] is None
    assert not found["is_partial"]


def test_run_hours(client: FlaskClient) -> None:
    query = {"plc": NORTH, "tag": PUMP.tag, "from": "2026-03-01T00:00Z", "to": "2026-03-03T00:00Z", "tz": "UTC"}
    (pump,) = get(client, "/api/stats", **query)["stats"]
    assert [period["starts"] for period in pump["periods"]] == [12, 13]
    assert pump["true_s"] == 60.0 * sum(range(1, 26))
    assert pump["longest_s"] == 1500.0
    assert client.get("/api/stats?by=year&tz=Nowhere").status_code == 400
    assert client.get("/api/stats?from=0001-01-02&to=9999-12-30&by=day").status_code == 400


def test_history_of_several_tags(plant: Plant, client: FlaskClient) -> None:
    plant.scan(ROUTE, {PRESSURE.tag: 3.25})
    plant.cut(ROUTE)
    query = {"plc": ROUTE, "tag": [PRESSURE.tag, PUMP.tag]}
    pressure, pump = get(client, "/api/history", **query)["series"]
    assert pressure["v"] == [2.5, 3.25, None]
    assert (pump["v"], pump["is_state"]) == ([1.0, None], True)
    assert client.get(f"/api/history?plc=x&tag={PUMP.tag}").status_code == 400
    assert client.get(f"/api/history?plc={ROUTE}&tag=x").get_json()["errors"][0]["name"] == "tag"
    assert get(client, "/api/sparklines", plc="Laguna Norte")["series"][PRESSURE.tag]["v"][:1] == [2.5]


def test_health_and_metrics(plant: Plant, client: FlaskClient) -> None:
    assert get(client, "/healthz") == {"status": "ok"}
    plant.health = (False, {"status": "bad"})
    response = client.get("/healthz")
    plant.health = (True, {"status": "ok"})
    assert (response.status_code, response.get_json()) == (503, {"status": "bad"})
    assert client.get("/metrics").mimetype == "text/plain"


# -- /data -------------------------------------------------------------------------------------------------------------


def test_data_is_what_is_known_right_now(plant: Plant, client: FlaskClient) -> None:
    plant.scan(NORTH, {FLOW.tag: float("nan")}, bad=[PRESSURE.tag])
    found = get(client, "/data")
    assert found[NORTH]["_name"] == "Costa del Lago"
    assert found[NORTH]["_meta"]["simulated"] is True
    assert found[NORTH][PRESSURE.tag]["quality"] == "BAD"
    assert found[NORTH][FLOW.tag]["value"] is None
    assert found[SOUTH][PUMP.tag]["valor"] == "TRUE"


def test_data_is_sent_once_per_version(plant: Plant, client: FlaskClient) -> None:
    first = client.get("/data")
    again = client.get("/data", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["X-Server-Time"]
    plant.scan(NORTH, {PRESSURE.tag: 9.75})
    changed = client.get("/data", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize(
    ("accepted", "is_gzip"),
    [("gzip", True), ("gzip, deflate, br", True), ("*", True), ("", False), ("identity", False), ("gzip;q=0", False),
     ("gzip;q=0.2, identity;q=0.9", False), ("br", False)],
)  # fmt: skip
def test_compression_is_what_the_client_asks_for(client: FlaskClient, accepted: str, is_gzip: bool) -> None:
    response = client.get("/data", headers={"Accept-Encoding": accepted} if accepted else {})
    assert (response.headers.get("Content-Encoding") == "gzip") == is_gzip
    body = gzip.decompress(response.data) if is_gzip else response.data
    assert set(json.loads(body)) == {NORTH, SOUTH, ROUTE}
    assert "Accept-Encoding" in response.headers["Vary"]


# -- CSV ---------------------------------------------------------------------------------------------------------------


def read_csv(client: FlaskClient, path: str) -> List[Dict[str, str]]:
    response = client.get(path)
    assert response.status_code == 200
    assert response.mimetype == "text/csv"
    assert response.data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"), newline="")))


def test_csv_holds_exactly_what_the_filter_shows(client: FlaskClient) -> None:
    rows = read_csv(client, f"/events.csv?tag={PUMP.tag}&from=2026-03-02&to=2026-03-02")
    shown = get(client, "/api/events", **{"tag": PUMP.tag, "from": "2026-03-02", "to": "2026-03-02"})
    assert [(int(row["id"]), row["start_ts"], row["tag_label"]) for row in rows] == [
        (event["id"], event["start_ts"], event["tag_label"]) for event in shown
    ]
    assert client.get("/events.csv?limit=3").status_code == 400


def test_csv_of_trends_and_hours(plant: Plant, client: FlaskClient) -> None:
    now = to_text(utc_now() + timedelta(seconds=1))
    rows = read_csv(client, f"/trends.csv?plc={SOUTH}&tag={FLOW.tag}&tag={PUMP.tag}&to={now}")
    assert {(row["tag"], row["value"]) for row in rows} >= {(FLOW.tag, "12.25"), (PUMP.tag, "TRUE")}
    hours = read_csv(client, f"/hours.csv?plc={NORTH}&tag={PUMP.tag}&from=2026-03-01&to=2026-03-01")
    assert [(row["first_day"], row["starts"]) for row in hours] == [("2026-03-01", "15")]


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    from conectpy.web.frame.csv_text import cell

    for text in ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"):
        read = next(csv.reader([cell(text)]))[0]
        assert read == "'" + text
    assert cell(-1.5) == "-1.5"
    assert cell('a "b", c') == '"a ""b"", c"'
    assert cell(None) == ""
