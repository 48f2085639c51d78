"""`/api/events`: the JSON API of events."""

from __future__ import annotations

from typing import Any, Dict
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from ..frame.context import context
from ..frame.params import read_params
from ..frame.responses import json_reply
from .event_json import FILTER_PARAMS, PAGE_PARAMS, to_object, to_query
from .last_seen import LastSeen

blueprint = Blueprint("api", __name__, url_prefix="/api")

EVENTS_PARAMS = (*FILTER_PARAMS, *PAGE_PARAMS)


@blueprint.get("/events")
def events() -> Response:
    """Events as a JSON list, newest first; the `Link` header leads to the next page while there is one."""
    web = context()
    values = read_params(EVENTS_PARAMS, web.zone)
    limit: int = values["limit"]
    found = web.reader.events(to_query(values, limit + 1))
    last_seen = LastSeen(web)
    response = json_reply([to_object(event, last_seen) for event in found[:limit]])
    if len(found) > limit:
        response.headers["Link"] = f'<{next_url(found[limit - 1].id)}>; rel="next"'
    return response


def next_url(last_id: int) -> str:
    """This request's address with all its filters, for the page that follows the event `last_id`."""
    query: Dict[str, Any] = {**request.args.to_dict(), "before": str(last_id)}
    return f"{request.host_url.rstrip('/')}{request.path}?{urlencode(query)}"
