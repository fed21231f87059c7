"""A backup of a system that works, and the system that is made of it."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from amqp import Message
from kombu import Connection

from ops.backups.databases import collections, database, hashed, in_order
from ops.backups.folder import SECRETS, Manifest, backups
from ops.client import Client
from tests.system.petitioning import filed
from tests.system.world import Community, World, tomorrow

PASSPHRASE = {"LINLI_BACKUP_PASSPHRASE": "long enough to be kept elsewhere"}


class Worker:
    """Reserves rooms, files petitions and adds to them, as fast as it is answered; knows when each was acknowledged."""

    def __init__(self, community: Community) -> None:
        self._community, self._over = community, threading.Event()
        self.reserved: list[tuple[float, str]] = []
        self.filed: list[tuple[float, str]] = []
        self.failed: list[str] = []

    def _work(self) -> None:
        resident = self._community.resident
        rooms = [self._community.room()["id"] for _ in range(3)]
        slots = [(room, tomorrow(8 + hour, days=day)) for day in range(1, 8) for hour in range(12) for room in rooms]
        for n, (room, start) in enumerate(slots):
            if self._over.is_set():
                return
            reply = self._community.reserve(resident, room, start)
            if reply.status_code != 201:
                self.failed.append(reply.text)
                continue
            self.reserved.append((time.time(), reply.json()["id"]))
            if n % 4 == 0:
                self.filed.append((time.time(), filed(self._community)["id"]))
                resident.get(self._community.path(f"/petitions/{self.filed[-1][1]}"))

    @contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._work)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(60)


def _park(world: World, id: str) -> None:
    message = Message(b"{", content_type="application/json", delivery_mode=2, message_id=id)
    with Connection(world.here.amqp("notifications"), transport_options={"confirm_publish": True}) as connection:
        connection.channel().basic_publish(message, exchange="notifications.retry", routing_key="inbox")
    world.until(lambda: id in world.linli("parked", "list", "--json").stdout, what="it to be parked")


def _people(world: World, base_url: str) -> Client:
    account = world.lijing.account("resident")
    return Client(base_url, patience=20).sign_in(account["phone"], password=account["password"])


def test_what_was_acknowledged_before_a_backup_is_in_the_system_that_is_made_of_it(
    world: World, lijing: Community, tmp_path: Path
) -> None:
    worker, folder = Worker(lijing), tmp_path / "backups"
    _park(world, "parked-before")
    with worker.at_work():
        world.until(lambda: len(worker.reserved) > 20, what="some work")
        made = world.linli("backup", str(folder), **PASSPHRASE)
    assert made.returncode == 0, made.stderr
    assert not worker.failed, "a command failed while the backup was made"
    world.linli("parked", "drop", "parked-before", "--yes")
    (backup,) = backups(folder)
    manifest = Manifest.read(backup)
    began = datetime.fromisoformat(manifest.began).timestamp()
    assert worker.reserved[-1][0] > began, "nothing happened meanwhile"
    for path in (backup, *backup.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    assert world.here.secrets["installation"].encode() not in (backup / SECRETS).read_bytes()

    second = World(tmp_path / "second")
    assert second.linli("restore", str(folder), LINLI_BACKUP_PASSPHRASE="another one of that length").returncode == 1
    assert not second.here.secrets_file.exists()
    restored = second.linli("restore", str(folder), **PASSPHRASE)
    assert restored.returncode == 0, restored.stdout + restored.stderr
    second.here.secrets = json.loads(second.here.secrets_file.read_text())
    assert second.here.secrets == world.here.secrets
    with second.stack.base():
        _is_what_was_copied(second, manifest)
    second.stack.up()
    try:
        _is_whole(world, second, worker, began)
    finally:
        second.stack.down()


def _is_what_was_copied(second: World, manifest: Manifest) -> None:
    for service, its in manifest.databases.items():
        there = database(second.here, service)
        written = {name: copied for name, copied in its.items() if copied.count}
        assert {name: hashed(in_order(there[name])) for name in collections(there)} == written
    assert sum(its.count for its in manifest.databases["bookings"].values()) > 20
    assert manifest.messages["bookings.said.bson.gz"].count > 20


def _is_whole(world: World, second: World, worker: Worker, began: float) -> None:
    verified = second.linli("audit", "verify", "--json")
    assert verified.returncode == 0, verified.stdout
    assert any(row["entries"] for row in json.loads(verified.stdout))
    assert "parked-before" in second.linli("parked", "list", "--json").stdout
    resident = _people(world, second.here.base_url)
    reserved = [id for at, id in worker.reserved if at < began]
    assert len(reserved) > 15
    for id in reserved:
        assert resident.get(f"/lijing/reservations/{id}")["state"] == "confirmed"
    for id in [id for at, id in worker.filed if at < began]:
        assert resident.get(f"/lijing/petitions/{id}")["id"] == id
    told = [message for message in resident.pages("/lijing/inbox") if message["template"] == "reservation_confirmed"]
    counts = Counter(str(message["event_id"]) for message in told)
    assert set(counts.values()) == {1}, "somebody was told twice"
    assert len(counts) >= len(reserved)
    second.until(lambda: json.loads(second.linli("outbox", "--json").stdout) == [], what="what lay in outboxes to be said")
    room = second.until(lambda: resident.get("/lijing/rooms")["items"], what="rooms")[0]["id"]
    start = (tomorrow(9) + timedelta(days=20)).isoformat()
    end = (tomorrow(10) + timedelta(days=20)).isoformat()
    asked: dict[str, Any] = {"room_id": room, "start": start, "end": end, "purpose": "恢复"}
    reply = resident.call("POST", "/lijing/reservations", asked, key=os.urandom(8).hex())
    assert reply.status_code == 201, reply.text


def test_a_backup_is_not_loaded_over_what_is_there_nor_when_it_is_damaged(world: World, tmp_path: Path) -> None:
    made = world.linli("backup", str(tmp_path), **PASSPHRASE)
    assert made.returncode == 0, made.stderr
    (backup,) = backups(tmp_path)
    assert world.linli("restore", "--check", str(tmp_path)).returncode == 0
    over = world.linli("restore", str(tmp_path), **PASSPHRASE)
    assert (over.returncode, "already running" in over.stderr) == (1, True)
    file = next(backup.glob("databases/residents/*.bson.gz"))
    file.write_bytes(file.read_bytes()[:-9])
    checked = world.linli("restore", "--check", str(tmp_path))
    assert checked.returncode == 1
    assert file.name in checked.stdout
