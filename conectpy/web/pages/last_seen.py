"""Until when an open event is known to have gone on: one that nobody sees any more stops there (promise E19)."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, Optional

from ...models import COLLECTOR_TAG, COMM_TAG, Event
from ...timestamps import to_moment
from ..frame.context import WebContext


class LastSeen:
    """What one answer needs to know of this; used by one thread, for as long as the answer is made."""

    def __init__(self, web: WebContext) -> None:
        self._web = web
        self._stored: Dict[str, Dict[str, datetime]] = {}  # PLC address -> what the file knows, asked for once

    def of_event(self, event: Event) -> Optional[datetime]:
        """When an open event that nobody sees now was last seen TRUE; None where it is seen, or has ended.

        Never before its start, which was seen.
        """
        if event.end_utc is not None or event.tag in (COMM_TAG, COLLECTOR_TAG):
            return None
        known_utc = self.of_tag(event.plc_ip, event.tag)
        return None if known_utc is None else max(known_utc, event.start_utc)

    def of_tag(self, plc: str, tag: str) -> Optional[datetime]:
        """When a tag that nobody sees now was last read well; None where it is seen, or nothing is known."""
        is_live, text = self._web.realtime.last_seen(plc, tag)
        if is_live:
            return None
        seen_utc = to_moment(text)
        if seen_utc is None:
            if plc not in self._stored:
                self._stored[plc] = self._web.reader.known_until(plc)
            seen_utc = self._stored[plc].get(tag)
        return seen_utc
