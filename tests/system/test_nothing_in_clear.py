"""What touches personal data most, once through; when all tests of a system are over, it is searched (see conftest.py)."""

from __future__ import annotations

import re
import time

import requests

from ops.demo import code_in
from shared.broker import topology
from tests.system.clear import ADDRESSES, ID_NUMBERS, NAMES, PINYIN, WORDS, hits, pattern, shown
from tests.system.petitioning import anonymous, by_receipt
from tests.system.world import Community, World, invented_phone, tomorrow


def test_everything_that_touches_personal_data_works_and_is_searched_for_afterwards(world: World, lijing: Community) -> None:
    phone, address = invented_phone(), f"clear-{time.time_ns()}@lijing.example"
    since = time.time()
    facts = {"phone": phone, "email": address, "address": ADDRESSES[0], "id_number": ID_NUMBERS[3]}
    resident = lijing.register(
        name=NAMES[0], contacts=[{"name": NAMES[1], "phone": invented_phone(), "relation": "邻居"}], **facts
    )
    person = world.demo.activate(phone)
    invited = code_in(world.demo.text_to(phone, since), 8)
    person.post("/me/password", {"password": "unheard-of-secret"}, key="")
    code = re.findall(r"\b\d{6}\b", _text_with_code(world, phone))[0]
    added = person.post("/me/channels", {"mail": address}, key="")
    second = code_in(world.until(lambda: world.demo.mail_to(address, since, "验证码"), what="the code to the new channel"))
    person.post(f"/me/channels/{added['id']}/confirm", {"code": second}, key="")
    no_phone = lijing.register(name=NAMES[1])["id"]
    slip = lijing.worker.post(lijing.path(f"/residents/{no_phone}/slip"), key="")["code"]
    by_slip = world.api.post("/tokens", {"slip": slip}, key="")
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
    come_in = world.api.post("/tokens", {"phone": phone, "password": "unheard-of-secret"}, key="")
    session = come_in["refresh_token"]
    renewed = world.api.post("/tokens/refresh", {"refresh_token": session}, key="")["refresh_token"]
    feed = person.post("/lijing/feeds", key="")["path"]
    assert requests.get(f"{world.here.base_url}{feed}", timeout=10).status_code == 200
    receipt = anonymous(lijing)["receipt_code"]
    assert by_receipt(lijing, receipt).status_code == 200
    world.settle()
    world.passed.add(topology.retry("notifications"))
    world.secrets += [
        address,
        "unheard-of-secret",
        person.token,
        receipt,
        receipt.replace("-", ""),
        slip,
        slip.replace("-", ""),
    ]
    world.secrets += [shown for one in (code, invited, second) for shown in (f'"{one}"', f"'{one}'")]
    world.secrets += [feed.split("/")[-2], *(token.rpartition(".")[2] for token in (session, renewed))]
    world.secrets += [token.rpartition(".")[2] for token in (come_in["device_token"], by_slip["refresh_token"])]


def _text_with_code(world: World, phone: str) -> str:
    since = time.time()
    world.demo.sign_in_by_code(phone)
    return world.demo.text_to(phone, since).partition("\n\n")[2]


def test_the_search_itself_finds_what_it_looks_for() -> None:
    for text in ("x +8613612345678 y", "13612345678", f"name={NAMES[0]}", "Bearer eyJhbGciOiJFZERTQSJ9.eyJhIjoxfQ.c2ln"):
        assert hits("here", text, pattern(NAMES))
    for document in ({"a": NAMES[0]}, {"a": [NAMES[0].encode()]}, {"a": {"b": b"\xff\x00" + NAMES[0].encode()}}):
        assert hits("here", shown(document), pattern(NAMES))
    assert not hits("here", "01a20553-f639-7a7a-8640-752c646d1edb 1795385703.236224", pattern(NAMES))
