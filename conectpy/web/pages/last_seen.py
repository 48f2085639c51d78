"""Until when an open event is known to have gone on: one that nobody sees any more stops there (promise E19)."""

from __future__ import annotations

from datetime import datetime
from typing import Optional

from ...models import COLLECTOR_TAG, COMM_TAG, Event
from ...timestamps import to_moment
from ..frame.context import WebContext


def seen_until(web: WebContext, event: Event) -> Optional[datetime]:
    """When an open event was last seen TRUE, if it is not seen now; None where it is, and for events that have ended.

    Never before its start, which was seen.
    """
    if event.end_utc is not None or event.tag in (COMM_TAG, COLLECTOR_TAG):
        return None
    known_utc = tag_seen_until(web, event.plc_ip, event.tag)
    return None if known_utc is None else max(known_utc, event.start_utc)


def tag_seen_until(web: WebContext, plc: str, tag: str) -> Optional[datetime]:
    """When a tag that nobody sees now was last read well; None where it is seen, or nothing is known."""
    is_live, text = web.realtime.last_seen(plc, tag)
    return None if is_live else to_moment(text) or web.reader.known_until(plc, tag)
