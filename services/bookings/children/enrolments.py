"""Enrolments as other parts ask for them."""

from __future__ import annotations

from services.bookings.children.domain import ENROLLED, Enrolment
from services.bookings.domain import Person, Use
from shared.calls import Call, derived_id
from shared.errors import Conflict
from shared.platform import Platform
from shared.store import Kind

AFTER_SCHOOL = "after_school"
ENROLMENTS = Kind(Enrolment, "enrolments", indexes=(("child_id",),))


def enrolment_id(programme_id: str, child_id: str) -> str:
    """One a child and programme."""
    return derived_id("enrolment", programme_id, child_id)


class Enrolments:
    """Asks whether a child may attend."""

    def __init__(self, platform: Platform) -> None:
        self.store = platform.store(ENROLMENTS)

    def find(self, community: str, programme_id: str, child_id: str) -> Enrolment | None:
        """The child's enrolment in the programme, withdrawn or not."""
        return self.store.find(community, enrolment_id(programme_id, child_id))

    def check(self, call: Call, use: Use, person: Person) -> None:
        """Raises Conflict: not_a_child, consent_missing."""
        if not person.is_child:
            raise Conflict("not_a_child", "the class is for children")
        enrolment = self.find(call.community, use.programme_id, person.id)
        if enrolment is None or enrolment.state != ENROLLED:
            raise Conflict("consent_missing", "a guardian enrols the child first", programme_id=use.programme_id)
