"""Bytes for the browser: JSON, compression by what the client accepts, and documents made once per version."""

from __future__ import annotations

import gzip
import json
import threading
from typing import Any, Callable, Tuple

from flask import Response, request

GZIP_LEVEL = 5
MIN_GZIP_BYTES = 1000


def accepts_gzip() -> bool:
    """Whether the client takes gzip at least as gladly as plain bytes (q-values respected)."""
    accepted = request.accept_encodings
    if not request.headers.get("Accept-Encoding"):
        return False
    quality = {name.lower(): q for name, q in reversed(list(accepted))}
    gzip_q = quality.get("gzip", quality.get("x-gzip", quality.get("*", 0)))
    return gzip_q > 0 and gzip_q >= quality.get("identity", 0)


def compress(body: bytes) -> bytes:
    """gzip without a time inside, so that equal bytes stay equal."""
    return gzip.compress(body, GZIP_LEVEL, mtime=0)


def reply(body: bytes, mimetype: str, status: int = 200) -> Response:
    """A response that is gzipped when it is worth it and the client takes it."""
    is_gzip = len(body) >= MIN_GZIP_BYTES and accepts_gzip()
    response = Response(compress(body) if is_gzip else body, status=status, mimetype=mimetype)
    if is_gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding, Accept-Language, Cookie"
    response.headers["Cache-Control"] = "no-cache"
    return response


def json_reply(document: Any, status: int = 200) -> Response:
    """A JSON response; NaN and infinities must have been replaced before."""
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    response = reply(text.encode(), "application/json", status)
    response.headers["Vary"] = "Accept-Encoding"
    return response


class VersionedBytes:
    """A document that is made and gzipped at most once per version, however many clients ask."""

    def __init__(self, make: Callable[[], Tuple[int, bytes]], boot_id: str) -> None:
        self._make = make
        self._boot_id = boot_id
        self._lock = threading.Lock()  # guards the gzipped copy
        self._gzipped: Tuple[int, bytes] = (-1, b"")

    def respond(self, mimetype: str) -> Response:
        """The newest version, as 304 where the client has it already."""
        version, body = self._make()
        is_gzip = accepts_gzip()
        tag = f"{self._boot_id}-{version}"
        if request.if_none_match.contains_weak(tag) or request.if_none_match.contains_weak(f"{tag}-gzip"):
            response = Response(status=304)
        else:
            response = Response(self._gzip(version, body) if is_gzip else body, mimetype=mimetype)
            if is_gzip:
                response.headers["Content-Encoding"] = "gzip"
        response.set_etag(f"{tag}-gzip" if is_gzip else tag)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Vary"] = "Accept-Encoding"
        return response

    def _gzip(self, version: int, body: bytes) -> bytes:
        with self._lock:
            kept_version, packed = self._gzipped
            if kept_version != version:
                packed = compress(body)
                self._gzipped = (version, packed)
            return packed
