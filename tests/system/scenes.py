"""What several scenarios play on: refusals, full sessions, an after-school class, a week of duty."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import requests

from tests.system.world import Community, World, tomorrow


def refused(reply: requests.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, which must be this one."""
    assert (reply.status_code, reply.json().get("code")) == (status, code), reply.text
    return dict(reply.json())


def fill(community: Community, session: str, count: int) -> list[dict[str, Any]]:
    """So many residents with a seat each."""
    people = [community.register()["id"] for _ in range(count)]
    replies = [community.take(session, person) for person in people]
    assert [r.status_code for r in replies] == [201] * count
    return [dict(r.json()) for r in replies]


class Class:
    """An after-school class tomorrow, with a guardian's child in it."""

    def __init__(self, world: World, community: Community, day: Any = None, **child: Any) -> None:
        self.world, self.community = world, community
        self.start = day or tomorrow(16, 30)
        self.guardian, self.guardian_id = community.as_("guardian"), community.id_of("guardian")
        self.programme = community.programme(self.start, 120, kind="after_school", title="四点半课堂", capacity=60)
        self.session = self.programme["session"]
        self.child = self.new_child(**child)

    def new_child(self, settle: bool = True, **facts: Any) -> str:
        born = {"birth_date": "2018-03-01", "groups": ["child"]} | facts
        child = str(self.community.register(**born)["id"])
        body = {"guardian_id": self.guardian_id}
        self.community.worker.post(self.community.path(f"/residents/{child}/guardians"), body)
        if settle:
            self.world.settle()
        return child

    def enrol(self, child: str = "", **facts: Any) -> requests.Response:
        asked = {
            "child_id": child or self.child,
            "consent": True,
            "allergies": "花生",
            "collectors": [{"name": "陈外婆", "phone": "13600000001", "relation": "外祖母"}],
        } | facts
        return self.guardian.call("POST", self.community.path(f"/programmes/{self.programme['id']}/enrolments"), asked)

    def sign_in(self, child: str = "") -> str:
        place = self.community.take(self.session, child or self.child, self.guardian).json()["id"]
        with self.world.clock_at(self.start):
            signed = self.community.worker.call("POST", self.community.path(f"/places/{place}/check-in"), {})
        assert signed.json()["state"] == "present", signed.text
        return str(place)

    def release(self, place: str, **how: Any) -> requests.Response:
        return self.community.worker.call("POST", self.community.path("/pickups"), {"place_id": place} | how)


class Week:
    """A week's roster of a community, which no other test uses."""

    used: int = 1

    def __init__(self, community: Community) -> None:
        self.community, self.lead = community, community.as_("duty_lead")
        Week.used += 1
        monday = tomorrow(0)
        monday += timedelta(days=-monday.weekday() + 7 * Week.used)
        self.monday, iso = monday, monday.isocalendar()
        self.week = f"{iso.year}-W{iso.week:02d}"
        self.people = [community.id_of("worker"), community.id_of("duty_lead")]
        self.made = self.lead.post(community.path("/rosters"), {"week": self.week})

    def path(self, rest: str) -> str:
        return self.community.path(rest)

    def fill(self, *but: str) -> None:
        for shift in self.made["shifts"]:
            if not shift["id"].endswith(but or ("none",)):
                self.assign(shift["id"], self.people)

    def assign(self, shift: str, people: list[str]) -> None:
        reply = self.lead.call("PUT", self.path(f"/shifts/{shift}/people"), {"people": people})
        assert reply.status_code == 200, reply.text

    def publish(self) -> requests.Response:
        return self.lead.call("POST", self.path(f"/rosters/{self.week}/publish"))

    def at(self, days: int, hour: int, minute: int = 0) -> Any:
        return self.monday + timedelta(days=days, hours=hour, minutes=minute)

    def book(self, start: Any, resident: str = "") -> requests.Response:
        # Somebody new each time: whoever misses too many appointments books nothing for a while.
        body = {"start": start.isoformat(), "resident_id": resident or self.community.register()["id"]}
        return self.community.worker.call("POST", self.path("/appointments"), body)
