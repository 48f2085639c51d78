"""A process that stores transitions as fast as it can and says outside of the database what is durable, until killed.

`python -m tests.faults.store_writer DATABASE ACKNOWLEDGEMENTS`
"""

from __future__ import annotations

import itertools
import os
import sys
from datetime import datetime, timedelta
from typing import Dict, List

from conectpy.events.store import EventStore
from conectpy.models import Transition
from conectpy.settings.types import DatabaseSettings
from conectpy.timestamps import from_text, to_text, utc_now

PLC = "10.0.0.1"
TAGS = ("P1", "P2", "P3", "P4")
MILLISECOND = timedelta(milliseconds=1)


def main(path: str, acknowledged: str) -> None:
    store = EventStore(DatabaseSettings(path), {PLC: "Costa"}, {})
    print("begin", flush=True)
    store.open()
    store.start()
    memory = store.load_memory(PLC)
    is_open: Dict[str, bool] = {tag: tag in memory.open_since for tag in TAGS}
    log = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    known = [state.good_utc + 2 * MILLISECOND for state in memory.states.values()]
    now_utc = max([_whole_ms(), *known])  # a time of its own for each turn, over restarts too
    for turn in itertools.count():
        now_utc = max(_whole_ms(), now_utc + MILLISECOND)
        batch: List[Transition] = []
        for tag in TAGS[turn % 3 :]:
            kind = "close" if is_open[tag] else "open"
            is_open[tag] = not is_open[tag]
            batch.append(Transition(kind, PLC, tag, now_utc, now_utc - MILLISECOND, "sampled", sent_utc=now_utc))
        store.record(batch[:2])
        store.record(batch[2:])
        store.note_states(PLC, now_utc, {tag: (is_open[tag], None) for tag in TAGS})
        if store.flush(60.0):
            lines = [f"{one.kind} {one.tag} {to_text(one.ts_utc)}\n" for one in batch]
            os.write(log, "".join(lines).encode())


def _whole_ms() -> datetime:
    return from_text(to_text(utc_now()))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
