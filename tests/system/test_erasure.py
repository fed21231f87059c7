"""Who is erased is nowhere in bookings any more, whatever they took, gave back, borrowed or were told; not even by a token
that still lives."""

from __future__ import annotations

import time
from typing import Any

from tests.system.inventory.scenes import Week, refused
from tests.system.world import Community, World, invented_phone, tomorrow

# What keeps ids by law or is none of the person's: the log of acts, keys, and the tombstone itself.
KEPT = {"audit", "keys", "leases", "tenants", "published", "people", "forgotten"}


def _named(world: World, person: str) -> list[str]:
    found = []
    for name in set(world.mongo["bookings"].list_collection_names()) - KEPT:
        for document in world.mongo["bookings"][name].find({}):
            if person in str({k: v for k, v in document.items() if k not in ("_id", "outbox")}):
                found.append(f"{name}: {document['_id']}")
    return found


def test_nothing_names_who_was_erased(world: World, lijing: Community) -> None:
    phone, address = invented_phone(), f"gone-{time.time_ns()}@lijing.example"
    person: str = lijing.register(phone=phone, email=address)["id"]
    client = world.demo.sign_in_by_code(phone, address)
    world.settle()
    programme = lijing.programme(tomorrow(9), rule="FREQ=DAILY;COUNT=2")
    for session in programme["sessions"]:
        lijing.take(session["id"], client=client).raise_for_status()
    given = client.get(lijing.path("/places"))["items"][0]
    client.post(lijing.path(f"/places/{given['id']}/release"))
    room = lijing.room()["id"]
    lijing.reserve(client, room, tomorrow(9)).raise_for_status()
    book = lijing.worker.post(lijing.path("/books"), {"title": "围城"})["id"]
    client.post(lijing.path("/loans"), {"copy_id": book})
    client.post(lijing.path("/counter/queue"), {})
    client.post(lijing.path("/feeds"), key="")
    club = lijing.worker.post(lijing.path("/clubs"), {"name": "红歌", "leader": person})["id"]
    other = lijing.register(groups=["elder"])["id"]
    for elder, contacts in ((person, []), (other, [person])):
        file: dict[str, Any] = {"needs": "x", "contacts": contacts}
        lijing.worker.call("PUT", lijing.path(f"/elders/{elder}"), file).raise_for_status()
    week = Week(lijing)
    week.assign(week.made["shifts"][0]["id"], [person])
    world.settle()
    assert len(_named(world, person)) >= 8
    before = client.token
    assert lijing.worker.call("DELETE", lijing.path(f"/residents/{person}")).status_code in (200, 204)
    world.until(lambda: not _named(world, person), what="nothing left")
    assert lijing.worker.get(lijing.path(f"/clubs/{club}"))["leader"] == ""
    # The token lives on a little: it takes no place, and what it still reserved is forgotten when it has run out.
    assert client.token == before
    refused(lijing.take(programme["sessions"][0]["id"], client=client), 403, "erased")
