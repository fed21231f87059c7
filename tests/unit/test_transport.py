"""What shared/broker/topology.py relies on inside py-amqp. Where this fails, py-amqp has changed: read its transport again,
measure, and only then move the pin."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from amqp.channel import Channel
from amqp.transport import SSLTransport, TCPTransport

from shared.broker import topology


class Wired(TCPTransport):
    """A transport of which a test holds the other end."""

    def __init__(self, ours: socket.socket) -> None:
        super().__init__("127.0.0.1:5672")
        self.sock = ours
        self._setup_transport()


@pytest.fixture
def ends() -> Iterator[tuple[Any, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield Wired(ours), theirs
    ours.close()
    theirs.close()


def connection(transport: Any) -> Any:
    """As kombu's, for `topology`."""
    inner = SimpleNamespace(client_properties={"capabilities": {}}, transport=transport)
    return SimpleNamespace(connection=inner, ensure_connection=lambda **_: None)


def frame(payload: bytes) -> bytes:
    return bytes([1]) + (1).to_bytes(2, "big") + len(payload).to_bytes(4, "big") + payload + b"\xce"


def test_one_read_takes_what_there_is_and_frames_come_whole(ends: tuple[Any, socket.socket]) -> None:
    transport, theirs = ends
    asked: list[int] = []
    receive = transport._quick_recv
    transport._quick_recv = lambda wanted: (asked.append(wanted), receive(wanted))[1]
    topology.connect(connection(transport))
    theirs.sendall(frame(b"first") + frame(b"second")[:9])
    assert transport.read_frame() == (1, 1, b"first")
    theirs.sendall(frame(b"second")[9:])
    assert transport.read_frame() == (1, 1, b"second")
    assert asked == [topology.BYTES_A_READ] * 2, "two reads, not six"


def test_what_is_sent_together_leaves_in_one_piece_and_in_order(ends: tuple[Any, socket.socket]) -> None:
    transport, theirs = ends
    theirs.setblocking(False)
    with topology.sent_together(connection(transport)):
        buffer = bytearray(b"one")
        transport.write(memoryview(buffer))
        buffer[:] = b"two"  # py-amqp uses the memory of a frame again
        transport.write(memoryview(buffer))
        with pytest.raises(BlockingIOError):
            theirs.recv(10)
    assert theirs.recv(10) == b"onetwo"
    transport.write(b"three")
    assert theirs.recv(10) == b"three", "afterwards each goes by itself"


def test_over_tls_the_same_parts_are_there() -> None:
    sent: list[bytes] = []
    transport = SSLTransport("127.0.0.1:5671")
    transport.sock = SimpleNamespace(read=lambda wanted: b"x" * wanted, write=lambda data: sent.append(data) or len(data))
    transport._wrap_socket = lambda sock, **_: sock
    transport.sslopts = {}
    transport.sock.do_handshake = lambda: None
    transport.sock.settimeout = lambda seconds: None
    transport._setup_transport()
    assert transport._quick_recv(2) == b"xx"
    transport._write(b"y")
    assert sent == [b"y"]


def test_publishing_looks_for_a_full_broker_only_where_the_client_said_it_would() -> None:
    source = inspect.getsource(Channel._basic_publish)
    assert "capabilities.get('connection.blocked'" in source, source
