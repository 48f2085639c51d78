"""Whoever logs never waits; what is lost is counted and told; the file turns over and nothing foreign is written to."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Iterator, List

import pytest

from conectpy.collector.plc_sinks import LogSink
from conectpy.collector.sinks import Outage
from conectpy.console.command_line import open_log_file
from conectpy.console.log_output import LogQueue
from conectpy.console.output import LanguageFormatter
from conectpy.errors import ConfigError, DriverError
from conectpy.files.rotating_file import RotatingFile
from conectpy.models import Scan
from conectpy.settings.types import PlcSettings
from conectpy.texts.catalogue import Text, say
from conectpy.timestamps import utc_now

PLC = PlcSettings("10.0.0.1", "Norte")


class Place:
    """Takes lines once it is let go; until then whoever writes stands in `write`."""

    def __init__(self) -> None:
        self.lines: List[str] = []
        self.go, self.is_reached = threading.Event(), threading.Event()
        self.error: List[OSError] = []

    def write(self, data: bytes) -> None:
        self.is_reached.set()
        assert self.go.wait(30.0)
        if self.error:
            raise self.error.pop()
        self.lines.append(data.decode("utf-8").rstrip())


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def log(place: Place) -> Iterator[LogQueue]:
    found = LogQueue("log", place.write, limit=5)
    found.setFormatter(LanguageFormatter("%(message)s", "en"))
    yield found
    place.go.set()
    found.stop()


def say_line(log: LogQueue, words: str) -> None:
    log.handle(logging.LogRecord("x", logging.WARNING, __file__, 1, words, None, None))


def test_nobody_waits_and_what_is_lost_is_told_when_lines_flow_again(place: Place, log: LogQueue) -> None:
    say_line(log, "first")
    assert place.is_reached.wait(30.0)
    for number in range(12):
        say_line(log, f"line {number}")
    assert log.lost_count == 7
    assert not log.flush_within(0.01)
    place.go.set()
    assert log.flush_within(30.0)
    lost = "7 log lines could not be written in time and are lost"
    assert place.lines == ["first", lost, *(f"line {number}" for number in range(5))]
    assert log.lost_count == 7


def test_a_full_disk_costs_the_lines_and_not_the_thread(place: Place, log: LogQueue) -> None:
    place.error.append(OSError(28, "No space left on device"))
    place.go.set()
    say_line(log, "one")
    assert log.flush_within(30.0)
    say_line(log, "two")
    assert log.flush_within(30.0)
    assert place.lines == ["two", "1 log line could not be written in time and is lost"]


def test_a_line_has_bounds_and_a_record_that_does_not_fit_its_words_is_told(place: Place, log: LogQueue) -> None:
    place.go.set()
    say_line(log, "x" * 1_000_000)
    log.handle(logging.LogRecord("lib", logging.ERROR, __file__, 1, "%d of %d", ("x",), None))
    assert log.flush_within(30.0)
    assert len(place.lines[0]) == 8192
    assert place.lines[1] == "ERROR lib: '%d of %d' ('x',)"


def test_after_the_end_nothing_is_taken(place: Place, log: LogQueue) -> None:
    place.go.set()
    log.stop()
    say_line(log, "late")
    assert log.lost_count == 1
    assert place.lines == []


# -- the file ----------------------------------------------------------------------------------------------------------


def test_the_file_starts_anew_and_keeps_those_before_it(tmp_path: Path) -> None:
    path = tmp_path / "plant.log"
    file = RotatingFile(str(path), max_bytes=100, files_kept=3)
    for number in range(12):
        file.write(b"%04d" % number + b"." * 35 + b"\n")
    file.close()
    assert sorted(os.listdir(tmp_path)) == ["plant.log", "plant.log.1", "plant.log.2"]
    texts = [(tmp_path / name).read_text() for name in ("plant.log.2", "plant.log.1", "plant.log")]
    assert [line[:4] for line in "".join(texts).splitlines()] == [f"{number:04}" for number in range(6, 12)]


def test_a_file_that_cannot_be_renamed_grows_on(tmp_path: Path) -> None:
    path = tmp_path / "plant.log"
    (tmp_path / "plant.log.1").mkdir()
    (tmp_path / "plant.log.1" / "in the way").touch()
    file = RotatingFile(str(path), max_bytes=10, files_kept=2)
    for _ in range(3):
        file.write(b"123456789\n")
    file.close()
    assert path.read_bytes() == b"123456789\n" * 3


@pytest.mark.parametrize(("name", "fault"), [("a.db", "is a database"), (".", "is no file"), ("no/x", "No such file")])
def test_what_is_no_log_is_refused_in_one_line(tmp_path: Path, name: str, fault: str) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    before = (tmp_path / "a.db").read_bytes()
    with pytest.raises(ConfigError) as refused:
        open_log_file(str(tmp_path / name))
    assert fault in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert (tmp_path / "a.db").read_bytes() == before


# -- what is said of a PLC ---------------------------------------------------------------------------------------------


def outage(text: Text, fails: int) -> Outage:
    return Outage(utc_now(), DriverError(text), text, fails, 1.0)


def test_failures_that_differ_in_numbers_only_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    sink = LogSink()
    caplog.set_level(logging.INFO)
    for fails in range(1, 5):
        sink.on_outage(PLC, outage(say("link.other_sequence"), fails), (), {})
    for fails in range(5, 8):
        text = say("link.timeout", host="10.0.0.1", port=44818, seconds=fails / 3)
        sink.on_outage(PLC, outage(text, fails), (), {})
    now = utc_now()
    sink.on_scan(PLC, Scan(now, now, 0.0, ()), (), {})
    said = [record.getMessage() for record in caplog.records]
    assert said[1] == "Norte (10.0.0.1): the last failure happened 3 more times"
    assert said[2].startswith("Norte (10.0.0.1): no answer from 10.0.0.1:44818 within")
    assert said[3:] == ["Norte (10.0.0.1): good again after 7 failures"]


def test_the_name_of_a_plc_stands_once_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    of_opcua = say("ua.failed", plc="Norte", action=say("driver.connecting"), fault="gone")
    of_logix = say("driver.failed", plc="Norte", address="10.0.0.1", action=say("driver.connecting"), fault="gone")
    formatter = LanguageFormatter("%(speaker)s%(message)s", "en")
    for text in (of_opcua, of_logix, say("link.closed")):
        LogSink().on_outage(PLC, outage(text, 1), (), {})
    lines = []
    for record in caplog.records:
        record.threadName = "plc-Norte (10.0.0.1)"
        lines.append(formatter.format(record))
    assert len(lines) == 3
    assert [line.count("Norte") for line in lines] == [1, 1, 1]
    caplog.records[0].msg, caplog.records[0].threadName = say("monitor.stopped"), "plc-Norte"
    assert formatter.format(caplog.records[0]) == "plc-Norte: stopped"
