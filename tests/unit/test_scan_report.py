"""What a scan tells: news only, each tag once."""

from __future__ import annotations

from conectpy.drivers.cip.scan_report import ScanReport
from conectpy.models import Sample


def test_what_was_learned_comes_in_the_order_of_the_configuration() -> None:
    report = ScanReport(["A", "B", "C"])
    report.add_learned([("C", Sample(3)), ("A", Sample(1))])
    report.add_learned([("B", Sample(None, "B: gone"))])
    assert report.take() == (("A", Sample(1)), ("B", Sample(None, "B: gone")), ("C", Sample(3)))
    assert report.bad == {"B"}
    assert report.take() == ()


def test_a_new_plan_that_tells_the_same_is_no_news() -> None:
    report = ScanReport(["A", "B"])
    report.add_learned([("A", Sample(1)), ("B", Sample(2))])
    report.take()
    report.add_learned([("A", Sample(1)), ("B", Sample(3))])
    assert report.take() == (("B", Sample(3)),)


def test_bad_and_good_again_within_one_scan_is_no_news() -> None:
    report = ScanReport(["A"])
    report.add_learned([("A", Sample(1))])
    report.take()
    report.add_learned([("A", Sample(None, "A: another type"))])
    report.add_learned([("A", Sample(1))])
    assert report.take() == ()
    assert report.bad == set()


def test_changes_of_learned_frames_pass_through() -> None:
    report = ScanReport(["A", "B"])
    report.add([("B", Sample(2)), ("A", Sample(1))])
    assert report.take() == (("B", Sample(2)), ("A", Sample(1)))
    report.add([("A", Sample(5))])
    report.add_learned([("A", Sample(5)), ("B", Sample(7))])
    assert report.take() == (("A", Sample(5)), ("B", Sample(7)))
