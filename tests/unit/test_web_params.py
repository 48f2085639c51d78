from __future__ import annotations

import contextlib
from datetime import datetime, timedelta, timezone

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from conectpy.texts.folders import hide_all_folders
from conectpy.web.frame.params import Param, read_params
from conectpy.web.frame.problems import BadParameters
from conectpy.web.frame.zones import find_zone, parse_time

MONTEVIDEO = find_zone("America/Montevideo")
MADRID = find_zone("Europe/Madrid")
assert MONTEVIDEO is not None
assert MADRID is not None


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T07:14:02Z", "2026-03-01T07:14:02"),
        ("2026-03-01T07:14:02.5Z", "2026-03-01T07:14:02.500000"),
        ("2026-03-01T07:14:02.123456789Z", "2026-03-01T07:14:02.123456"),
        ("2026-03-01T07:14+02:00", "2026-03-01T05:14:00"),
        ("2026-03-01T07:14 02:00", "2026-03-01T05:14:00"),  # an unescaped "+"
        ("2026-03-01T07:14:02-0330", "2026-03-01T10:44:02"),
        ("2026-03-01T07:14", "2026-03-01T10:14:00"),  # the plant's time
        ("2026-03-01 07:14:02", "2026-03-01T10:14:02"),
        ("2026-03-01", "2026-03-01T03:00:00"),
    ],
)
def test_times(text: str, expected: str) -> None:
    assert parse_time(text, MONTEVIDEO, is_end=False) == at(expected)


def test_a_date_as_an_end_means_the_end_of_that_day() -> None:
    assert parse_time("2026-03-01", MONTEVIDEO, is_end=True) == at("2026-03-02T03:00:00")


def test_days_have_23_or_25_hours_where_the_clock_is_set() -> None:
    spring = [parse_time("2026-03-29", MADRID, is_end=is_end) for is_end in (False, True)]
    autumn = [parse_time("2026-10-25", MADRID, is_end=is_end) for is_end in (False, True)]
    assert spring[1] - spring[0] == timedelta(hours=23)
    assert autumn[1] - autumn[0] == timedelta(hours=25)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "2026-02-30", "0001-01-01T00:00+14:00", "9999-12-31", "٢٠٢٦-03-01"]
)
def test_wrong_times(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_time(text, MONTEVIDEO, is_end=True)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_time(text, MADRID, is_end=True).tzinfo is not None


@given(st.datetimes(timezones=st.just(timezone.utc), min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)))
def test_every_moment_round_trips(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    assert parse_time(moment.isoformat(), MADRID, is_end=False) == moment


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/localtime", "Nowhere/City", "", "A" * 100, "Europe"])
def test_no_zone(name: str) -> None:
    assert find_zone(name) is None


PARAMS = (
    Param("limit", "integer", "", default=200, minimum=1, maximum=1000),
    Param("open", "boolean", ""),
    Param("from", "from_time", ""),
    Param("to", "to_time", ""),
    Param("by", "choice", "", choices=("day", "week")),
    Param("tag", "text", "", is_list=True),
    Param("min", "number", ""),
    Param("before", "cursor", ""),
)


def read(query: str) -> dict:
    with Flask("test").test_request_context(f"/?{query}"):
        return read_params(PARAMS, MONTEVIDEO)


def faults(query: str) -> list:
    with pytest.raises(BadParameters) as caught:
        read(query)
    return [fault.name for fault in caught.value.faults]


def test_absent_and_empty_parameters_have_their_defaults() -> None:
    assert read("") == read("limit=&open=&tag=")
    assert read("")["limit"] == 200


def test_typed_values() -> None:
    found = read("limit=5&open=1&by=week&tag=a&tag=b&min=1.5&before=17")
    assert (found["limit"], found["open"], found["by"], found["tag"]) == (5, True, "week", ["a", "b"])
    assert (found["min"], found["before"]) == (1.5, 17)


def test_every_fault_is_named_at_once() -> None:
    assert faults("limit=0&open=maybe&from=x&to=y&by=year&nonsense=1&min=-1&before=-2") == [
        "nonsense",
        "limit",
        "open",
        "from",
        "to",
        "by",
        "min",
        "before",
    ]


WRONG_LIMITS = ["limit=1001", "limit=1.5", "limit=+5", "limit=٥", "limit=1&limit=2", "limit=1e3", "limit=99999999999"]


@pytest.mark.parametrize("query", WRONG_LIMITS)
def test_wrong_limits(query: str) -> None:
    assert faults(query) == ["limit"]


def test_a_range_that_ends_before_it_starts() -> None:
    assert faults("from=2026-03-02&to=2026-03-01") == ["to"]


def test_too_many_and_too_long() -> None:
    assert faults("&".join("tag=x" for _ in range(9))) == ["tag"]
    assert faults(f"tag={'x' * 1001}") == ["tag"]
    assert faults("tag=a%00b") == ["tag"]


@pytest.mark.parametrize("kind", ["from_time", "to_time", "cursor"])
@pytest.mark.parametrize("text", ["0001-01-01", "0001-01-02T00:00:00Z", "1969-12-29", "9000-01-04", "9999-12-30"])
def test_times_out_of_range(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match="years 1970 to 8999"):
        Param("at", kind, "").parse(text, MONTEVIDEO)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("cannot read /srv/plant/events.sqlite3: locked", "cannot read events.sqlite3: locked"),
        ("/var/lib/events.sqlite3", "events.sqlite3"),
        (r"cannot read C:\Program Files\plant\events.sqlite3: locked", "cannot read events.sqlite3: locked"),
        (r"'\\server\share\own.pem'", "'own.pem'"),
        ("10.1.1.1/backplane/2: timed out", "10.1.1.1/backplane/2: timed out"),
        ("opc.tcp://10.0.0.5:4840/a/b: refused", "opc.tcp://10.0.0.5:4840/a/b: refused"),
        ("5 m3/h/d", "5 m3/h/d"),
    ],
)
def test_the_public_is_told_no_folders(words: str, shown: str) -> None:
    assert hide_all_folders({"/a/b/c": [words]}) == {"/a/b/c": [shown]}
