"""Other people's services: what they can rely on, and what they cannot break."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from amqp.exceptions import AccessRefused, NotFound
from kombu import Connection, Queue
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from ops.services import SERVICES
from shared.broker import topology
from tests.system.world import Community, World, tomorrow

STOCK = """
import json
from nameko.events import event_handler

class Outsider:
    name = "demo"

    @event_handler("bookings", "reservation_confirmed")
    def hear(self, payload):
        with open("heard.jsonl", "a") as out:
            out.write(json.dumps(payload) + "\\n")
"""
BARE = """
import sys, json
from contextlib import suppress
from time import monotonic
from kombu import Connection, Exchange, Queue
out = open("bare.jsonl", "a", buffering=1)
def hear(body, message):
    out.write(json.dumps({"body": body, "headers": message.headers, "id": message.properties["message_id"],
                          "type": message.content_type, "key": message.delivery_info["routing_key"]}) + "\\n")
    message.ack()
with Connection(sys.argv[1]) as connection:
    events = Exchange("bookings.events", type="topic", durable=True, no_declare=True)
    queue, bound = Queue("demo.lijing", events, routing_key="*.lijing", durable=True), monotonic()
    with connection.Consumer(queue, callbacks=[hear], accept=["json"]):
        out.write(json.dumps({"ready": True}) + "\\n")
        while True:
            with suppress(TimeoutError):
                connection.drain_events(timeout=1)
            if monotonic() - bound > 1:
                queue(connection.default_channel).queue_bind()
                bound = monotonic()
"""
REPLAY = """
import sys, json, socket
from kombu import Connection, Queue
with Connection(sys.argv[1]) as connection:
    channel = connection.channel()
    channel.basic_qos(0, 100, False)
    def hear(body, message):
        if message.headers.get("cloudEvents:community") == "lijing":
            told = {name: message.headers[f"cloudEvents:{name}"] for name in ("id", "type", "subject")}
            print(json.dumps(told))
        message.ack()
    stream = Queue("bookings.events.log", no_declare=True, consumer_arguments={"x-stream-offset": "first"})
    with connection.Consumer(stream, channel=channel, callbacks=[hear], accept=["json"]):
        while True:
            try:
                connection.drain_events(timeout=1.5)
            except socket.timeout:
                break
"""


@contextmanager
def running(folder: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A subscriber's own process: in its own folder, seeing nothing of this repository."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("LINLI_", "PYTHON"))}
    with (folder / "output.txt").open("ab") as out:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(15)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_stock_nameko_service_hears_reservations(world: World, lijing: Community, tmp_path: Path) -> None:
    (tmp_path / "outsider.py").write_text(STOCK)
    (tmp_path / "config.yaml").write_text(f"AMQP_URI: '{world.here.amqp('demo')}'\n")
    nameko = str(Path(sys.executable).parent / "nameko")
    with running(tmp_path, nameko, "run", "--config", "config.yaml", "outsider"):
        listening = "evt-bookings-reservation_confirmed--demo.hear\t1"
        world.until(lambda: listening in world.broker_control("list_queues", "name", "consumers"), what="it to listen")
        made = lijing.reserve(lijing.resident, lijing.room()["id"], tomorrow(9)).json()["id"]

        def heard():
            return [line["reservation_id"] for line in lines(tmp_path / "heard.jsonl")]

        world.until(lambda: made in heard(), what="the stock service to hear")


def test_a_bare_script_bound_to_one_community_hears_it_alone_in_cloudevents(
    world: World, lijing: Community, shengtaiyuan: Community, tmp_path: Path
) -> None:
    (tmp_path / "bare.py").write_text(BARE)
    with running(tmp_path, sys.executable, "-I", "bare.py", world.here.amqp("demo")):
        world.until(lambda: lines(tmp_path / "bare.jsonl"), what="the subscriber")
        there = shengtaiyuan.reserve(shengtaiyuan.resident, shengtaiyuan.room()["id"], tomorrow(9)).json()
        here = lijing.reserve(lijing.resident, lijing.room()["id"], tomorrow(9)).json()
        heard = world.until(
            lambda: [e for e in lines(tmp_path / "bare.jsonl") if e.get("key") == "reservation_confirmed"], what="the event"
        )
        world.settle()
        heard = [e for e in lines(tmp_path / "bare.jsonl") if "body" in e]
    assert {e["headers"]["cloudEvents:community"] for e in heard} == {"lijing"}
    assert there["id"] not in [e["headers"]["cloudEvents:subject"] for e in heard]
    (event,) = [e for e in heard if e["headers"]["cloudEvents:subject"] == here["id"]]
    headers = event["headers"]
    assert event["type"] == "application/json"
    assert headers["cloudEvents:specversion"] == "1.0"
    assert headers["cloudEvents:id"] == event["id"]
    assert headers["cloudEvents:source"] == "/linli/bookings"
    assert headers["cloudEvents:type"] == "linli.bookings.reservation_confirmed"
    assert headers["cloudEvents:sequence"] == "1"
    assert headers["cloudEvents:dataschema"] == "/api/events/reservation_confirmed.json"
    assert len(headers["cloudEvents:traceparent"]) == 55
    assert headers["cloudEvents:correlationid"]
    assert event["body"]["resident_id"] == here["resident_id"]
    with Connection(world.here.amqp("demo")) as connection:
        Queue("demo.lijing", channel=connection.channel()).delete()


def test_a_late_subscriber_replays_the_stream_from_its_start(world: World, lijing: Community, tmp_path: Path) -> None:
    made = lijing.reserve(lijing.resident, lijing.room()["id"], tomorrow(9)).json()
    world.settle()
    (event,) = world.heard("reservation_confirmed", made["id"])
    (tmp_path / "replay.py").write_text(REPLAY)
    done = subprocess.run(
        [sys.executable, "-I", "replay.py", world.here.amqp("demo")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    replayed = [json.loads(line) for line in done.stdout.splitlines()]
    assert event["id"] in [e["id"] for e in replayed]
    # The demo's rooms were opened before anybody listened.
    opened = {e["subject"] for e in replayed if e["type"] == "linli.bookings.room_opened"}
    assert {room["id"] for room in lijing.resident.pages("/lijing/rooms")} <= opened


def test_a_full_foreign_queue_neither_stops_nor_doubles_anything_between_our_services(world: World, lijing: Community) -> None:
    with Connection(world.here.amqp("demo")) as connection:
        channel = connection.channel()
        arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
        channel.queue_declare("demo.full", durable=True, auto_delete=False, arguments=arguments)
        channel.queue_bind("demo.full", "bookings.events", "#")
        room = lijing.room()
        made = [lijing.reserve(lijing.resident, room["id"], tomorrow(8 + n)).json()["id"] for n in range(12)]
        world.until(lambda: _inbox_count(world, made) == 12, what="all messages, with the queue full")
        refused = sum(world.metric("bookings", "linli_events_nacked_total", n) for n in (0, 1))
        assert refused > 0
        channel.queue_delete("demo.full")
    world.settle(120)
    assert _inbox_count(world, made) == 12


def _inbox_count(world: World, made: list[str]) -> int:
    events = [e["id"] for e in world.heard("reservation_confirmed") if e["subject"] in made]
    return int(world.mongo["notifications"]["deliveries"].count_documents({"event_id": {"$in": events}, "channel": "inbox"}))


def test_a_subscriber_who_deletes_the_public_exchange_hurts_only_outsiders(world: World, lijing: Community) -> None:
    room, person = lijing.room(), lijing.register()["id"]
    with Connection(world.here.amqp("demo")) as connection:
        connection.channel().exchange_delete("bookings.events")
    try:
        made = lijing.reserve(lijing.worker, room["id"], tomorrow(9), resident_id=person).json()["id"]
        world.until(lambda: lijing.told(person, "reservation_confirmed"), what="the message")
        world.settle()
        assert len(lijing.told(person, "reservation_confirmed")) == 1
        assert not world.heard("reservation_confirmed", made)
    finally:
        world.until(lambda: _hears_again(world), 40, "the exchange to come back")
    again = lijing.reserve(lijing.worker, room["id"], tomorrow(10), resident_id=person).json()["id"]
    world.until(lambda: world.heard("reservation_confirmed", again), 40, "the outsider to hear again")


def test_a_subscriber_who_puts_another_exchange_in_its_place_hurts_only_outsiders_and_not_for_long(
    world: World, lijing: Community
) -> None:
    room, person = lijing.room(), lijing.register()["id"]
    with Connection(world.here.amqp("demo")) as connection:
        channel = connection.channel()
        channel.exchange_delete("bookings.events")
        channel.exchange_declare("bookings.events", "fanout", durable=True, auto_delete=False)
    try:
        mended = "bookings.events\ttopic"
        for hour, seconds in ((11, 20), (12, 20)):  # before the relay comes across it, and after
            lijing.reserve(lijing.worker, room["id"], tomorrow(hour), resident_id=person)
            world.until(
                lambda h=hour: len(lijing.told(person, "reservation_confirmed")) == h - 10, seconds, "our own listeners"
            )
            world.until(lambda: mended in world.broker_control("list_exchanges", "name", "type"), 40, "it to be mended")
    finally:
        world.until(lambda: _hears_again(world), 40, "the outsider to be bound")
    assert "bookings.events\ttopic" in world.broker_control("list_exchanges", "name", "type")
    again = lijing.reserve(lijing.worker, room["id"], tomorrow(14), resident_id=person).json()["id"]
    world.until(lambda: world.heard("reservation_confirmed", again), 40, "the outsider to hear again")


def _hears_again(world: World) -> bool:
    with Connection(world.here.amqp("demo")) as connection:
        try:
            connection.channel().queue_bind(world.ear.queue, "bookings.events", "#")
        except NotFound:
            return False
        return True


def test_a_subscriber_may_publish_to_no_exchange(world: World) -> None:
    for exchange in ("", "bookings.events", "bookings.out", "bookings.retry", "amq.topic"):
        with (
            Connection(world.here.amqp("demo"), transport_options={"confirm_publish": True}) as connection,
            pytest.raises(AccessRefused),
        ):
            connection.channel().basic_publish(_message(), exchange=exchange, routing_key="reservation_confirmed")


def _message() -> Any:
    from amqp import Message

    return Message(b"{}", content_type="application/json")


@pytest.mark.parametrize(("service", "other"), [(a, b) for a in SERVICES for b in SERVICES if a != b])
def test_a_service_has_no_rights_on_its_neighbours(world: World, service: str, other: str) -> None:
    with MongoClient(world.here.mongo(service)) as client:
        client[service]["outbox_probe"].find_one({})
        for forbidden in (
            client[other].list_collection_names,
            lambda: list(client[other]["keys"].find().limit(1)),
            lambda: client[other]["uses"].insert_one({"_id": "x"}),
        ):
            with pytest.raises(OperationFailure):
                forbidden()
    for attempt in (
        lambda channel: channel.basic_publish(_message(), exchange=f"{other}.out", routing_key="x"),
        lambda channel: channel.basic_publish(_message(), exchange=f"{other}.events", routing_key="x"),
        lambda channel: channel.basic_publish(_message(), exchange=f"{other}.retry", routing_key="inbox"),
        lambda channel: channel.basic_publish(_message(), exchange="", routing_key=f"{other}.inbox"),
        lambda channel: channel.basic_get(f"{other}.inbox"),
        lambda channel: channel.basic_get(f"{other}.parked"),
        lambda channel: channel.basic_get(topology.tier(other, next(iter(topology.TIERS)))),
        lambda channel: channel.queue_delete(f"{other}.inbox"),
    ):
        options = {"confirm_publish": True}
        with Connection(world.here.amqp(service), transport_options=options) as connection, pytest.raises(AccessRefused):
            attempt(connection.channel())
