"""Static files under a path that holds the hash of them all, so that browsers may keep them for ever.

The hash is in the path and not in each name: the ES modules import each other by relative names, and stay what they are
without a build step.
"""

from __future__ import annotations

import hashlib
import importlib.util
import mimetypes
import threading
from pathlib import Path
from typing import Dict, Optional, Tuple

from flask import Flask, Response, abort, redirect, request, url_for

from .responses import MIN_GZIP_BYTES, accepts_gzip, compress

STATIC_DIR = Path(__file__).parents[1] / "static"
VENDOR_FILES = {
    "vendor/swagger-ui.css": ("flask_swagger_ui", "dist/swagger-ui.css"),
    "vendor/swagger-ui-bundle.js": ("flask_swagger_ui", "dist/swagger-ui-bundle.js"),
}
FOREVER = "public, max-age=31536000, immutable"
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


class Assets:
    """Finds, hashes and serves the static files; the gzipped form of the small ones is kept."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._files = _find_files()
        self._hash = _hash_of(self._files)
        self._lock = threading.Lock()  # guards _gzipped
        self._gzipped: Dict[str, bytes] = {}

    def register(self) -> None:
        """Add the route and the template function `asset(name)`."""
        self._app.add_url_rule("/static/<digest>/<path:name>", "asset", self.serve)
        self._app.add_url_rule("/favicon.ico", "favicon", lambda: redirect(self.url("img/icon.svg"), 302))
        self._app.jinja_env.globals["asset"] = self.url

    def url(self, name: str) -> str:
        """The address of a static file."""
        if name not in self._files:
            raise KeyError(f"no such static file: {name}")
        return url_for("asset", digest=self._hash, name=name)

    def serve(self, digest: str, name: str) -> Response:
        """The file; an address with another hash is from an older run, and is answered without being kept."""
        path = self._files.get(name)
        if path is None:
            abort(404)
        is_current = digest == self._hash
        body, is_gzip = self._body(name, path)
        response = Response(body, mimetype=_type_of(path))
        if is_gzip:
            response.headers["Content-Encoding"] = "gzip"
        response.set_etag(f"{self._hash}-gzip" if is_gzip else self._hash)
        response.headers["Cache-Control"] = FOREVER if is_current else "no-cache"
        response.headers["Vary"] = "Accept-Encoding"
        response.make_conditional(request)
        return response

    def _body(self, name: str, path: Path) -> Tuple[bytes, bool]:
        body = path.read_bytes()
        if len(body) < MIN_GZIP_BYTES or not accepts_gzip():
            return body, False
        with self._lock:
            packed: Optional[bytes] = self._gzipped.get(name)
            if packed is None:
                packed = self._gzipped[name] = compress(body)
            return packed, True


def _find_files() -> Dict[str, Path]:
    files = {path.relative_to(STATIC_DIR).as_posix(): path for path in sorted(STATIC_DIR.rglob("*")) if path.is_file()}
    for name, (package, inner) in VENDOR_FILES.items():
        # Found, not imported: only the files are wanted, and importing costs memory.
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            path = Path(spec.origin).parent / inner
            if path.is_file():
                files[name] = path
    return files


def _hash_of(files: Dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        digest.update(name.encode() + b"\0" + str(path.stat().st_size).encode() + b"\0")
        if not name.startswith("vendor/swagger"):  # large, and its size changes with its version
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _type_of(path: Path) -> str:
    return TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
