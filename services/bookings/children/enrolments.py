"""Enrolments as other parts ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.bookings.children.domain import ENROLLED, Approval, Enrolment, can_read
from services.bookings.directory import PEOPLE
from services.bookings.domain import Person, Use
from shared.calls import Call, derived_id
from shared.rules.errors import Conflict, Forbidden
from shared.rules.roles import STAFF
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind

AFTER_SCHOOL = "after_school"
ENROLMENTS = Kind(Enrolment, "enrolments", indexes=(("child_id",),))
APPROVALS = Kind(Approval, "approvals", indexes=(("child_id",),))


def enrolment_id(programme_id: str, child_id: str) -> str:
    """One a child and programme."""
    return derived_id("enrolment", programme_id, child_id)


class Enrolments:
    """Asks whether a child may attend."""

    def __init__(self, platform: Platform) -> None:
        self.store = platform.store(ENROLMENTS)
        self._people, self._approvals, self._audit = platform.store(PEOPLE), platform.store(APPROVALS), platform.audit

    def find(self, community: str, programme_id: str, child_id: str) -> Enrolment | None:
        """The child's enrolment in the programme, withdrawn or not."""
        return self.store.find(community, enrolment_id(programme_id, child_id))

    def consented(self, community: str, use: Use, child_id: str) -> bool:
        """Whether a guardian's consent stands."""
        enrolment = self.find(community, use.programme_id, child_id)
        return enrolment is not None and enrolment.state == ENROLLED

    def may_read(self, call: Call, people: Sequence[str], use: Use | None = None) -> None:
        """Staff read of children in their class's hours, or with an approval; each opening is logged (个人信息保护法 art. 28,
        51). Raises Forbidden("approval_missing")."""
        if self.withheld(call, people, use):
            raise Forbidden("approval_missing", "only the staff of this child's class in its hours, or with an approval")

    def masked(self, call: Call, places: list[dict[str, Any]], use: Use | None = None) -> list[dict[str, Any]]:
        """Places as the caller may see them: whose they are is withheld of children of whom they may not read."""
        withheld = self.withheld(call, [p["resident_id"] for p in places], use)
        return [p | {"resident_id": ""} if p["resident_id"] in withheld else p for p in places]

    def withheld(self, call: Call, people: Sequence[str], use: Use | None = None) -> set[str]:
        """The children of whom the caller may not read; that the others are read of is logged."""
        if not call.is_one_of(*STAFF):
            return set()
        known = self._people.several(call, list(dict.fromkeys(people)))
        children = [p.id for p in known if p is not None and p.is_child and call.actor not in p.guardians]
        hours = use if use and use.kind == AFTER_SCHOOL else None
        found = {c: self._approvals.all(call.community, {"child_id": c}) for c in children}
        open_ones = [c for c in children if can_read(hours, c, call.actor, found[c], call.at)]
        if open_ones:
            self._audit.record(call, "read_child", open_ones, purpose="class")
        return set(children) - set(open_ones)

    def check(self, call: Call, use: Use, person: Person) -> None:
        """Raises Conflict: not_a_child, consent_missing."""
        if not person.is_child:
            raise Conflict("not_a_child", "the class is for children")
        enrolment = self.find(call.community, use.programme_id, person.id)
        if enrolment is None or enrolment.state != ENROLLED:
            raise Conflict("consent_missing", "a guardian enrols the child first", programme_id=use.programme_id)
