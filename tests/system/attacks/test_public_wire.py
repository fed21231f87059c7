"""Whoever listens in on the public exchanges learns nothing of anybody that is nobody's business."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.system.world import Community, World, tomorrow


def test_to_which_groups_somebody_belongs(world: World, lijing: Community) -> None:
    who = lijing.register(groups=["party_member", "low_income"])["id"]
    path = lijing.path(f"/residents/{who}")
    etag = lijing.worker.call("GET", path).headers["ETag"]
    assert lijing.worker.call("PATCH", path, {"groups": ["disabled"]}, If_Match=etag).status_code == 200
    world.settle()
    assert len(world.heard("resident_changed", who)) == 1
    public = json.dumps([event["body"] for event in world.ear.events if event["subject"] == who])
    assert not any(group in public for group in ("party_member", "low_income", "disabled", "groups"))
    assert not world.heard("resident_groups_changed")
    # And yet whoever has to know it does.
    known = world.mongo["bookings"]["people"].find_one({"_id": who})
    assert known is not None
    assert known["groups"] == ["disabled"]


def test_who_talks_to_the_counsellor_and_when(world: World, lijing: Community) -> None:
    room = lijing.room(use="counselling", name="心理咨询室")["id"]
    counsellor = lijing.room(use="counsellor", capacity=1, stewards=[lijing.id_of("counsellor")])["id"]
    person, about = lijing.person()
    start = tomorrow(10, days=3)
    asked = {"room_id": room, "counsellor_id": counsellor, "start": start.isoformat()}
    asked["end"] = (start + timedelta(hours=1)).isoformat()
    talk = person.post(lijing.path("/counselling"), asked)["id"]
    person.post(lijing.path(f"/counselling/{talk}/cancel"), {})
    world.settle()
    public = json.dumps([event for event in world.ear.events if event["name"] != "resident_registered"], default=str)
    assert talk not in public
    assert not any(world.heard(name) for name in ("confidential_booked", "confidential_cancelled"))
    told = {message["template"] for message in lijing.told(about["id"])}
    assert {"confidential_booked", "confidential_cancelled"} <= told
