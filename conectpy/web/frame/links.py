"""Addresses that lead on from a request, and what the filter form of the pages shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Dict, List, Sequence, Tuple
from urllib.parse import urlencode

from flask import request

from ...settings.types import TagSettings
from ...timestamps import utc_now
from .context import configured_plcs, context, find_plc
from .language import translate as _
from .problems import ParamFault
from .zones import parse_time


def link(path: str = "", **changes: Any) -> str:
    """This page's (or another's) address with some parameters changed; None takes one away."""
    query = {**request.args.to_dict(), **changes}
    kept = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path or request.path}?{urlencode(kept)}" if kept else path or request.path


def filter_values(faults: Sequence[ParamFault]) -> Dict[str, Any]:
    """What the form shows: the choices, and what was typed."""
    plcs = configured_plcs()
    tags: Dict[str, TagSettings] = {tag.tag: tag for plc in plcs for tag in plc.tags if tag.is_state}
    typed = request.args.to_dict()
    return {
        "faults": faults,
        "values": {**typed, "from": _for_input(typed.get("from")), "to": _for_input(typed.get("to"), is_end=True)},
        "plcs": plcs,
        "known_plc": find_plc(typed.get("plc", "")) is not None,
        "tags": list(tags.values()),
        "ranges": quick_ranges(),
        "qualities": _qualities(),
    }


def filter_summary() -> str:
    """The filter in one line, for the head of a printed page."""
    return " · ".join(f"{name}: {value}" for name, value in request.args.items() if value and name != "lang")


def quick_ranges() -> List[Dict[str, Any]]:
    """The ranges most asked for, as links; days are the plant's."""
    today = utc_now().astimezone(context().zone).date()
    day = timedelta(days=1)
    choices: List[Tuple[str, str, str]] = [
        (_("Today"), str(today), str(today)),
        (_("Yesterday"), str(today - day), str(today - day)),
        (_("7 days"), str(today - 6 * day), str(today)),
        (_("30 days"), str(today - 29 * day), str(today)),
    ]
    asked = (request.args.get("from"), request.args.get("to"))
    links = []
    for label, start, end in choices:
        changes: Dict[str, Any] = {"from": start, "to": end, "before": None}
        links.append({"label": label, "url": link(**changes), "is_current": asked == (start, end)})
    return links


def _for_input(text: Any, *, is_end: bool = False) -> str:
    """A time as the browser's field wants it: the plant's local time without a zone."""
    if not text:
        return ""
    zone = context().zone
    try:
        return parse_time(text, zone, is_end=is_end).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError):
        return ""


def _qualities() -> List[Tuple[str, str]]:
    return [
        ("exact", _("exact (time of the device)")),
        ("sampled", _("to one scan")),
        ("gap", _("during an outage")),
        ("at_connect", _("began before first contact")),
        ("removed", _("tag taken out")),
        ("tag_lost", _("tag vanished")),
    ]
