"""Whoever tries what they do not know is counted before anybody looks; and shuts nobody else out."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ops.demo import code_in
from tests.system.scenes import refused
from tests.system.world import Community, World, at_once, invented_phone, spare_replica

PASSWORD = "the owner's own password"


@pytest.fixture
def owner(world: World, lijing: Community) -> dict[str, str]:
    """Somebody with a password, and a device that signed in with it."""
    client, record = lijing.person()
    client.post("/me/password", {"password": PASSWORD}, key="")
    reply = world.api.post("/tokens", {"phone": record["phone"], "password": PASSWORD}, key="")
    return {"phone": record["phone"], "device_token": reply["device_token"], "id": record["id"]}


def test_sixty_passwords_at_once_on_one_phone(world: World, owner: dict[str, str]) -> None:
    guesses = [{"phone": owner["phone"], "password": f"guess number {n}"} for n in range(60)]
    replies = at_once(60, lambda n: world.api.call("POST", "/tokens", guesses[n]))
    assert sorted(reply.status_code for reply in replies) == [401] * 5 + [429] * 55
    limited = next(reply for reply in replies if reply.status_code == 429)
    assert int(limited.headers["Retry-After"]) >= 1


def test_shutting_the_owner_out_by_wrong_passwords(world: World, lijing: Community, owner: dict[str, str]) -> None:
    for n in range(6):
        last = world.api.call("POST", "/tokens", {"phone": owner["phone"], "password": f"guess number {n}"})
    refused(last, 429, "too_many_tries")
    right = {"phone": owner["phone"], "password": PASSWORD}
    refused(world.api.call("POST", "/tokens", right), 429, "too_many_tries")
    # The device that signed in before, and a code, are open; a slip is not asked for where there is a channel.
    assert world.api.call("POST", "/tokens", right | {"device_token": owner["device_token"]}).status_code == 201
    assert world.demo.sign_in_by_code(owner["phone"]).get("/me")


def test_guessing_from_a_device_of_ones_own(world: World, lijing: Community, owner: dict[str, str]) -> None:
    attacker, record = lijing.person()
    attacker.post("/me/password", {"password": PASSWORD}, key="")
    devices = [
        world.api.post("/tokens", {"phone": record["phone"], "password": PASSWORD}, key="")["device_token"] for _ in range(3)
    ]
    guesses = [{"phone": owner["phone"], "password": f"guess number {n}", "device_token": devices[n % 3]} for n in range(9)]
    replies = at_once(9, lambda n: world.api.call("POST", "/tokens", guesses[n]))
    assert [reply.status_code for reply in replies].count(401) == 5, "a device is known to its own account alone"


def test_guessing_a_code_at_once(world: World, owner: dict[str, str]) -> None:
    since = time.time()
    world.api.post("/tokens/codes", {"phone": owner["phone"]}, key="")
    code = code_in(world.until(lambda: world.demo.text_to(owner["phone"], since), what="the code"))
    wrong = [f"{(int(code) + n + 1) % 10**6:06d}" for n in range(30)]
    replies = at_once(30, lambda n: world.api.call("POST", "/tokens", {"phone": owner["phone"], "code": wrong[n]}))
    assert sorted(reply.status_code for reply in replies) == [401] * 10 + [429] * 20


def test_telling_a_phone_that_has_an_account_from_one_that_has_none(world: World, lijing: Community) -> None:
    """By the reply, by what is written, and by the time that it takes."""
    known = [lijing.person()[1]["phone"] for _ in range(12)]
    unknown = [invented_phone() for _ in range(12)]
    world.settle()
    tries = world.mongo["residents"]["tries"]
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    shapes: dict[str, list[Any]] = {"known": [], "unknown": []}
    for pair in zip(known, unknown, strict=True):
        for kind, phone in zip(("known", "unknown"), pair, strict=True):
            before, started = {row["_id"] for row in tries.find({}, {"_id": 1})}, time.monotonic()
            reply = world.api.call("POST", "/tokens/codes", {"phone": phone})
            took[kind].append(time.monotonic() - started)
            fresh = [row for row in tries.find({}) if row["_id"] not in before]
            shapes[kind].append((reply.status_code, reply.content, len(fresh), sorted(map(sorted, fresh))))
    world.settle()
    assert {shape[0] for shape in shapes["known"]} == {202}
    assert shapes["known"] == shapes["unknown"]
    assert abs(statistics.median(took["known"]) - statistics.median(took["unknown"])) < 0.02, took


@pytest.fixture
def strict_replica(world: World) -> Iterator[str]:
    """One more replica of residents, which lets an address try ten times; whoever calls it is the edge."""
    with spare_replica(world, "residents", LINLI_TRIES_AN_ADDRESS="10") as base:
        yield base


def _from(replica: str, client: str, path: str, body: Any) -> requests.Response:
    """Asked from this address, as the edge would say."""
    return requests.post(f"{replica}/api/v1{path}", json=body, headers={"X-Linli-Client": client}, timeout=20)


def test_keeping_an_owner_from_codes_by_asking_for_them(world: World, owner: dict[str, str]) -> None:
    replica, phone = world.replica("residents"), {"phone": owner["phone"]}
    since = time.time()
    assert _from(replica, "198.51.100.66", "/tokens/codes", phone).status_code == 202
    assert _from(replica, "198.51.100.66", "/tokens/codes", phone).status_code == 429
    first = code_in(world.until(lambda: world.demo.text_to(owner["phone"], since), what="the code that the stranger asked for"))
    since = time.time()
    # The owner asks from somewhere else, and the code that came first still works, too.
    assert _from(replica, "198.51.100.7", "/tokens/codes", phone).status_code == 202
    second = code_in(world.until(lambda: world.demo.text_to(owner["phone"], since), what="the owner's code"))
    for n in range(12):
        wrong = _from(replica, "198.51.100.66", "/tokens", phone | {"code": f"{(int(second) + n + 1) % 10**6:06d}"})
    refused(wrong, 429, "too_many_tries")
    assert first != second
    assert _from(replica, "198.51.100.7", "/tokens", phone | {"code": first}).status_code == 201


def test_keeping_somebody_from_coming_in_by_wrong_activation_codes(world: World, lijing: Community) -> None:
    phone, replica = invented_phone(), world.replica("residents")
    lijing.register(phone=phone)
    code = code_in(world.until(lambda: world.demo.text_to(phone), what="the activation code"), 8)
    for n in range(6):
        wrong = {"phone": phone, "code": f"{(int(code) + n + 1) % 10**8:08d}"}
        last = _from(replica, "198.51.100.66", "/activations", wrong)
    refused(last, 429, "too_many_tries")
    assert _from(replica, "198.51.100.7", "/activations", {"phone": phone, "code": code}).status_code == 201


def test_trying_many_phones_from_one_address(world: World, owner: dict[str, str], strict_replica: str) -> None:
    def tries(client: str, **body: str) -> int:
        asked = {"phone": invented_phone(), "password": "one for all of them"} | body
        return _from(strict_replica, client, "/tokens", asked).status_code

    # Of a customer who has a /64, each of its addresses is the same.
    replies = at_once(20, lambda n: tries(f"2001:db8:7:7::{n + 1:x}"))
    assert sorted(replies) == [401] * 10 + [429] * 10
    assert tries("2001:db8:7:8::1") == 401
    right = {"phone": owner["phone"], "password": PASSWORD}
    assert tries("2001:db8:7:7::1", **right) == 429
    assert tries("2001:db8:7:8::1", **right) == 201
    assert tries("2001:db8:7:7::1", **right, device_token=owner["device_token"]) == 201, "a known device is counted by itself"
    # Nor does it close the way by code.
    assert _from(strict_replica, "2001:db8:7:7::1", "/tokens", {"phone": owner["phone"], "code": "000000"}).status_code == 401
    stored = str(list(world.mongo["residents"]["tries"].find({})))
    assert "2001:db8" not in stored
    assert owner["phone"] not in stored


def test_what_a_caller_says_of_their_address_does_not_count(world: World) -> None:
    """The edge says who is connected, whatever a header claims."""
    made = requests.get(f"{world.here.base_url}/api/v1/communities", headers={"X-Linli-Client": "198.51.100.1"}, timeout=10)
    assert made.status_code == 401
    kept = world.mongo["residents"]["tries"]
    before = {row["_id"] for row in kept.find({}, {"_id": 1})}
    for address in ("198.51.100.7", "198.51.100.8"):
        for name in ("X-Linli-Client", "X-Forwarded-For"):
            body, headers = {"phone": "+8613600000000", "code": "000000"}, {name: address}
            tried = requests.post(f"{world.here.base_url}/api/v1/tokens", json=body, headers=headers, timeout=10)
            assert tried.status_code == 401
    fresh = {row["_id"] for row in kept.find({}, {"_id": 1})} - before
    assert 1 <= len(fresh) <= 2, "one for the phone, one at most for the one address that there is"


def test_more_passwords_than_can_be_hashed_are_asked_to_come_again(world: World) -> None:
    phones = [invented_phone() for _ in range(90)]
    replies = at_once(90, lambda n: world.api.call("POST", "/tokens", {"phone": phones[n], "password": "whatever it is"}))
    assert {reply.status_code for reply in replies} == {401, 429}
    busy = [reply for reply in replies if reply.status_code == 429]
    assert {reply.json()["code"] for reply in busy} == {"busy"}
    assert all(int(reply.headers["Retry-After"]) >= 1 for reply in busy)


def test_what_happens_to_accounts_is_in_the_chain_and_says_nothing_to_a_thief(world: World, owner: dict[str, str]) -> None:
    log = world.mongo["residents"]["audit"]
    last = log.find_one({"community": "_"}, sort=[("n", -1)])["n"]
    world.api.call("POST", "/tokens", {"phone": owner["phone"], "password": "wrong"})
    client = world.api.sign_in(owner["phone"], password=PASSWORD)
    account = client.get("/me")["id"]
    client.post("/me/password", {"password": "another password", "old_password": PASSWORD}, key="")
    client.call("DELETE", "/me/sessions")
    entries = list(log.find({"community": "_", "n": {"$gt": last}}))
    acts = [entry["act"] for entry in entries]
    assert {"account:refused", "account:signed_in:password", "account:password_set", "account:signed_out"} <= set(acts)
    made = {
        "account:code_made",
        "account:signed_in:code",
        "account:slip_printed",
        "account:signed_in:slip",
        "account:membership_accepted",
        "account:membership_ended",
    }
    world.demo.sign_in_by_code(owner["phone"])
    record = world.lijing.register()["id"]
    slip = world.lijing.worker.post(f"/lijing/residents/{record}/slip", key="")["code"]
    world.api.post("/tokens", {"slip": slip}, key="")
    world.lijing.worker.call("DELETE", f"/lijing/residents/{record}")
    world.settle()
    assert made <= set(log.distinct("act", {"community": "_", "n": {"$gt": last}}))
    mine = [entry for entry in entries if entry["act"].startswith("account:")]
    for entry in mine:
        assert (entry["actor"], entry["subjects"], entry["correlation"]) == ("", [], "")
        assert account not in str(entry)
        assert (entry["at"].hour, entry["at"].minute) == (0, 0), "the day alone stands there in clear"
    assert world.linli("audit", "verify", "--service", "residents", "--community", "_").returncode == 0
