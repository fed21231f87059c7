"""The last test of a run: nothing personal stands in clear anywhere but in HTTP bodies and the outside's mail."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from kombu import Connection, Queue

from ops.settings import SERVICES
from shared import topology
from tests.system.test_residents import VALID
from tests.system.world import TAP, Community, World, invented_phone, tomorrow

NAMES = ["欧阳清澈", "Zephyrine Quill", "王测试", "忘测试", "限测试", "单雨桐", "李演示", "演示居民", "演示家长"]
PINYIN = ["ouyangqingche", "zephyrinequill", "shanyutong", "danyutong", "lǐyǎnshì"]
ADDRESSES = ["静水路 19 号 3 单元", "测试街 77 号", "测试路 1 号"]
WORDS = ["只有我知道", "只给自己的话"]
PHONE = re.compile(r"(?:\+?86)?1[3-9]\d{9}(?!\d)")
TOKEN = re.compile(r"eyJ[\w-]{10,}\.[\w-]+\.[\w-]+")


def _live(world: World, lijing: Community) -> list[str]:
    """Go once through everything that touches personal data; the secrets that must not be found."""
    phone, address = invented_phone(), f"clear-{time.time_ns()}@lijing.example"
    since = time.time()
    facts = {"phone": phone, "email": address, "address": ADDRESSES[0], "id_number": VALID[3]}
    resident = lijing.register(
        name=NAMES[0], contacts=[{"name": NAMES[1], "phone": invented_phone(), "relation": "邻居"}], **facts
    )
    person = world.demo.sign_in_by_code(phone, address)
    code = re.findall(r"\b\d{6}\b", world.demo.mail_to(address, since).partition("\n\n")[2])[0]
    person.post(f"/lijing/residents/{resident['id']}/password", {"password": "unheard-of-secret"}, key="")
    for question in ({"name": NAMES[0]}, {"name": PINYIN[0]}, {"phone": phone}):
        assert lijing.worker.post("/lijing/residents/search", question, key="")["items"]
    # Through a delay tier too: the first try to tell of it fails.
    broken = world.faults / "notifications.tell_whom_it_concerns.fails"
    broken.touch()
    failed = world.metric("notifications", "linli_events_consumed_total")
    lijing.reserve(person, lijing.room()["id"], tomorrow(9), purpose=WORDS[1], key="clear-key-1").raise_for_status()
    world.until(lambda: world.metric("notifications", "linli_events_consumed_total") > failed, what="the first failure")
    broken.unlink()
    person.get(f"/lijing/residents/{resident['id']}/export")
    lijing.worker.call("POST", "/lijing/residents", {"name": NAMES[1], "phone": "12", "consent": True})
    world.settle()
    passwords = [account["password"] for account in world.data["accounts"]]
    return [*NAMES, *PINYIN, *ADDRESSES, *WORDS, *VALID, address, "unheard-of-secret", person.token, *passwords, f'"{code}"']


def _documents(world: World) -> list[tuple[str, str]]:
    found = []
    for service in SERVICES:
        for collection in world.mongo[service].list_collection_names():
            for document in world.mongo[service][collection].find():
                found.append((f"{service}.{collection}", repr(document)))
    return found


def _messages(world: World) -> list[tuple[str, str]]:
    """All that passed any exchange, and every entry of every stream."""
    found: list[tuple[str, str]] = []
    with Connection(f"amqp://{TAP}:{TAP}@127.0.0.1:{world.here.port('LINLI_AMQP_PORT')}//") as connection:
        for name in (TAP, *(topology.stream(service) for service in SERVICES)):
            channel = connection.channel()
            channel.basic_qos(0, 500, False)

            def keep(message: Any, name: str = name) -> None:
                message.ack()
                place = f"{message.delivery_info['exchange']} {message.delivery_info['routing_key']} in {name}"
                found.append((place, f"{message.headers} {message.properties} {message.body!r}"))

            arguments = {} if name == TAP else {"x-stream-offset": "first"}
            with connection.Consumer(
                Queue(name, no_declare=True, consumer_arguments=arguments), channel=channel, on_message=keep
            ):
                while True:
                    try:
                        connection.drain_events(timeout=1.5)
                    except TimeoutError:
                        break
            channel.close()
    return found


def _outputs(world: World) -> list[tuple[str, str]]:
    return [(file.name, line) for file in world.here.path("logs", "").glob("*.log*") for line in file.read_text().splitlines()]


def test_nothing_personal_stands_in_clear_anywhere(world: World, lijing: Community) -> None:
    secrets = _live(world, lijing)
    documents, messages, outputs = _documents(world), _messages(world), _outputs(world)
    messages += [("outside", json.dumps(event["body"]) + repr(event["headers"])) for event in world.ear.events]
    assert len(documents) > 100
    assert len(messages) > 50
    seen = {place.split()[0] for place, _ in messages}
    # What passes `.out` and `.events` is copied once, under the name of the first.
    assert seen >= {topology.out("residents"), topology.out("bookings"), topology.retry("notifications")}
    assert len(outputs) > 100
    hits = [hit for place, text in documents + messages + outputs for hit in _hits(place, text, secrets)]
    assert not hits, hits[:10]


def _hits(place: str, text: str, secrets: list[str]) -> list[tuple[str, str, str]]:
    found = [(place, "secret", secret) for secret in secrets if secret in text]
    found += [(place, "phone", match) for match in PHONE.findall(_without_ids(text))]
    return found + [(place, "token", match[:12]) for match in TOKEN.findall(text)]


def test_the_search_itself_finds_what_it_looks_for() -> None:
    for text in ("x +8613612345678 y", "13612345678", f"name={NAMES[0]}", "Bearer eyJhbGciOiJFZERTQSJ9.eyJhIjoxfQ.c2ln"):
        assert _hits("here", text, NAMES)
    assert not _hits("here", "01a20553-f639-7a7a-8640-752c646d1edb 1795385703.236224", NAMES)


def _without_ids(text: str) -> str:
    """Traces, ids, hashes and numbers of time are hexadecimal or long: no phone number hides in them."""
    text = re.sub(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", " ", text)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{20,}|[0-9a-f]{24,}|(?<!\d)(?!86)\d{13,}|\d+\.\d+|\\x[0-9a-f]{2}", " ", text)
