"""The after-school class, for guardians, its staff and the duty lead."""

from __future__ import annotations

from typing import Any

from services.bookings.children import domain
from services.bookings.children.domain import Approval, Enrolment, Pickup
from services.bookings.children.enrolments import AFTER_SCHOOL, APPROVALS, Enrolments, enrolment_id
from services.bookings.directory import USES, Directory
from services.bookings.domain import Use
from services.bookings.sessions import domain as sessions
from shared.calls import Call, derived_id
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing
from shared.runtime.internal import ask
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind

PICKUPS = Kind(Pickup, "pickups", indexes=(("child_id",),))


class Children:
    """Children of the class: enrolled with consent, present or absent, collected by whom their guardian named."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._uses = platform.store(USES)
        self._pickups = platform.store(PICKUPS)
        self._approvals = platform.store(APPROVALS)
        self._enrolments = Enrolments(platform)
        self._directory = Directory(platform)

    # -- consent

    def enrol(self, call: Call, programme: Any) -> Enrolment:
        """A guardian enrols a child, or changes who may collect it."""
        if programme.kind != AFTER_SCHOOL:
            raise Missing("programme_missing", "no such class")
        child_id = call.body["child_id"]
        self._must_be_guardian(call, child_id)
        id = enrolment_id(programme.id, child_id)
        made: Enrolment = self._enrolments.store.ensure(
            call, id, lambda _: Enrolment(), domain.enrol, child_id, programme.id, call.body, call.actor, call.at
        )
        return made

    def withdraw(self, call: Call, id: str) -> Enrolment:
        """A guardian withdraws consent."""
        enrolment = self._enrolments.store.get(call, id)
        self._must_be_guardian(call, enrolment.child_id)
        withdrawn: Enrolment = self._enrolments.store.change(call, id, domain.withdraw, call.actor, call.at)
        return withdrawn

    def enrolment(self, call: Call, id: str) -> Enrolment:
        """What a guardian wrote, for the child's guardians."""
        enrolment: Enrolment = self._enrolments.store.get(call, id)
        self._must_be_guardian(call, enrolment.child_id)
        return enrolment

    def _must_be_guardian(self, call: Call, child_id: str) -> None:
        child = self._directory.people.find(call.community, child_id)
        if child is None or call.actor not in child.guardians:
            raise Forbidden("not_guardian", "only a guardian decides for a child")

    # -- adults

    def staff(self, call: Call, id: str) -> Use:
        """The duty lead names who is there."""
        adults = list(dict.fromkeys(call.body["adults"]))
        for adult in adults:
            if not self._directory.person(call, adult, "adults").roles:
                raise Invalid("worker_unknown", "no such worker", "adults")
        use: Use = self._uses.change(call, id, domain.staff_class, adults, call.body["exception"], call.actor, call.at)
        return use

    def open(self, call: Call, id: str) -> Use:
        """The class begins."""
        use: Use = self._uses.change(
            call, id, domain.open_class, call.body["adults"], call.body["exception"], call.actor, call.at
        )
        return use

    # -- pick-up

    def release(self, call: Call) -> Pickup:
        """A child goes. Raises Conflict("collector_unlisted") for somebody whom no guardian named: that act is kept too."""
        session_id, n = sessions.split(call.body["place_id"])
        use = self._uses.get(call, session_id, "session_missing")
        place = sessions.place_of(use, n)
        child_id = place["person"]
        if place["state"] != sessions.PRESENT:
            raise Conflict("not_present", "the child is not signed in", state=place["state"])
        enrolment = self._enrolments.find(call.community, use.programme_id, child_id)
        if enrolment is None:
            raise Missing("enrolment_missing", "the child is not enrolled")
        how, collector = self._who_comes(call, use, enrolment)
        day = use.begins.date().isoformat()
        id = derived_id("pickup", child_id, day)
        tell = self._directory.tell(self._directory.person(call, child_id))
        args = (child_id, day, use, tell, how, collector, call.actor, call.at)
        # No reply is kept of a refused act: the same key decides again, after the guardian has answered.
        asked = call.showing(lambda pickup: pickup if use.id in pickup.left else None)
        after: Pickup = self._pickups.ensure(asked, id, lambda _: Pickup(), domain.release, *args)
        if use.id not in after.left:
            raise Conflict("collector_unlisted", "not on the child's list: its guardians have been alerted", pickup_id=id)
        # At once, so that nobody is alarmed while the broker is away; the event does it again if this fails.
        self._uses.change(call.plain(), use.id, sessions.leave, child_id, call.at)
        return after

    def _who_comes(self, call: Call, use: Use, enrolment: Enrolment) -> tuple[str, dict[str, str] | None]:
        body = call.body
        if sum(name in body for name in ("collector_id", "collector", "alone")) != 1:
            raise Invalid("collector_one", "send exactly one of collector_id, collector, alone", "collector_id")
        if "alone" in body:
            domain.may_leave_alone(enrolment, use.begins.date())
            return "alone", None
        if "collector" in body:
            return "unlisted", body["collector"]
        listed = next((c for c in enrolment.collectors if c["id"] == body["collector_id"]), None)
        if listed is None:
            raise Invalid("collector_unknown", "nobody on the child's list has this id", "collector_id")
        return "listed", listed

    def approve(self, call: Call) -> Pickup:
        """A guardian lets one collector take one child on one day."""
        child_id, day = call.body["child_id"], call.body["day"]
        self._must_be_guardian(call, child_id)
        today = call.at.astimezone(self._directory.locale(call).zone).date().isoformat()
        if day < today:
            raise Invalid("in_the_past", "that day is over", "day")
        id = derived_id("pickup", child_id, day)
        args = (child_id, day, call.body["collector"], call.actor, call.at)
        approved: Pickup = self._pickups.ensure(call, id, lambda _: Pickup(), domain.approve, *args)
        return approved

    def pickup(self, call: Call, id: str) -> Pickup:
        """What happened that day, for staff and the child's guardians."""
        pickup: Pickup = self._pickups.get(call, id)
        if not self._directory.may_act(call, pickup.child_id):
            raise Forbidden("not_yours", "this is somebody else's child")
        session = self._uses.find(call.community, call.query["session_id"]) if "session_id" in call.query else None
        self._enrolments.may_read(call, [pickup.child_id], session)
        return pickup

    # -- reading

    def open_child(self, call: Call, child_id: str) -> dict[str, Any]:
        """A child's collectors and allergies: for the class's staff in its hours, or with an approval."""
        use = self._uses.find(call.community, call.query["session_id"]) if "session_id" in call.query else None
        approvals = self._approvals.all(call.community, {"child_id": child_id})
        domain.may_read(use, child_id, call.actor, approvals, call.at)
        enrolments = [
            e
            for e in self._enrolments.store.all(call.community, {"child_id": child_id})
            if use is None or e.programme_id == use.programme_id
        ]
        if not enrolments:
            raise Missing("enrolment_missing", "the child is not enrolled")
        return {"child_id": child_id, "enrolments": enrolments}

    def approve_reading(self, call: Call) -> Approval:
        """The duty lead or the secretary lets somebody read one child's data for a while."""
        body = call.body
        made: Approval = self._approvals.create(
            call, domain.approve_reading, body["child_id"], body["reader"], body["until"], body["reason"], call.actor, call.at
        )
        return made

    # -- what follows

    def fetch_birth_date(self, call: Call, event: Any) -> None:
        """Ask residents how old the child is: it decides whether it may ever leave alone."""
        asked = {"community": call.community, "id": event.child_id, "purpose": "after_school_class"}
        known = ask(self._platform, "residents", "/internal/birth-dates", asked, call)
        self._enrolments.store.change(call, event.enrolment_id, domain.project_birth_date, known["birth_date"])

    def give_back_places(self, call: Call, event: Any) -> None:
        """Consent is withdrawn: the child's places ahead are somebody else's. Unless it was given again meanwhile."""
        enrolment = self._enrolments.find(call.community, event.programme_id, event.child_id)
        if enrolment is not None and enrolment.state == domain.ENROLLED:
            return
        where = {"found_by": f"person:{event.child_id}", "start": {"$gte": call.at}}
        for use in self._uses.all(call.community, where, limit=100_000):
            if use.programme_id == event.programme_id:
                args = (event.child_id, "consent_withdrawn", call.at)
                self._uses.change(call.plain(), use.id, sessions.give_back_of, *args)

    def note_left(self, call: Call, event: Any) -> None:
        """The class's list knows that the child has left."""
        self._uses.change(call, event.session_id, sessions.leave, event.child_id, event.at)

    def note_absences(self, call: Call, event: Any) -> None:
        """Absences running are counted, and said."""
        for child_id in event.people:
            id = enrolment_id(event.programme_id, child_id)
            if self._enrolments.store.find(call.community, id):
                child = self._directory.person(call, child_id)
                args = (event.session_id, self._directory.tell(child), call.at)
                self._enrolments.store.change(call, id, domain.note_absence, *args)

    def note_presence(self, call: Call, event: Any) -> None:
        """The child came: what was counted is over."""
        id = enrolment_id(event.programme_id, event.person_id)
        if event.kind == AFTER_SCHOOL and self._enrolments.store.find(call.community, id):
            self._enrolments.store.change(call, id, domain.note_presence)

    def forget(self, call: Call, resident_id: str) -> None:
        """Nothing here says any more who came for this child, or what this guardian decided."""
        parts = (
            (self._enrolments.store, domain.forget),
            (self._pickups, domain.forget_pickup),
            (self._approvals, domain.forget_approval),
        )
        for store, decide in parts:
            for kept in store.all(call.community, {"child_id": resident_id}, limit=100_000):
                store.change(call.plain(), kept.id, decide)
        person = self._directory.people.find(call.community, resident_id)
        for child_id in person.children if person else ():
            for kept in self._enrolments.store.all(call.community, {"child_id": child_id}):
                self._enrolments.store.change(call.plain(), kept.id, domain.forget_guardian, resident_id)
            for kept in self._pickups.all(call.community, {"child_id": child_id}, limit=100_000):
                self._pickups.change(call.plain(), kept.id, domain.forget_act, resident_id)
            where = {"found_by": f"person:{child_id}"}
            for use in self._uses.all(call.community, where, limit=100_000):
                self._uses.change(call.plain(), use.id, sessions.forget_teller, resident_id)

    def pickups_of(self, community: str, resident_id: str) -> list[Pickup]:
        """Who came for a child, for an export."""
        return self._pickups.all(community, {"child_id": resident_id}, limit=100_000)

    def of(self, community: str, resident_id: str) -> list[Enrolment]:
        """A child's enrolments, for an export."""
        return self._enrolments.store.all(community, {"child_id": resident_id})
