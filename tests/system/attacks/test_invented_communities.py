"""Whoever asks for communities that there are not costs nothing, and leaves nothing."""

from __future__ import annotations

import uuid

from tests.system.world import World, at_once


def test_guests_of_invented_communities_leave_nothing_and_wait_for_nothing(world: World) -> None:
    tenants = [world.mongo[service]["tenants"] for service in ("petitions", "bookings")]
    before = [collection.count_documents({}) for collection in tenants]
    mark = f"invented-{uuid.uuid4().hex[:8]}"

    def ask(n: int) -> tuple[int, str]:
        slug = f"{mark}-{n}"
        paths = (
            ("POST", f"/{slug}/petitions", {"kind": "申诉求决", "topic": "x", "text": "y", "petitioners": []}),
            ("POST", f"/{slug}/petitions/by-receipt", {"receipt": "x" * 20}),
            ("GET", f"/{slug}/feeds/{'x' * 40}/calendar.ics", None),
            ("GET", f"/{slug}/rooms/{uuid.uuid4()}/calendar.ics", None),
        )
        method, path, body = paths[n % len(paths)]
        reply = world.api.call(method, path, body)
        return reply.status_code, reply.json()["code"]

    assert set(at_once(40, ask)) == {(404, "community_missing")}
    assert [collection.count_documents({}) for collection in tenants] == before
    assert not any(collection.count_documents({"_id": {"$regex": f"^{mark}"}}) for collection in tenants)


def test_a_community_that_was_just_opened_has_guests_within_moments(world: World) -> None:
    slug = f"new-{uuid.uuid4().hex[:6]}"
    world.open(slug)
    world.until(
        lambda: world.api.call("GET", f"/{slug}/rooms/{uuid.uuid4()}/calendar.ics").json()["code"] != "community_missing", 10
    )
