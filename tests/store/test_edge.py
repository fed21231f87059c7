"""The edge alone says from where somebody calls: its own configuration, in front of a service that shows what it was told."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from ops.edge import caddyfile
from ops.settings import find
from tests.system.world import free_ports


class _Shows(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"{self.headers.get_all('X-Linli-Client')} {self.headers.get('X-Forwarded-For')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _edge(folder: Path, **settings: str) -> Iterator[str]:
    service = ThreadingHTTPServer(("127.0.0.1", 0), _Shows)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    port = free_ports(1)[0]
    names = ("RESIDENTS", "BOOKINGS", "PETITIONS", "NOTIFICATIONS")
    environ = {f"LINLI_{name}_UPSTREAMS": f"127.0.0.1:{service.server_port}" for name in names}
    environ |= {"LINLI_EDGE_BIND": "127.0.0.1", "LINLI_EDGE_PORT": str(port), "LINLI_STATIC": str(folder), "HOME": str(folder)}
    environ |= {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [str(find("caddy")), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    (folder / "Caddyfile").write_text(caddyfile())
    with (folder / "log").open("wb") as out:
        process = subprocess.Popen(command, env=os.environ | environ | settings, stdout=out, stderr=out)
    try:
        base, end = f"http://127.0.0.1:{port}", time.monotonic() + 20
        while True:
            try:
                if requests.get(f"{base}/api/v1/lijing/rooms", timeout=2).ok:
                    break
            except requests.ConnectionError:
                pass
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.05)
        yield base
    finally:
        process.terminate()
        process.wait(20)
        service.shutdown()
        service.server_close()


def _told(base: str, **headers: str) -> str:
    return requests.get(f"{base}/api/v1/lijing/rooms", headers=headers, timeout=10).text


def test_what_callers_say_of_themselves_is_overwritten(tmp_path: Path) -> None:
    with _edge(tmp_path) as base:
        assert _told(base) == "['127.0.0.1'] None"
        claims = {"X-Linli-Client": "198.51.100.1", "X-Forwarded-For": "198.51.100.2"}
        assert _told(base, **claims) == "['127.0.0.1'] None"


def test_a_line_that_a_proxy_adds_counts_and_not_the_one_that_the_caller_sent(tmp_path: Path) -> None:
    with _edge(tmp_path, LINLI_TRUSTED_PROXIES="127.0.0.1/32") as base:
        connection = HTTPConnection(base.removeprefix("http://"), timeout=10)
        connection.putrequest("GET", "/api/v1/lijing/rooms")
        for address in ("198.51.100.1", "203.0.113.9"):
            connection.putheader("X-Forwarded-For", address)
        connection.endheaders()
        assert connection.getresponse().read().decode() == "['203.0.113.9'] None"


@pytest.mark.parametrize(("seen", "told"), [
    ("198.51.100.2", "198.51.100.2"), ("10.0.0.1, 198.51.100.2", "198.51.100.2"), ("2001:db8::7", "2001:db8::7"),
    ("", "127.0.0.1"),
])  # fmt: skip
def test_a_proxy_of_our_own_is_believed_for_the_last_address_that_it_saw(tmp_path: Path, seen: str, told: str) -> None:
    with _edge(tmp_path, LINLI_TRUSTED_PROXIES="127.0.0.1/32") as base:
        claims = {"X-Linli-Client": "198.51.100.1"} | ({"X-Forwarded-For": seen} if seen else {})
        assert _told(base, **claims) == f"['{told}'] None"


def test_every_reply_tells_browsers_what_they_must_not_do(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "openapi.json").write_text("{}")
    with _edge(tmp_path, LINLI_PETITIONS_UPSTREAMS="127.0.0.1:1") as base:
        paths = {
            "/api/v1/lijing/rooms": 200,
            "/api/openapi.json": 200,
            "/nothing": 404,
            "/api/v1/lijing/petitions": 503,
            "/": 302,
        }
        for path, status in paths.items():
            reply = requests.get(base + path, timeout=20, allow_redirects=False)
            assert reply.status_code == status, path
            told = {name: reply.headers.get(name) for name in SECURE}
            assert told == SECURE, path
            assert "Server" not in reply.headers or "Caddy" not in reply.headers["Server"], path


SECURE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def test_who_sends_a_head_word_by_word_or_without_end_is_let_go(tmp_path: Path) -> None:
    with _edge(tmp_path) as base:
        host, _, port = base.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=15) as slow:
            slow.sendall(b"GET /api/v1/lijing/rooms HTTP/1.1\r\nHost: x\r\n")
            began = time.monotonic()
            slow.recv(1)  # nothing, or that it took too long
            assert 8 < time.monotonic() - began < 14
        assert requests.get(f"{base}/api/v1/lijing/rooms", headers={"X-Long": "x" * 20_000}, timeout=10).status_code == 200
        assert requests.get(f"{base}/api/v1/lijing/rooms", headers={"X-Long": "x" * 40_000}, timeout=10).status_code == 431
