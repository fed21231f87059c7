"""Heads of requests, through the server's own loop: what is read, and what can be read in two ways."""

from __future__ import annotations

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from eventlet import wsgi

from shared.entrypoints.server import Protocol

GOOD = b"POST /api/v1/lijing/rooms?after=%E6%9D%8E HTTP/1.1\r\n"


def _sent(data: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """The environments that the application got, and what the caller got."""
    seen: list[dict[str, Any]] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ | {"body": environ["wsgi.input"].read()})
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as caller:
        reply = caller.submit(_call, listening.getsockname(), data)
        connection, address = listening.accept()
        server = wsgi.Server(listening, address, application, protocol=Protocol, log_output=False)
        server.process_request([address, connection, wsgi.STATE_IDLE])
        return seen, reply.result(10)


def _call(address: Any, data: bytes) -> bytes:
    reply = b""
    # Who is refused before all is read may be cut off.
    with socket.create_connection(address, timeout=10) as connection, contextlib.suppress(OSError):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65536):
            reply += part
    return reply


def test_a_head_is_read_as_it_was_sent() -> None:
    headers = b"Host: x\r\nAuthorization:Bearer a.b \r\nX-Two: 1\r\nX-Two: 2\r\nX_Under: 3\r\nContent-Length: 3\r\n"
    (environ,), reply = _sent(GOOD + headers + b"Content-Type: application/json; charset=utf-8\r\n\r\nabc")
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    shown = {name: environ[name] for name in ("REQUEST_METHOD", "QUERY_STRING", "PATH_INFO", "CONTENT_TYPE", "CONTENT_LENGTH")}
    assert shown == {
        "REQUEST_METHOD": "POST",
        "QUERY_STRING": "after=%E6%9D%8E",
        "PATH_INFO": "/api/v1/lijing/rooms",
        "CONTENT_TYPE": "application/json; charset=utf-8",
        "CONTENT_LENGTH": "3",
    }
    assert (environ["HTTP_HOST"], environ["HTTP_AUTHORIZATION"], environ["HTTP_X_TWO"]) == ("x", "Bearer a.b", "1,2")
    assert "HTTP_X_UNDER" not in environ
    assert environ["body"] == b"abc"


def test_several_requests_come_on_one_connection_until_one_says_that_it_is_the_last() -> None:
    chunked = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    seen, reply = _sent(GOOD + chunked + GOOD + b"Connection: close\r\n\r\n" + GOOD + b"\r\n")
    assert [environ["body"] for environ in seen] == [b"abc", b""]
    assert reply.count(b"200 OK") == 2
    chosen = {"1.0": 1, "1.0 keep-alive": 2, "1.1": 2, "1.1 close": 1, "1.1 close, TE": 1, "1.1 Keep-Alive": 2}
    for told, answered in chosen.items():
        version, _, connection = told.partition(" ")
        head = f"GET //livez HTTP/{version}\r\n" + (f"Connection: {connection}\r\n" if connection else "") + "\r\n"
        for between in ("", "\r\n"):
            seen, reply = _sent((head + between).encode() * 2)
            assert (told, len(seen), reply.count(b"200 OK")) == (told, answered, answered)
            assert {environ["PATH_INFO"] for environ in seen} == {"/livez"}
    upgrade = b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert len(_sent(upgrade)[0]) == 1, "nobody upgrades here: it is a request like others"


@pytest.mark.parametrize("head", [
    b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /a HTTP/1.1\r\nContent-Length : 3\r\n\r\nabc",
    b"POST /a HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
    b"POST /a HTTP/1.1\r\nAuthor ization: Bearer x\r\nHost: x\r\n\r\n",
    b"POST /a HTTP/1.1\r\nno colon\r\nHost: x\r\n\r\n",
    b"POST /a HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    b"POST /a HTTP/1.1\nHost: x\n\n",
    b"POST /a\r\n\r\n",
    b"P\xc3\x96ST /a HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"POST /a HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
    b"POST /a HTTP/1.1\r\nTransfer-Encoding: ,chunked\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
    b"POST /a HTTP/1.1\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /a HTTP/1.1\r\n" + b"X: a\r\n" * 101 + b"\r\n",
    b"\r\n\r\nPOST /a HTTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
])  # fmt: skip
def test_what_is_no_head_or_could_be_two_is_refused_and_the_connection_ends(head: bytes) -> None:
    assert _sent(head) == ([], b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")


def test_a_head_that_breaks_off_or_never_ends_is_nobodys_request() -> None:
    for head in (b"POST /a HTT", GOOD, GOOD + b"Host: x\r\n", GOOD + b"Host"):
        assert _sent(head) == ([], b"")
    for head in (b"POST /" + b"a" * 9000, GOOD + b"X: " + b"a" * 9000, GOOD + b"X: a\r\n" * 20_000):
        assert _sent(head)[0] == []
