"""Who is erased is nowhere in bookings and petitions any more, whatever they took, gave back, borrowed, filed or were told; not
even by a token that still lives."""

from __future__ import annotations

import time
from typing import Any

from ops.audit import Auditor
from ops.client import Client
from ops.services import SERVICES
from tests.system.petitioning import filed, in_the_chain, upload
from tests.system.scenes import Week, refused
from tests.system.world import Community, World, invented_phone, tomorrow

# What keeps ids by law or is none of the person's: the log of acts, keys, and the tombstone itself.
KEPT = {"audit", "keys", "leases", "tenants", "published", "people", "forgotten"}


def _named(world: World, person: str) -> list[str]:
    """The records of all services that name this person, but for their own tombstones."""
    found = []
    for service in SERVICES:
        for name in set(world.mongo[service].list_collection_names()) - KEPT:
            for document in world.mongo[service][name].find({}):
                own = document["_id"] == person and document.get("gone")
                if not own and person in str({k: v for k, v in document.items() if k != "outbox"}):
                    found.append(f"{service}.{name}: {document['_id']}")
    return found


def test_nothing_names_who_was_erased(world: World, lijing: Community) -> None:
    phone, address = invented_phone(), f"gone-{time.time_ns()}@lijing.example"
    person: str = lijing.register(phone=phone, email=address)["id"]
    client = world.demo.activate(phone)
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
    export = client.get(lijing.path(f"/residents/{person}/export"))
    held = export["elsewhere"]["bookings"]["bookings"]
    assert {use["id"] for use in held["uses"]} >= {s["id"] for s in programme["sessions"]}
    assert [loan["copy_id"] for loan in held["loans"]] == [book]
    assert (held["contact_of"], held["elder"]["resident_id"], held["clubs"]) == ([other], person, ["红歌"])
    assert [len(held[name]) for name in ("feeds", "loans")] == [1, 1]
    assert [shift["people"] for shift in held["duty"]["shifts"]] == [[person]]
    assert [ticket["person"] for ticket in held["duty"]["tickets"]] == [person]
    assert other not in str(held["uses"]) + str(held["duty"])
    assert lijing.worker.call("DELETE", lijing.path(f"/residents/{person}")).status_code in (200, 204)
    world.until(lambda: not _named(world, person), what="nothing left")
    assert lijing.worker.get(lijing.path(f"/clubs/{club}"))["leader"] == ""
    room = lijing.path("/rooms")
    world.until(lambda: client.call("GET", room).status_code == 401, 2.5, "the token to be void")
    # One that a replica has not heard of yet takes no place.
    late = Client(world.here.base_url, world.token("lijing", person, "resident"))
    refused(lijing.take(programme["sessions"][0]["id"], client=late), 403, "erased")
    assert late.get(lijing.path("/inbox"))["items"] == []


def test_nothing_in_petitions_names_who_was_erased_and_the_chain_is_whole(world: World, lijing: Community) -> None:
    phone, address = invented_phone(), f"gone-too-{time.time_ns()}@lijing.example"
    person: str = lijing.register(phone=phone, email=address)["id"]
    client = world.demo.activate(phone)
    world.settle()
    other = {"name": "赵测试", "phone": invented_phone()}
    png = b"\x89PNG\r\n\x1a\n" + b"x" * 64
    file = upload(lijing, client, png).json()["id"]
    closed = filed(lijing, client, petitioners=[], attachments=[file])["id"]
    client.post(lijing.path(f"/petitions/{closed}/withdraw"), {})
    shared = filed(lijing, lijing.worker, petitioners=[{"resident_id": person}, other])["id"]
    sealed = filed(lijing, client, sealed=True, petitioners=[])["id"]
    help = client.post(lijing.path("/help-requests"), {"text": "想找人谈谈。"})["id"]
    in_the_chain(world)
    database = world.mongo["petitions"]
    assert database["keys"].find_one({"keyAltNames": f"lijing/seal/{sealed}"}) is not None
    assert lijing.worker.call("DELETE", lijing.path(f"/residents/{person}")).status_code in (200, 204)
    world.until(lambda: database["keys"].find_one({"keyAltNames": f"lijing/seal/{sealed}"}) is None, what="the key to be gone")
    gone = {"_id": help, "community": "lijing", "gone": True}
    world.until(lambda: database["help_requests"].find_one(gone), what="the request for help to be gone")
    world.settle()
    left = lijing.worker.get(lijing.path(f"/petitions/{closed}"))
    assert (left["text"], left["petitioners"], left["notes"]) == ("", [], [])
    assert database["attachments"].find_one({"_id": file, "community": "lijing"})["data"] == b""
    assert lijing.worker.get(lijing.path(f"/petitions/{shared}"))["petitioners"] == [other | {"representative": False}]
    found = lijing.worker.post(lijing.path("/petitions/search"), {"phone": other["phone"]}, key="")["items"]
    assert [one["id"] for one in found] == [shared]
    late = Client(world.here.base_url, world.token("lijing", person, "resident"))
    refused(late.call("GET", lijing.path(f"/petitions/{sealed}")), 403, "erased")
    for name in ("petitions", "disputes", "help_requests", "seals", "sittings", "attachments"):
        for document in database[name].find({"community": "lijing"}):
            assert person not in str(document), name
    in_the_chain(world)
    checked = Auditor(world.here, "petitions").verify("lijing", records=True)
    assert checked["findings"] == []
