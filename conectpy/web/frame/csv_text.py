"""CSV that spreadsheets open as it is meant: UTF-8 with a BOM, ISO times, and no cell that could run as a formula."""

from __future__ import annotations

import errno
import itertools
import logging
from typing import Any, Generator, Iterable, Iterator, Sequence

from flask import Response, request

from ...errors import StoreError
from ...texts.catalogue import say
from .context import WebContext, context

log = logging.getLogger(__name__)

BOM = "\ufeff"
ROWS_PER_PIECE = 100
_FORMULA_STARTS = "=+-@＝＋－＠\t\r\n"


def cell(value: Any) -> str:
    """One cell. Text that a spreadsheet might take for a formula gets an apostrophe in front; numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value)
    if text[:1] in _FORMULA_STARTS or text.lstrip()[:1] in _FORMULA_STARTS:
        text = "'" + text if text else text
    if any(char in text for char in ',"\r\n;'):
        return '"' + text.replace('"', '""') + '"'
    return text


def csv_pieces(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """The file in pieces, made while it is sent: a million rows need no memory."""
    lines = [BOM + ",".join(header)]
    for row in rows:
        lines.append(",".join(map(cell, row)))
        if len(lines) >= ROWS_PER_PIECE:
            yield ("\r\n".join(lines) + "\r\n").encode()
            lines = []
    if lines:
        yield ("\r\n".join(lines) + "\r\n").encode()


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A download that streams; what fails at the first rows is raised here, while an error can still be answered.

    Raises ServiceUnavailable when too many downloads are under way.
    """
    pieces = _hold_place(context(), name, request.remote_addr or "", csv_pieces(header, rows))
    first = next(pieces)
    response = Response(itertools.chain((first,), pieces), mimetype="text/csv")
    response.call_on_close(pieces.close)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _hold_place(web: WebContext, name: str, address: str, pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    """The pieces, within a place for exports; an export that cannot be finished breaks off, so that it looks broken."""
    with web.exports.hold(address):
        yield next(pieces)
        try:
            for piece in pieces:
                if web.hub.is_closing:
                    break
                yield piece
            else:
                return
        except StoreError as exc:
            log.warning(say("web.export_broken", name=name, address=address, fault=exc.text))
        raise ConnectionAbortedError(errno.ECONNABORTED, say("web.export_stopped"))
