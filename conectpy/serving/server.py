"""cheroot's HTTP over an accept loop of our own (http_connections.py): binding, serving, stopping."""

from __future__ import annotations

import errno
import functools
import ipaddress
import logging
import os
import socket
import ssl
import sys
import time
from typing import Any, Optional

from cheroot import errors as cheroot_errors
from cheroot import server as cheroot_server
from cheroot import wsgi
from flask import Flask

from ..errors import WebError
from ..settings.types import WebSettings
from ..texts.catalogue import Text, say, text_of
from .http_connections import MAX_HEAD_BYTES, WORK_TIMEOUT_S, ConnectionGuard, GuardedConnection
from .paced_writer import has_left
from .stream import ADOPT, IS_GONE, Stream, StreamHub
from .workers import WorkerPool

log = logging.getLogger(__name__)

BACKLOG = 512


class _Request(cheroot_server.HTTPRequest):  # type: ignore[misc]
    """One request. No page needs a body, so none is read: the connection ends instead of waiting for it."""

    def respond(self) -> None:
        length = self.inheaders.get(b"Content-Length", b"0").strip()
        if not length.isdigit() or len(length) > 12:
            self.close_connection = True
            self.simple_response("400 Bad Request", "Content-Length is no number")
            return
        if self.chunked_read or int(length) > 0:
            self.close_connection = True
            self.conn.has_body = True
        super().respond()


class _Connection(GuardedConnection):
    RequestHandlerClass = _Request
    has_body = False

    def close(self) -> None:
        if self.has_body and not self.is_closed:
            self._skip_body()
        super().close()

    def _skip_body(self) -> None:
        """Take in what has arrived: closing over unread bytes would reset the line and destroy the answer."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.settimeout(0.2)
            for _ in range(64):
                if not self.socket.recv(16384):
                    break
        except (OSError, ValueError):
            log.debug("web: %s sent a body and left", self.remote_addr)


class _Gateway(wsgi.Gateway_10):  # type: ignore[misc]
    """WSGI, with a way to hand the socket over to the stream hub."""

    def get_environ(self) -> Any:
        environ: Any = super().get_environ()  # type: ignore[no-untyped-call]
        environ[ADOPT] = self._adopt
        environ[IS_GONE] = functools.partial(has_left, self.req.conn.socket)
        return environ

    def _adopt(self, stream: Stream) -> None:
        self.req.conn.stream = stream

    def respond(self) -> None:
        super().respond()
        stream = self.req.conn.stream
        if stream is not None:
            stream.is_chunked = self.req.chunked_write
            self.req.chunked_write = False  # the response goes on: no end mark yet
            self.req.close_connection = False


class _HttpServer(wsgi.Server):  # type: ignore[misc]
    """What cheroot's requests want to know of their server; connections are the guard's."""

    max_request_header_size = MAX_HEAD_BYTES
    ConnectionClass = _Connection

    def __init__(self, address: Any, app: Flask, hub: StreamHub) -> None:
        super().__init__(address, app, server_name="conectpy", request_queue_size=BACKLOG, timeout=int(WORK_TIMEOUT_S))
        self.max_request_body_size = app.config["MAX_CONTENT_LENGTH"]
        self.gateway = _Gateway
        self.software = "conectpy"
        self.hub = hub
        self.guard: Optional[ConnectionGuard] = None

    @property
    def can_add_keepalive_connection(self) -> bool:
        return not self.hub.is_closing

    def put_conn(self, conn: GuardedConnection) -> None:
        """A worker has answered and the connection stays open."""
        assert self.guard is not None
        if conn.stream is not None:
            self.guard.forget(conn)
            self.hub.adopt(conn.stream, conn.socket, conn.close)
        elif self.hub.is_closing:
            conn.close()
        else:
            self.guard.put_back(conn)

    def forget_conn(self, conn: GuardedConnection) -> None:
        """A connection has been closed."""
        if self.guard is not None:
            self.guard.forget(conn)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        log.log(level, "web: %s", msg, exc_info=traceback)


class WebServer:
    """Serves the application: `bind` first, then `serve` in a thread of its own until `stop`."""

    def __init__(self, app: Flask, hub: StreamHub, settings: WebSettings) -> None:
        self._settings = settings
        self._hub = hub
        self._tls: Optional[ssl.SSLContext] = None
        self._http = _HttpServer((settings.host or "127.0.0.1", settings.port), app, self._hub)
        self._workers = WorkerPool(self._answer, settings.threads)
        self._guard: Optional[ConnectionGuard] = None
        self.port = settings.port

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host = self._settings.host
        host = "localhost" if host in ("0.0.0.0", "::", "127.0.0.1", "::1", "") else host
        return f"{'https' if self._tls else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def bind(self) -> None:
        """Load the certificate and take the port; raises WebError with one line that says the way out."""
        settings = self._settings
        if settings.tls_certificate:
            self._tls = _tls_context(settings.tls_certificate, settings.tls_key)
        listener = _listen(settings.host or "127.0.0.1", self.port)
        self.port = listener.getsockname()[1]
        self._http.bind_addr = listener.getsockname()[:2]
        # However many browsers stand behind one address, a quarter of the threads is for others.
        share = min(settings.connections_per_address, max(1, settings.threads * 3 // 4))
        self._guard = ConnectionGuard(self._http, listener, self._tls, _Connection, share, self._workers.put)
        self._http.guard = self._guard
        if not _is_loopback(listener.getsockname()[0]):
            log.warning(say("server.unprotected", host=listener.getsockname()[0]))

    def serve(self) -> None:
        """Answer until `stop`; runs in the thread "web". Called again after it failed, it takes the same port again."""
        if self._hub.is_closing:
            return
        if self._guard is None:
            self.bind()
        guard = self._guard
        assert guard is not None
        try:
            guard.run()
        finally:
            self._guard = None
            guard.close()

    def stop(self, deadline_s: float = 2.0) -> None:
        """End the streams, then the requests in flight, then the sockets. Any thread; returns within the deadline."""
        end_s = time.monotonic() + deadline_s
        self._hub.stop(deadline_s / 2)
        guard = self._guard
        if guard is not None:
            guard.stop()
        self._workers.stop(max(0.1, (end_s - time.monotonic()) / 2))

    def _answer(self, conn: GuardedConnection) -> None:
        is_kept = False
        try:
            is_kept = bool(conn.communicate())  # type: ignore[no-untyped-call]
        except (OSError, cheroot_errors.FatalSSLAlert) as exc:
            log.debug("web: %s left: %s", conn.remote_addr, exc)
        finally:
            if is_kept:
                self._http.put_conn(conn)
            else:
                if conn.stream is not None:
                    self._hub.release(conn.stream.address)
                conn.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as exc:
        raise WebError(say("server.no_host", host=host)) from exc
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        elif os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and host == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as exc:
        listener.close()
        raise WebError(say("server.no_listen", host=host, port=port, fault=_reason(exc))) from exc
    return listener


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _reason(exc: Exception) -> Text:
    number = getattr(exc, "errno", None)
    if number == errno.EADDRINUSE:
        return say("server.in_use")
    if number == errno.EACCES and sys.platform == "win32":
        return say("server.held_by_windows")
    if number == errno.EACCES:
        return say("server.not_permitted")
    if number == errno.EADDRNOTAVAIL:
        return say("server.no_address")
    return text_of(exc)


def _tls_context(certificate: str, key: Optional[str]) -> ssl.SSLContext:
    for name, path in (("web.tls_certificate", certificate), ("web.tls_key", key)):
        try:
            if path is not None:
                with open(path, "rb"):
                    pass
        except OSError as exc:
            raise WebError(say("server.no_file", option=name, path=path, fault=text_of(exc))) from exc
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A password prompt would wait for ever in a service: an encrypted key is refused instead.
        tls.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as exc:
        reason = getattr(exc, "reason", None) or text_of(exc)
        raise WebError(say("server.bad_certificate", certificate=certificate, key=key, fault=reason)) from exc
    return tls
