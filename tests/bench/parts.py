"""Single parts: the relay alone, the consumer alone, memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from amqp import Message
from kombu import Connection

from shared.calls import derived_id
from tests.system.world import World

Row = tuple[str, str, str, str]
EVENTS = 15_000


def switch_mail_off(world: World) -> None:
    """The demo data needed mail; the job under measurement does without."""
    with world.here.path("env", "notifications-0.sh").open("a") as out:
        out.write("export LINLI_SMTP=\n")
    world.stack.restart("notifications-0")
    world.until(lambda: not world.stack.not_ready(), what="notifications")


RELAY = """
import eventlet; eventlet.monkey_patch()
import sys, time
from collections import Counter
from datetime import datetime, UTC
from uuid_utils import uuid7
from shared.broker.outbox import OutboxRelay
count = int(sys.argv[2])
class Nowhere:
    waiting, rows = 0, Counter()
    def note(self, rows): pass
    remove = note
    def urgent(self): return False
relay = OutboxRelay("residents", sys.argv[1], Nowhere(), lambda: False)
eventlet.spawn(relay.run); eventlet.spawn(relay.settle)
while not relay.connected: eventlet.sleep(0.05)
body = '{"reservation_id":"x","room_id":"y","at":"2026-11-22T12:00:00+00:00"}'
rows = [{"id": str(uuid7()), "name": "bench_event", "subject": "x", "body": body, "sequence": n, "at": datetime.now(UTC),
         "correlation": "c", "trace": "t"} for n in range(count)]
started = time.monotonic()
for n in range(0, count, 100):
    relay.offer("bench", "lijing", str(n), rows[n:n + 100])
    eventlet.sleep(0)
while not relay.idle: eventlet.sleep(0.005)
print(count / (time.monotonic() - started))
"""


def relay(world: World) -> list[Row]:
    """Events a second through one relay, each confirmed by the broker (stream and public exchange behind it)."""
    command = [sys.executable, "-W", "ignore", "-c", RELAY, world.here.amqp("residents"), "15000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return [("relay alone, events/s confirmed", f"{float(done.stdout):.0f}", "", "")]


def _publish(uri: str, exchange: str, messages: list[tuple[str, Message]]) -> None:
    """Publish, and wait until the broker has all: what is not confirmed when a channel closes, a quorum queue may not get."""
    waiting = set(range(1, len(messages) + 1))

    def ack(tag: int, multiple: bool) -> None:
        waiting.difference_update(range(1, tag + 1) if multiple else [tag])

    with Connection(uri) as connection:
        channel = connection.channel()
        channel.confirm_select()
        channel.events["basic_ack"].add(ack)
        for key, message in messages:
            channel.basic_publish(message, exchange=exchange, routing_key=key)
        while waiting:
            connection.drain_events(timeout=60)


def _ours(count: int, tag: str) -> list[tuple[str, Message]]:
    start = datetime.now(UTC) + timedelta(days=3)
    body = {
        "reservation_id": "r",
        "room_id": "x",
        "room_name": "厅",
        "resident_id": "bench",
        "start": start.isoformat(),
        "end": start.isoformat(),
        "at": start.isoformat(),
    }
    made = []
    for n in range(count):
        id = f"{tag}-{n}"
        headers = {
            "cloudEvents:specversion": "1.0",
            "cloudEvents:id": id,
            "cloudEvents:source": "/linli/bookings",
            "cloudEvents:type": "linli.bookings.reservation_confirmed",
            "cloudEvents:subject": id,
            "cloudEvents:time": datetime.now(UTC).isoformat(),
            "cloudEvents:sequence": "1",
            "cloudEvents:community": "lijing",
            "cloudEvents:dataschema": "/api/events/reservation_confirmed.json",
        }
        message = Message(
            json.dumps(body).encode(),
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,
            message_id=id,
            application_headers=headers,
        )
        made.append(("reservation_confirmed", message))
    return made


def _drain(collection: Any, ids: list[str], seconds: float = 180) -> float:
    """Seconds from the first of these documents to the last one. Those two are looked for by id: counting reads the whole
    collection, at the expense of who is measured."""
    end = time.monotonic() + seconds

    def wait(there: Callable[[], bool]) -> float:
        while not there():
            if time.monotonic() > end:
                raise TimeoutError(f"not all of {len(ids)} were saved")
            time.sleep(0.02)
        return time.monotonic()

    first, last = [wait(lambda id=id: collection.find_one({"_id": id}) is not None) for id in (ids[0], ids[-1])]
    # Handled side by side, the last one may have overtaken some, by milliseconds; that none is missing is another question.
    chunks = [ids[n : n + 50] for n in range(0, len(ids), 50)]
    wait(lambda: all(collection.count_documents({"_id": {"$in": chunk}}) == len(chunk) for chunk in chunks))
    return last - first


def consumer(world: World, rounds: int = 3) -> list[Row]:
    """Events a second from a full queue into the database: our batched inbox, and a stock event handler; the round in the
    middle of several, by their ratio."""
    found = [(_consumed(world), EVENTS / _stock(world, EVENTS)) for _ in range(rounds)]
    ours, stock = sorted(found, key=lambda pair: pair[0] / pair[1])[rounds // 2]
    ratios = ", ".join(f"{one / other:.2f}" for one, other in found)
    row = ("consumer alone, events/s saved", f"{ours:.0f}", f"{stock:.0f}", f"{ours / stock:.2f} ×")
    return [row, (f"(ratios of its rounds: {ratios})", "", "", "")]


def _consumed(world: World) -> float:
    world.stack.stop("notifications-0")
    tag = f"bench-{time.time_ns()}"
    _publish(world.here.amqp("bookings"), "bookings.out", _ours(EVENTS, tag))
    world.stack.start("notifications-0")
    ids = [derived_id(f"{tag}-{n}", "bench", "inbox") for n in range(EVENTS)]
    return EVENTS / _drain(world.mongo["notifications"]["deliveries"], ids)


def _stock(world: World, count: int) -> float:
    import os

    if "stock" not in world.broker_control("list_users"):
        world.broker_control("add_user", "stock", "stock")
        world.broker_control("set_permissions", "stock", ".*", ".*", ".*")
    amqp = f"amqp://stock:stock@127.0.0.1:{world.here.port('LINLI_AMQP_PORT')}//"
    with Connection(amqp) as connection:
        channel = connection.channel()
        channel.exchange_declare("stockconsumer.events", "topic", durable=True, auto_delete=False)
    peer = (Path(__file__).parent / "peers" / "notification.py").read_text()
    peer = peer.replace('"stockbooking"', '"stockconsumer"').replace("stocknotification", "stockconsumed")
    folder = world.here.path("bench", "consumer", "peer.py").parent
    (folder / "peer.py").write_text(peer)
    (folder / "config.yaml").write_text(
        f"AMQP_URI: '{amqp}'\nmax_workers: 100\nLOGGING: {{version: 1, root: {{level: WARNING}}}}\n"
    )
    environ = os.environ | {"STOCK_MONGO": world.here.mongo("admin")}
    command = [str(Path(sys.executable).parent / "nameko"), "run", "--config", "config.yaml", "peer"]

    def run() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    messages = world.mongo["stock_notification"]["messages"]
    process = run()
    queue = "evt-stockconsumer-reservation_confirmed--stockconsumed.tell"
    try:
        world.until(lambda: queue in world.broker_control("list_queues", "name"), what="the stock queue")
    finally:
        process.terminate()
        process.wait(20)
    body = {"community": "lijing", "resident_id": "b", "start": "x", "end": "x", "room_name": "x"}
    ids = [f"c{time.time_ns()}-{n}" for n in range(count)]
    made = [
        (
            "reservation_confirmed",
            Message(
                json.dumps(body | {"reservation_id": id}).encode(),
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
            ),
        )
        for id in ids
    ]
    _publish(amqp, "stockconsumer.events", made)
    process = run()
    try:
        return _drain(messages, [f"{id}-inbox" for id in ids])
    finally:
        process.terminate()
        process.wait(20)


def _rss(pid: int) -> float:
    """Resident memory of a process and its children, MB."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(entry.name) == pid or int(fields[1]) == pid:
                    total += int((entry / "statm").read_text().split()[1]) * 4096
            except OSError:
                continue
    return total / 1e6


def idle_memory(world: World) -> list[Row]:
    """Resident memory of everything, idle."""
    sizes = {p["name"]: _rss(p["pid"]) for p in world.stack.processes()}
    services = [v for k, v in sizes.items() if k.rpartition("-")[0] in ("residents", "bookings", "notifications")]
    detail = ", ".join(f"{name} {size:.0f}" for name, size in sorted(sizes.items()))
    return [
        ("memory idle, whole system", f"{sum(sizes.values()):.0f} MB", "", ""),
        ("memory idle, largest service", f"{max(services):.0f} MB", "", ""),
        (f"({detail})", "", "", ""),
    ]


def soak(world: World, count: int = 100_000) -> list[Row]:
    """Memory of the listener over 100,000 events."""
    deliveries = world.mongo["notifications"]["deliveries"]
    pid = world.stack.pid("notifications-0")
    tag, sizes = f"soak-{time.time_ns()}", []
    # Every quarter of an hour somebody else is reminded of a room.
    mine = {"community": "lijing", "recipient": "bench", "channel": "inbox"}
    before = deliveries.count_documents(mine)
    # The same 20,000 events five times: each is handled, repeats find their effect there.
    handled = world.metric("notifications", "linli_events_consumed_total")
    for _ in range(5):
        for start in range(0, count // 5, 5000):
            _publish(world.here.amqp("bookings"), "bookings.out", _ours(5000, f"{tag}-{start}"))
        handled += count // 5
        world.until(lambda h=handled: world.metric("notifications", "linli_events_consumed_total") >= h, 300, "the events")
        sizes.append(_rss(pid))
    made = deliveries.count_documents(mine) - before
    assert made == count // 5, f"{made} deliveries of {count // 5} events"
    shown = " → ".join(f"{size:.0f}" for size in sizes)
    return [("memory of the listener over 100,000 events", f"{shown} MB", "", "")]
