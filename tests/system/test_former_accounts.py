"""An installation of before: accounts whose channels nobody confirmed open nothing any more; their people are asked in."""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from argon2 import PasswordHasher

from shared.security.privacy import Vault
from tests.system.world import Community, World, invented_phone


class Before:
    """Writes accounts as they were written before."""

    def __init__(self, world: World) -> None:
        self._world, self._database = world, world.mongo["residents"]
        self._vault = Vault(world.mongo, "residents", world.here.secrets["master"]["residents"])

    def account(self, phone: str, email: str, password: str, *members: tuple[str, str, str, dict[str, Any]]) -> str:
        """An account, and the records that it opens: (collection, community, id, membership)."""
        key = self._world.here.secrets["installation"].encode()
        id, now = hmac.new(key, phone.encode(), hashlib.sha256).hexdigest(), datetime.now(UTC)
        document = {
            "_id": id,
            "community": "_",
            "version": 3,
            "born": now,
            "gone": False,
            "language": "zh-CN",
            "code": None,
            "sub": str(uuid.uuid4()),
            "password": PasswordHasher().hash(password),
            "find": {},
            "outbox": [],
            "sequence": 0,
            "seen": [],
            "replies": [],
            "wrote": [str(uuid.uuid4())],
            "memberships": {community: membership for _, community, _, membership in members},
            "sessions": [{"hash": "ab" * 32, "expires_at": now + timedelta(days=30), "community": ""}],
            "sealed": self._vault.seal("_", {"phone": phone, "email": email}),
        }
        # The newest fields of the records did not exist.
        for collection, _, record, _ in members:
            change = {"$set": {"account_id": id}, "$inc": {"version": 1}, "$unset": {"proposed": ""}}
            assert self._database[collection].update_one({"_id": record}, change).matched_count == 1
        self._database["accounts"].insert_one(document)
        return id


def test_whoever_had_an_account_is_asked_in_anew_and_the_accounts_are_gone(
    world: World, lijing: Community, shengtaiyuan: Community
) -> None:
    phone, since = invented_phone(), time.time()
    resident = lijing.register(email="kept@lijing.example")["id"]
    facts = {"name": "演示职员", "phone": invented_phone(), "roles": ["worker"]}
    worker = shengtaiyuan.secretary.post(shengtaiyuan.path("/workers"), facts)["id"]
    world.settle()
    # What was typed into the records later: nobody has heard of it, as before.
    lijing.worker.patch(lijing.path(f"/residents/{resident}"), {"phone": phone})
    world.settle()
    waiting = {"person": {"$in": [resident, worker]}}
    world.mongo["residents"]["activations"].delete_many(waiting)
    member = {"roles": ["resident"], "until": None}
    id = Before(world).account(
        phone,
        "attacker@evil.example",
        "the attacker's password",
        ("residents", "lijing", resident, member | {"id": resident}),
        ("workers", "shengtaiyuan", worker, {"id": worker, "roles": ["worker"], "until": None}),
    )
    accounts = world.mongo["residents"]["accounts"]
    world.until(lambda: accounts.find_one({"_id": id}) is None, 30, "the account of before to be gone")
    # Its password opens nothing, and no address of it is asked.
    old = world.api.call("POST", "/tokens", {"phone": phone, "password": "the attacker's password"})
    assert old.status_code == 401
    # Each person is asked in at the contact of their own record.
    person = world.demo.activate(phone, since)
    assert [m["id"] for m in person.get("/me")["memberships"]] == [resident]
    colleague = world.demo.activate(facts["phone"], since)
    assert [(m["id"], m["roles"]) for m in colleague.get("/me")["memberships"]] == [(worker, ["worker"])]
    world.settle()
    assert world.demo.mail_to("attacker@evil.example", since) == ""
    assert world.operator("lijing").get("/lijing/workers"), "the first operator comes in as before"


def test_a_phone_that_so_many_share_keeps_nobody_else_waiting(world: World, lijing: Community, shengtaiyuan: Community) -> None:
    shared, phone = invented_phone(), invented_phone()
    people = [lijing.register(email=f"shared-{n}@lijing.example")["id"] for n in range(7)]
    other = shengtaiyuan.register(email="other@shengtaiyuan.example")["id"]
    world.settle()
    residents, before = world.mongo["residents"]["residents"], Before(world)
    for id, contact in [*((one, shared) for one in people), (other, phone)]:
        path = lijing.path(f"/residents/{id}") if id != other else shengtaiyuan.path(f"/residents/{id}")
        (lijing if id != other else shengtaiyuan).worker.patch(path, {"phone": contact})
    world.settle()
    world.mongo["residents"]["activations"].delete_many({"person": {"$in": [*people, other]}})
    world.mongo["residents"]["tries"].delete_many({})
    since = time.time()
    member = {"roles": ["resident"], "until": None}
    for n, (id, slug) in enumerate([*((one, "lijing") for one in people), (other, "shengtaiyuan")]):
        before.account(f"+861390000{n:04d}", "", "x" * 12, ("residents", slug, id, member | {"id": id}))
    # The busy phone is one of the first community; a later one does not wait for tomorrow.
    assert world.demo.activate(phone, since).get("/me")["memberships"][0]["id"] == other

    def waiting():
        return residents.count_documents({"_id": {"$in": people}, "account_id": {"$ne": ""}})

    world.until(lambda: waiting() == 2, 30, "five of seven to be asked in")
    left = residents.find_one({"_id": {"$in": people}, "account_id": {"$ne": ""}})["_id"]
    # Nor do they have to: at the counter there is a slip.
    slip = lijing.worker.post(lijing.path(f"/residents/{left}/slip"), key="")["code"]
    assert world.api.post("/tokens", {"slip": slip}, key="")["access_token"]
    accounts = world.mongo["residents"]["accounts"]
    with world.clock_at(datetime.now(UTC) + timedelta(days=1, minutes=5)):
        world.until(lambda: accounts.count_documents({"gone": False}) == 0, 30, "the others to be asked in, too")
    with world.clock_at(datetime.now(UTC) + timedelta(days=1, minutes=10)):
        world.until(lambda: accounts.count_documents({}) == 0, 30, "the accounts of before to be gone")


def test_nobody_is_asked_in_twice(world: World, lijing: Community) -> None:
    phone = invented_phone()
    resident = lijing.register(phone=phone)["id"]
    world.settle()
    Before(world).account(
        phone, "", "x" * 12, ("residents", "lijing", resident, {"id": resident, "roles": ["resident"], "until": None})
    )
    accounts = world.mongo["residents"]["accounts"]
    world.until(lambda: accounts.count_documents({}) == 0, 30, "the account of before to be gone")
    world.settle()
    assert world.mongo["residents"]["activations"].count_documents({"person": resident, "state": "waiting"}) == 1
    assert world.demo.activate(phone).get("/me")["memberships"]
