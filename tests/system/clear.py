"""Searches a whole system for what stands in clear: databases, messages, streams, and what the processes printed.

Exempt are HTTP bodies and the mail sink, which stands for the outside.
"""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import bson
from kombu import Connection, Queue

from ops.services import SERVICES
from shared.broker import topology
from tests.system.world import TAP, World

# What the tests give as personal data.
NAMES = ["欧阳清澈", "Zephyrine Quill", "王测试", "忘测试", "限测试", "单雨桐", "李演示", "演示居民", "演示家长",
         "演示孩子", "赵测试", "赵密封", "陈外婆", "借调测试", "试验人", "试验员", "多测试"]  # fmt: skip
PINYIN = ["ouyangqingche", "zephyrinequill", "shanyutong", "danyutong", "lǐyǎnshì"]
ADDRESSES = ["静水路 19 号 3 单元", "测试街 77 号", "测试路 1 号"]
WORDS = ["只有我知道", "只给自己的话"]
ID_NUMBERS = ["999999194803090019", "999999201605120021", "99999920150601002X", "999999201909150035"]

DIGITS = re.compile(r"1[3-9]\d{9}")  # without these there is no phone number
PHONE = re.compile(r"(?:\+?86)?1[3-9]\d{9}(?!\d)")
TOKEN = re.compile(r"eyJ[\w-]{10,}\.[\w-]+\.[\w-]+")

ISO = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d")
SHOWN = re.compile(r"datetime\.datetime\((20\d\d(?:, \d+){3,5})")

Place = tuple[str, str]  # where, and what stands there


def search(world: World) -> list[tuple[str, str, str, datetime | None]]:
    """Every hit: where, of what kind, what, and when it was written, if that stands beside it. Raises AssertionError where
    there was too little to look at."""
    documents, messages, outputs = _documents(world), _messages(world), _outputs(world)
    messages += [
        ("outside", json.dumps(event["body"], ensure_ascii=False) + repr(event["headers"])) for event in world.ear.events
    ]
    assert len(documents) > 100
    assert len(messages) > 50
    # What passes `.out` and `.events` is copied once, under the name of the first.
    missing = world.passed - {place.split()[0] for place, _ in messages}
    assert not missing
    assert len(outputs) > 100
    secrets = pattern([*NAMES, *PINYIN, *ADDRESSES, *WORDS, *ID_NUMBERS, *world.secrets])
    return [(*hit, written(text)) for place, text in documents + messages + outputs for hit in hits(place, text, secrets)]


def written(text: str) -> datetime | None:
    """The first moment that a document, a message or a line of a log names."""
    if (iso := ISO.search(text)) is not None:
        return datetime.fromisoformat(iso[0]).replace(tzinfo=UTC)
    parts = SHOWN.search(text)
    return datetime(*map(int, parts[1].split(", ")), tzinfo=UTC) if parts else None  # type: ignore[misc]


def _documents(world: World) -> list[Place]:
    found = []
    for name in world.mongo.list_database_names():
        for collection in world.mongo[name].list_collection_names():
            for document in world.mongo[name][collection].find():
                found.append((f"{name}.{collection}", shown(document)))
    return found


def shown(document: dict[str, Any]) -> str:
    """As Python shows it, and as it lies there: what is bytes may be text all the same."""
    return repr(document) + _text(bson.encode(document))


def _text(body: bytes | str) -> str:
    return body if isinstance(body, str) else body.decode(errors="ignore")


def _messages(world: World) -> list[Place]:
    """All that passed any exchange, and every entry of every stream."""
    found: list[Place] = []

    def keep(message: Any) -> None:
        message.ack()
        place = f"{message.delivery_info['exchange']} {message.delivery_info['routing_key']} in {message.channel.queue}"
        found.append((place, f"{message.headers} {message.properties} {_text(message.body)}"))

    with Connection(f"amqp://{TAP}:{TAP}@127.0.0.1:{world.here.port('LINLI_AMQP_PORT')}//") as connection:
        for name in (TAP, *(topology.stream(service) for service in SERVICES)):
            channel = connection.channel()
            channel.queue = name
            channel.basic_qos(0, 500, False)
            arguments = {} if name == TAP else {"x-stream-offset": "first"}
            connection.Consumer(
                Queue(name, no_declare=True, consumer_arguments=arguments), channel=channel, on_message=keep
            ).consume()
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                connection.drain_events(timeout=1.5)
            except TimeoutError:
                return found
    raise TimeoutError("somebody goes on publishing")


def _outputs(world: World) -> list[Place]:
    files = list(world.here.path("logs", "").glob("*.log*"))
    assert {f"{process['name']}.log" for process in world.stack.processes()} <= {file.name for file in files}
    return [(file.name, line) for file in files for line in file.read_text().splitlines()]


def pattern(secrets: list[str]) -> re.Pattern[str]:
    """Finds any of them."""
    return re.compile("|".join(map(re.escape, secrets)))


def hits(place: str, text: str, secrets: re.Pattern[str]) -> list[tuple[str, str, str]]:
    """What in this text is one of the secrets, a phone number or a token."""
    found = [(place, "secret", secret) for secret in secrets.findall(text)]
    if DIGITS.search(text):
        found += [(place, "phone", match) for match in PHONE.findall(_without_ids(text))]
    return found + [(place, "token", match[:12]) for match in TOKEN.findall(text)]


def _without_ids(text: str) -> str:
    """Traces, ids, hashes and numbers of time are hexadecimal or long: no phone number hides in them."""
    text = re.sub(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", " ", text)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{20,}|[0-9a-f]{24,}|(?<!\d)(?!86)\d{13,}|\d+\.\d+|\\x[0-9a-f]{2}", " ", text)
