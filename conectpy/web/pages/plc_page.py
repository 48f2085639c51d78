"""A PLC's own page: its connection's diagnostics, its last errors, its events, its trends."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, abort, url_for

from ...events.reader import EventQuery
from ...texts.catalogue import say
from ..frame.context import context, find_plc
from ..frame.page import page
from .event_text import to_row
from .last_seen import LastSeen

blueprint = Blueprint("plc_page", __name__)

RECENT_EVENTS = 20


@blueprint.get("/plc/<path:address>")
def plc(address: str) -> Response:
    """Everything known of one PLC; the script keeps the figures current."""
    # Some servers leave %2F of the path as it is, because it is no separator there.
    found = find_plc(address) or find_plc(address.replace("%2F", "/").replace("%2f", "/"))
    if found is None:
        abort(404, say("param.no_plc", plc=address))
    web = context()
    version, data = web.realtime.snapshot()
    events = web.reader.events(EventQuery(plc=found.address, limit=RECENT_EVENTS))
    last_seen = LastSeen(web)
    numbers = [tag for tag in found.tags if not tag.is_state][:4]
    trend_query = "&".join(f"tag={quote(tag.tag, safe='')}" for tag in numbers)
    return page(
        "plc.html",
        plc=found,
        qualities=web.realtime.qualities(),
        live={"version": version, "plc": data.get(found.address)},
        rows=[to_row(event, last_seen) for event in events],
        trends_url=f"{url_for('trends.index')}?plc={quote(found.address, safe='')}&{trend_query}",
    )
