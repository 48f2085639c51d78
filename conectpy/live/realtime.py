"""`realtime_data`: what is known of every PLC right now, its lock, its version and the feed of changes.

Shape, as `/data` serves it: address -> {"_name": str, "_meta": {...}, tag: {...}}. Publishing a scan costs time in
proportion to what changed: tags that are live share the time of their PLC's last scan, which is filled in only when the
document is made.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from datetime import datetime
from typing import Any, Deque, Dict, Iterable, List, Mapping, Optional, Set, Tuple, cast

from ..facts.meanings import keys_of
from ..facts.plc_facts import PlcMeta, TagEntry, parts_of
from ..models import Sample, Scan
from ..settings.types import PlcSettings, TagSettings
from ..texts.catalogue import LANGUAGES, say
from ..timestamps import to_text
from ..values import to_display, to_json_value
from .error_texts import with_error_texts

FEED_LENGTH = 2_000
"""Publications that a reader may be behind before it takes a whole snapshot; each names the tags that it changed."""

NOT_READ = say("live.not_read")
NO_CONNECTION = say("live.no_connection")

Changes = Dict[str, Set[str]]
"""address -> tags whose entry changed; an address with an empty set has only a new `_meta`."""


class RealtimeData(Dict[str, Dict[str, Any]]):
    """The shared dict. Methods may be called by any thread; what they return is the caller's own.

    Entries of tags whose `quality` is OK hold `timestamp` and `latencia_ms` None: they are those of the last scan.
    """

    def __init__(self) -> None:
        super().__init__()
        self.language = LANGUAGES[0]  # of the texts as `/data` says them; set before anything is served
        self._lock = threading.Condition()  # guards everything below and the dict itself
        self._version = 0
        self._feed: Deque[Tuple[int, str, Tuple[str, ...]]] = deque(maxlen=FEED_LENGTH)
        self._settings: Dict[str, Dict[str, TagSettings]] = {}
        self._json: Dict[str, Dict[str, str]] = {}  # per PLC the tags' JSON, made when first asked for after a change
        self._document: Tuple[int, bytes] = (-1, b"")

    @property
    def version(self) -> int:
        """Grows by one with every publication."""
        return self._version

    # -- written by the PLC threads ------------------------------------------------------------------------------------

    def register(self, plc: PlcSettings, since: Optional[Mapping[str, datetime]] = None) -> None:
        """Show a PLC with these settings: one that has not been read yet with quality INIT and no values.

        Of one that is shown already, what was read of its tags stays; `since` holds the start of its open events. The
        shape of the document changes, so whoever follows the feed takes a whole snapshot next.
        """
        with self._lock:
            shown = self.get(plc.address, {})
            entries = {tag.tag: _fit_entry(tag, shown.get(tag.tag)) for tag in plc.tags}
            for tag, start_utc in (since or {}).items():
                if tag in entries:
                    entries[tag]["since"] = to_text(start_utc)
            self._settings[plc.address] = {tag.tag: tag for tag in plc.tags}
            self._json[plc.address] = {}
            meta = _fit_meta(plc, shown["_meta"]) if shown else _empty_meta(plc)
            self[plc.address] = {"_name": plc.name, "_meta": meta, **entries}
            self._publish(plc.address, entries)
            self._feed.clear()

    def forget(self, address: str) -> None:
        """Show a PLC no longer."""
        with self._lock:
            if self.pop(address, None) is not None:
                del self._settings[address], self._json[address]
                self._version += 1
                self._feed.clear()
                self._lock.notify_all()

    def publish_scan(
        self, address: str, scan: Scan, meta: Mapping[str, Any], since: Optional[Mapping[str, Optional[str]]] = None
    ) -> None:
        """Take over a scan in one publication: its samples, its time, what the loop knows of the PLC (`meta`, merged
        into `_meta`), and since when (UTC text; None: not known) the states that it changed are what they are.

        Nothing happens where the PLC is not shown (any more); the same goes for `publish_failure`.
        """
        with self._lock:
            if address not in self:
                return
            plc = self[address]
            before = plc["_meta"]
            settings = self._settings[address]
            changed = [tag for tag, _ in scan.samples]
            for tag, sample in scan.samples:
                self._apply(plc, settings[tag], sample, before, scan)
            if scan.frozen != before["frozen"]:
                changed = self._mark_frozen(plc, before, scan.frozen)
            if since:
                changed += self._set_since(plc, since)
            plc["_meta"] = {
                **before,
                **meta,
                "frozen": scan.frozen,
                "last_ok_ts": to_text(scan.received_utc),
                "last_cycle_ts": to_text(scan.received_utc),
                "last_cycle_ms": round(scan.duration_s * 1000, 3),
            }
            plc["_meta"]["quality"] = "BAD" if scan.frozen or plc["_meta"]["bad_tags"] else "OK"
            self._publish(address, changed)

    def publish_failure(
        self, address: str, at_ts: str, meta: Mapping[str, Any], since: Optional[Mapping[str, Optional[str]]] = None
    ) -> None:
        """The link is down: every live value stays, marked STALE. `meta` brings `last_error` and the counters."""
        with self._lock:
            if address not in self:
                return
            plc = self[address]
            before = plc["_meta"]
            changed = []
            for tag in self._settings[address]:
                entry = plc[tag]
                if entry["quality"] == "OK":
                    plc[tag] = {**_with_scan_time(entry, before), "quality": "STALE", "error": NO_CONNECTION}
                    changed.append(tag)
            plc["_meta"] = {**before, **meta, "quality": "DOWN", "last_cycle_ts": at_ts}
            if since:
                changed += self._set_since(plc, since)
            self._publish(address, changed)

    def _set_since(self, plc: Dict[str, Any], since: Mapping[str, Optional[str]]) -> List[str]:
        known = [tag for tag in since if tag in plc]
        for tag in known:
            plc[tag] = {**plc[tag], "since": since[tag]}
        return known

    def _apply(
        self, plc: Dict[str, Any], tag: TagSettings, sample: Sample, before: Mapping[str, Any], scan: Scan
    ) -> None:
        old = plc[tag.tag]
        if sample.error is None:
            new = {**old, "valor": to_display(sample.value, tag.decimals), "value": to_json_value(sample.value)}
            new.update(quality="OK", error=None, timestamp=None, latencia_ms=None)
            if scan.frozen is not None:
                new.update(quality="STALE", error=scan.frozen, timestamp=to_text(scan.received_utc))
        else:
            new = {**_with_scan_time(old, before), "quality": "BAD", "error": sample.error}
        plc[tag.tag] = new
        (before["bad_tags"].discard if sample.error is None else before["bad_tags"].add)(tag.tag)

    def _mark_frozen(self, plc: Dict[str, Any], before: Mapping[str, Any], frozen: Optional[str]) -> List[str]:
        changed = []
        for tag, entry in plc.items():
            if tag in ("_name", "_meta"):
                continue
            was_frozen = entry["quality"] == "STALE" and entry["error"] == before["frozen"]
            if frozen and (entry["quality"] == "OK" or was_frozen):
                plc[tag] = {**_with_scan_time(entry, before), "quality": "STALE", "error": frozen}
            elif was_frozen:
                plc[tag] = {**entry, "quality": "OK", "error": None, "timestamp": None, "latencia_ms": None}
            changed.append(tag)
        return changed

    def _publish(self, address: str, tags: Iterable[str]) -> None:
        changed = tuple(tags)
        cache = self._json[address]
        for tag in changed:
            cache.pop(tag, None)
        self._version += 1
        self._feed.append((self._version, address, changed))
        self._lock.notify_all()

    # -- read by the web -----------------------------------------------------------------------------------------------

    def qualities(self) -> Dict[str, str]:
        """PLC address -> its quality."""
        with self._lock:
            return {address: plc["_meta"]["quality"] for address, plc in self.items()}

    def last_seen(self, address: str, tag: str) -> Tuple[bool, Optional[str]]:
        """Whether a tag is live in a PLC that is read, and when it was last read well (UTC text; None: not known)."""
        with self._lock:
            plc = self.get(address, {})
            if tag not in plc:
                return False, None
            entry = _with_scan_time(plc[tag], plc["_meta"])
            return entry["quality"] == "OK", entry["timestamp"] or None

    def wait_for_change(self, version: int, timeout_s: float) -> int:
        """Block until there is something newer than `version`, at most `timeout_s`; returns the version there is."""
        with self._lock:
            self._lock.wait_for(lambda: self._version > version, timeout_s)
            return self._version

    def changes_since(self, version: int) -> Optional[Changes]:
        """What changed after `version`; None when that is too long ago (or not ours): take a whole snapshot."""
        with self._lock:
            if version == self._version:
                return {}
            if version > self._version or not self._feed:
                return None
            oldest, _, _ = self._feed[0]
            if oldest > version + 1:
                return None
            changes: Changes = {}
            for number, address, tags in reversed(self._feed):
                if number <= version:
                    break
                changes.setdefault(address, set()).update(tags)
            return changes

    def entries(self, changes: Mapping[str, Iterable[str]]) -> Dict[str, Dict[str, Any]]:
        """For each address its `_name`, `_meta` and the named tags, as `/data` shows them."""
        with self._lock:
            found = {}
            for address, tags in changes.items():
                plc = self.get(address)
                if plc is not None:
                    meta = plc["_meta"]
                    found[address] = {"_name": plc["_name"], "_meta": _meta_document(meta, self.language)}
                    found[address].update({tag: self._served(plc[tag], meta) for tag in tags if tag in plc})
            return found

    def _served(self, entry: Mapping[str, Any], meta: Mapping[str, Any]) -> Dict[str, Any]:
        return with_error_texts(_with_scan_time(entry, meta), "error", "error_", self.language)

    def snapshot(self) -> Tuple[int, Dict[str, Dict[str, Any]]]:
        """The version and everything, as `/data` shows it."""
        with self._lock:
            return self._version, self.entries({address: list(tags) for address, tags in self._settings.items()})

    def document(self) -> Tuple[int, bytes]:
        """The version and `/data`'s JSON in UTF-8, made at most once per version."""
        with self._lock:
            version, _ = self._document
            if version != self._version:
                parts = [f"{json.dumps(address)}:{self._plc_json(address)}" for address in self]
                self._document = (self._version, ("{" + ",".join(parts) + "}").encode())
            return self._document

    def _plc_json(self, address: str) -> str:
        plc, cache = self[address], self._json[address]
        meta = plc["_meta"]
        time_json = f'"timestamp":{json.dumps(meta["last_ok_ts"])},"latencia_ms":{json.dumps(meta["last_cycle_ms"])}}}'
        parts = [f'{{"_name":{json.dumps(plc["_name"])},"_meta":{json.dumps(_meta_document(meta, self.language))}']
        for tag in self._settings[address]:
            entry = plc[tag]
            text = cache.get(tag)
            if text is None:
                text = cache[tag] = _entry_json(tag, with_error_texts(entry, "error", "error_", self.language))
            parts.append(text + time_json if entry["quality"] == "OK" else text)
        return ",".join(parts) + "}"


realtime_data = RealtimeData()
"""The one global of the process: live values, shared by the PLC threads and the web."""


def _entry_json(tag: str, entry: Mapping[str, Any]) -> str:
    """`"tag":{...}`; for a live entry the two values that every scan moves are left off, to be filled in at the end."""
    if entry["quality"] != "OK":
        return f"{json.dumps(tag)}:{json.dumps(entry)}"
    fixed = {key: value for key, value in entry.items() if key not in ("timestamp", "latencia_ms")}
    return f"{json.dumps(tag)}:{json.dumps(fixed)[:-1]},"


def _with_scan_time(entry: Mapping[str, Any], meta: Mapping[str, Any]) -> Dict[str, Any]:
    if entry["quality"] != "OK":
        return dict(entry)
    return {**entry, "timestamp": meta["last_ok_ts"], "latencia_ms": meta["last_cycle_ms"]}


def _empty_entry(tag: TagSettings) -> TagEntry:
    return {
        "label": tag.label,
        "valor": "",
        "value": None,
        "unit": tag.unit,
        "timestamp": None,
        "latencia_ms": None,
        "quality": "STALE",
        "error": NOT_READ,
        "is_state": tag.is_state,
        "since": None,
        "decimals": tag.decimals,
    }


def _fit_entry(tag: TagSettings, shown: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """The entry of a tag under these settings, with what is shown of it now."""
    empty: Dict[str, Any] = {**_empty_entry(tag)}
    if shown is None:
        return empty
    entry = {**shown, **{key: empty[key] for key in ("label", "unit", "is_state", "decimals")}}
    if not tag.is_state:
        entry["since"] = None
    if isinstance(shown["value"], float) and shown["decimals"] != tag.decimals:
        entry["valor"] = to_display(shown["value"], tag.decimals)
    return entry


def _fit_meta(plc: PlcSettings, shown: Mapping[str, Any]) -> Dict[str, Any]:
    """`_meta` under these settings, with what is shown now, as far as the driver has it."""
    empty = _empty_meta(plc)
    kept = {key: shown[key] for key in empty if key in shown}
    fixed = {key: empty[key] for key in ("driver", "interval_s", "simulated")}
    return {**empty, **kept, **fixed, "bad_tags": shown["bad_tags"] & {tag.tag for tag in plc.tags}}


def _empty_meta(plc: PlcSettings) -> Dict[str, Any]:
    """`_meta` before the first scan, as `PlcMeta` and the driver's facts have it; but `bad_tags` names the bad ones."""
    return {
        **{key.name: None for key in keys_of(*parts_of(plc.driver))},
        "quality": "INIT",
        "driver": plc.driver,
        "interval_s": plc.interval_s,
        "simulated": plc.is_simulated,
        "bad_tags": set(),
        "consecutive_fails": 0,
        "reconnects": 0,
        "errors": (),
        "longest_gap_s": 0.0,
        "overruns": 0,
        "missed_cycles": 0,
    }


def _meta_document(meta: Mapping[str, Any], language: str) -> PlcMeta:
    """`_meta` as served: the set of bad tags as their number, floats that JSON cannot hold as null, texts in words."""
    served = {key: to_json_value(value) for key, value in meta.items()}
    served["bad_tags"] = len(meta["bad_tags"])
    for key in ("frozen", "last_error"):
        served = with_error_texts(served, key, f"{key}_", language)
    served["errors"] = [with_error_texts(error, "text", "", language) for error in meta["errors"]]
    return cast(PlcMeta, served)
