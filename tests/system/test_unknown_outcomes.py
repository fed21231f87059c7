"""The connection to the database is cut between a write and its reply: the repeat finds its own work."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from ops.client import Client
from tests.system.world import Community, World, spare_replica, tomorrow


class Cutter:
    """A TCP proxy before the database. Armed, it passes the next insert into `uses` on and swallows the reply; with
    `away` the database cannot be reached for so many connections afterwards."""

    def __init__(self, target: int) -> None:
        self._target, self.armed, self.away, self.cuts = target, False, 0, 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)  # wakes who waits for a client
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if self.away > 0:
                self.away -= 1
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._target))
            cut = threading.Event()
            threading.Thread(target=self._up, args=(client, server, cut), daemon=True).start()
            threading.Thread(target=self._down, args=(server, client, cut), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        while data := _read(client):
            if self.armed and b"insert\x00" in data and b"uses\x00" in data:
                self.armed = False
                cut.set()
            server.sendall(data)
        server.close()

    def _down(self, server: socket.socket, client: socket.socket, cut: threading.Event) -> None:
        while data := _read(server):
            if cut.is_set():
                self.cuts += 1
                break
            client.sendall(data)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _read(source: socket.socket) -> bytes:
    try:
        return source.recv(1 << 16)
    except OSError:
        return b""


@pytest.fixture
def cutter(world: World) -> Iterator[Cutter]:
    made = Cutter(world.here.port("LINLI_MONGO_PORT"))
    yield made
    made.close()


@pytest.fixture
def replica(world: World, cutter: Cutter) -> Iterator[str]:
    uri = world.here.mongo("bookings").replace(f":{world.here.port('LINLI_MONGO_PORT')}/", f":{cutter.port}/")
    with spare_replica(world, "bookings", LINLI_MONGO_URI=f"'{uri}'") as base:
        yield base


def test_a_write_whose_reply_is_lost_is_read_back_and_confirmed(
    world: World, lijing: Community, replica: str, cutter: Cutter
) -> None:
    room, client = lijing.room(), Client(replica, lijing.resident.token)
    cutter.armed = True
    reply = lijing.reserve(client, room["id"], tomorrow(9), key="lost-reply-1")
    assert cutter.cuts == 1
    assert reply.status_code == 201
    world.settle()
    assert len(world.heard("reservation_confirmed", reply.json()["id"])) == 1


def test_while_nobody_knows_it_is_503_and_the_repeat_finds_its_own_work(
    world: World, lijing: Community, replica: str, cutter: Cutter
) -> None:
    room, client = lijing.room(), Client(replica, lijing.resident.token)
    cutter.away = 0
    cutter.armed = True
    reply = None
    threading.Thread(target=_keep_away, args=(cutter,), daemon=True).start()
    reply = lijing.reserve(client, room["id"], tomorrow(9), key="lost-reply-2")
    assert cutter.cuts == 1
    assert (reply.status_code, reply.json()["code"]) == (503, "outcome_unknown")
    cutter.away = 0
    again = world.until(lambda: _created(lijing, client, room["id"]), what="the repeat")
    assert again.json()["state"] == "confirmed"
    assert lijing.reserve(lijing.resident, room["id"], tomorrow(9), key="lost-reply-2").content == again.content
    world.settle()
    assert len(world.heard("reservation_confirmed", again.json()["id"])) == 1


def _keep_away(cutter: Cutter) -> None:
    end = time.monotonic() + 60
    while not cutter.cuts and time.monotonic() < end:
        time.sleep(0.001)
    cutter.away = 10**6


def _created(lijing: Community, client: Client, room: str):
    reply = lijing.reserve(client, room, tomorrow(9), key="lost-reply-2")
    assert reply.status_code in (201, 503), reply.text
    return reply if reply.status_code == 201 else None
