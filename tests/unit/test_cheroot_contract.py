"""What the server takes from cheroot's inside, name by name, held against the installed version.

These names are no promise of cheroot's: requirements.txt stays within one major version, and whoever raises it finds
here what has to be looked at first.
"""

from __future__ import annotations

import ast
import inspect
import re
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable, Iterator, List, Set, Tuple

import pytest
from cheroot import makefile, wsgi
from cheroot import server as cheroot_server
from flask import Flask

from conectpy.live.realtime import RealtimeData
from conectpy.serving import http_connections, server
from conectpy.serving.stream import StreamHub

ROOT = Path(__file__).resolve().parents[2]
MAJOR = "11"
SERVING = (http_connections, server)

# Whose method or attribute we override, call or set.
CLASS_NAMES: List[Tuple[Any, str]] = [
    (cheroot_server.HTTPConnection, "close"),
    (cheroot_server.HTTPConnection, "communicate"),
    (cheroot_server.HTTPConnection, "remote_addr"),
    (cheroot_server.HTTPConnection, "remote_port"),
    (cheroot_server.HTTPConnection, "ssl_env"),
    (cheroot_server.HTTPConnection, "RequestHandlerClass"),
    (cheroot_server.HTTPRequest, "respond"),
    (cheroot_server.HTTPRequest, "simple_response"),
    (cheroot_server.HTTPRequest, "close_connection"),
    (cheroot_server.HTTPRequest, "chunked_write"),
    (cheroot_server.HTTPServer, "ConnectionClass"),
    (cheroot_server.HTTPServer, "bind_addr"),
    (cheroot_server.HTTPServer, "can_add_keepalive_connection"),
    (cheroot_server.HTTPServer, "error_log"),
    (cheroot_server.HTTPServer, "gateway"),
    (cheroot_server.HTTPServer, "max_request_body_size"),
    (cheroot_server.HTTPServer, "max_request_header_size"),
    (cheroot_server.HTTPServer, "put_conn"),
    (cheroot_server.HTTPServer, "software"),
    (wsgi.Gateway_10, "get_environ"),
    (wsgi.Gateway_10, "respond"),
]
SIGNATURES: List[Tuple[Callable[..., Any], List[str]]] = [
    (cheroot_server.HTTPConnection.__init__, ["self", "server", "sock", "makefile"]),
    (cheroot_server.HTTPConnection.communicate, ["self"]),
    (cheroot_server.HTTPConnection.close, ["self"]),
    (cheroot_server.HTTPRequest.respond, ["self"]),
    (cheroot_server.HTTPRequest.simple_response, ["self", "status", "msg"]),
    (cheroot_server.HTTPServer.error_log, ["self", "msg", "level", "traceback"]),
    (cheroot_server.HTTPServer.put_conn, ["self", "conn"]),
    (wsgi.Gateway_10.get_environ, ["self"]),
    (wsgi.Gateway_10.respond, ["self"]),
    (makefile.StreamWriter.__init__, ["self", "sock", "mode", "bufsize"]),
]
SERVER_OPTIONS = {"bind_addr", "wsgi_app", "server_name", "request_queue_size", "timeout"}
CONNECTION_PARTS = ("server", "socket", "rfile", "wfile")
REQUEST_PARTS = ("conn", "inheaders", "close_connection", "chunked_read", "chunked_write")
READER_PARTS = ("_read_buf", "_read_pos", "bytes_read")


@pytest.fixture
def pair() -> Iterator[Tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def http() -> Any:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 1000
    return server._HttpServer(("127.0.0.1", 0), app, StreamHub(RealtimeData()))


def test_the_major_version_is_pinned_and_installed() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert re.search(rf"^cheroot>={MAJOR}\.[0-9.]+,<{int(MAJOR) + 1}$", text, re.M)
    assert version("cheroot").split(".")[0] == MAJOR


@pytest.mark.parametrize(("owner", "name"), CLASS_NAMES, ids=lambda one: getattr(one, "__name__", one))
def test_a_name_is_there(owner: Any, name: str) -> None:
    assert hasattr(owner, name)


@pytest.mark.parametrize(("method", "names"), SIGNATURES, ids=lambda one: getattr(one, "__qualname__", ""))
def test_a_method_takes_what_we_give_it(method: Callable[..., Any], names: List[str]) -> None:
    assert list(inspect.signature(method).parameters) == names


def test_the_server_takes_our_options() -> None:
    assert set(inspect.signature(wsgi.Server.__init__).parameters) >= SERVER_OPTIONS


def test_a_connection_reads_through_our_reader(http: Any, pair: Tuple[socket.socket, socket.socket]) -> None:
    """`_make_file` makes both files; the head that the accept loop has read comes first; what is left can be taken."""
    ours, theirs = pair
    conn = server._Connection(http, ours, ("10.0.0.9", 1234), False)
    for name in CONNECTION_PARTS:
        assert hasattr(conn, name), name
    reader = conn.rfile
    assert isinstance(reader, makefile.StreamReader)
    assert isinstance(conn.wfile, makefile.StreamWriter)
    for name in READER_PARTS:
        assert hasattr(reader, name), name
    reader.head_socket.head = b"one\ntw"
    theirs.sendall(b"o\nthree")
    assert (reader.readline(), reader.readline()) == (b"one\n", b"two\n")
    assert reader.take_unread() == b"three"
    assert reader.take_unread() == b""


def test_the_readers_base_is_the_pure_python_one() -> None:
    import _pyio

    assert http_connections._buffered_reader is _pyio.BufferedReader


def test_a_request_holds_what_we_ask_of_it(http: Any, pair: Tuple[socket.socket, socket.socket]) -> None:
    conn = server._Connection(http, pair[0], ("10.0.0.9", 1234), True)
    assert conn.RequestHandlerClass is server._Request
    request = conn.RequestHandlerClass(http, conn)
    for name in REQUEST_PARTS:
        assert hasattr(request, name), name
    conn.rfile.head_socket.head = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    request.parse_request()
    assert wsgi.Gateway_10(request).req is request


def test_a_request_asks_our_server_for_its_limits(http: Any, pair: Tuple[socket.socket, socket.socket]) -> None:
    """Head and body limits, keeping alive and closing come from names that cheroot looks up on the server."""
    assert (http.max_request_header_size, http.max_request_body_size) == (http_connections.MAX_HEAD_BYTES, 1000)
    ours, theirs = pair
    conn = server._Connection(http, ours, ("10.0.0.9", 1234), False)
    conn.rfile.head_socket.head = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert conn.communicate() is True
    answer = theirs.recv(65536)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"Server: conectpy" in answer
    conn.rfile.head_socket.head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * http_connections.MAX_HEAD_BYTES
    conn.rfile.head_socket.head += b"\r\n\r\n"
    assert conn.communicate() is False
    assert theirs.recv(65536).startswith(b"HTTP/1.1 413 ")
    http.hub.stop()
    conn.rfile.take_unread()
    conn.rfile.head_socket.head = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert conn.communicate() is False


def test_every_overridden_name_is_listed_here() -> None:
    """What our subclasses define and cheroot's classes have too."""
    pairs = [
        (http_connections.GuardedConnection, cheroot_server.HTTPConnection),
        (server._Connection, cheroot_server.HTTPConnection),
        (server._Request, cheroot_server.HTTPRequest),
        (server._Gateway, wsgi.Gateway_10),
        (server._HttpServer, wsgi.Server),
    ]
    listed = {name for _, name in CLASS_NAMES}
    overridden = {name for ours, theirs in pairs for name in vars(ours) if hasattr(theirs, name)}
    assert {name for name in overridden if not name.startswith("__")} - listed == set()


def test_nothing_else_private_is_touched() -> None:
    """Names with an underscore that are set or read on something that is not ours."""
    touched: Set[str] = set()
    for module in SERVING:
        tree = ast.parse(inspect.getsource(module))
        own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        stored = {
            node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__"):
                touched |= {node.attr} - own - stored
    assert touched - set(READER_PARTS) == set()
