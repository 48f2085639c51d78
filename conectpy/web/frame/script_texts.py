"""The texts that scripts show, by name, in the language of the request."""

from __future__ import annotations

from typing import Dict

from .language import translate as _


def script_messages() -> Dict[str, str]:
    """Name -> text; `{x}` stands for what the script fills in."""
    return {**_states(), **_live(), **_connection(), **_events(), **_trends(), **_facts()}


def _states() -> Dict[str, str]:
    return {
        "state.pump.on": _("running"),
        "state.pump.off": _("stopped"),
        "state.valve.on": _("open"),
        "state.valve.off": _("closed"),
        "state.alarm.on": _("ALARM"),
        "state.alarm.off": _("normal"),
        "state.other.on": _("active"),
        "state.other.off": _("inactive"),
        "state.unknown": _("unknown"),
        "state.since": _("{word} since {time}, {duration}"),
        "quality.OK": _("OK"),
        "quality.BAD": _("BAD"),
        "quality.DOWN": _("DOWN"),
        "quality.INIT": _("STARTING"),
        "tag.BAD": _("bad"),
        "tag.STALE": _("stale"),
    }


def _live() -> Dict[str, str]:
    return {
        "age": _("{age} ago"),
        "age.none": _("never read"),
        "age.last": _("last value {age} ago"),
        "age.active": _("last seen active {age} ago"),
        "plc.scan": _("scan {ms} ms"),
        "plc.age": _("last good scan {age} ago"),
        "plc.never": _("not read yet"),
        "plc.active": _("{count} active"),
        "plc.alarms": _("{count} in alarm"),
        "plc.bad": _("{count} bad"),
        "plc.simulated": _("SIMULATED"),
        "plc.error": _("Last error: {text}"),
        "plc.frozen": _("Values stand still: {text}"),
        "live.shown": _("{shown} of {total} tags"),
        "live.nothing": _("No tag matches the filter."),
        "live.collapse": _("Collapse {name}"),
        "live.expand": _("Expand {name}"),
        "sum.plcs": _("PLCs good"),
        "sum.active": _("active now"),
        "sum.alarms": _("in alarm"),
        "sum.stale": _("stale or bad"),
    }


def _connection() -> Dict[str, str]:
    return {
        "link.live": _("live"),
        "link.polling": _("live (polling)"),
        "link.lost": _("no connection"),
        "link.connecting": _("connecting"),
        "link.banner": _("No connection to the collector. Nothing on this page is current; last data {age} ago."),
        "link.never": _("No connection to the collector."),
        "link.plcs": _("{good}/{total} PLC"),
    }


def _events() -> Dict[str, str]:
    return {
        "event.open": _("still active"),
        "event.between": _("between {from} and {to}"),
        "event.before": _("before {to}"),
        "event.kept": _("The table is not current: the events cannot be read now."),
        "event.seen": _("last seen active {age} ago"),
        "event.outage": _("link down"),
        "event.more": _("Loading more failed: {text}"),
        "load.kept": _("Not current: loading failed ({text}). Drawn as of {time}."),
        "unseen.before": _("no record yet"),
        "unseen.collector": _("no collector running"),
        "unseen.link": _("link down"),
        "unseen.tag": _("this tag could not be read"),
        "unseen.silent": _("not seen since"),
        "unseen.left_out": _("not loaded: too many events"),
        "event.count": _("{count} events"),
        "event.partial": _("only the newest {count} events are drawn; narrow the time range"),
    }


def _trends() -> Dict[str, str]:
    return {
        "trend.pick": _("Choose up to 8 tags."),
        "trend.empty": _("No history in this time range."),
        "trend.full": _("8 tags at most: remove one first."),
        "trend.remove": _("Remove {tag}"),
        "trend.memory": _("History in memory: {used} of {budget} MiB, {points} points, since {oldest}."),
        "trend.unknown": _("not known"),
    }


def _facts() -> Dict[str, str]:
    return {
        "fact.age": _("Current?"),
        "fact.driver": _("Driver"),
        "fact.controller": _("Controller"),
        "fact.interval_s": _("Scan interval"),
        "fact.last_cycle_ms": _("Scan time"),
        "fact.scan_ms_median": _("Scan time, median"),
        "fact.scan_ms_p99": _("Scan time, 99 of 100"),
        "fact.scan_ms_max": _("Scan time, longest"),
        "fact.rtt_ms": _("Round trip"),
        "fact.frames_per_scan": _("Frames per scan"),
        "fact.connection_size_bytes": _("Connection size"),
        "fact.overruns": _("Overruns"),
        "fact.missed_cycles": _("Missed cycles"),
        "fact.longest_gap_s": _("Longest gap between scans"),
        "fact.reconnects": _("Reconnects"),
        "fact.consecutive_fails": _("Failures in a row"),
        "fact.clock_offset_s": _("Clock offset of the PLC"),
        "fact.bad_tags": _("Bad tags"),
    }
