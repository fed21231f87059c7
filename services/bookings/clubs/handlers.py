"""Clubs and their practice."""

from __future__ import annotations

from services.bookings.clubs import domain
from services.bookings.clubs.domain import Club
from services.bookings.directory import Directory
from services.bookings.domain import Person, Use
from services.bookings.programmes.domain import Programme
from services.bookings.programmes.handlers import PROGRAMMES, Programmes
from shared.calls import Call
from shared.rules.errors import Conflict, Forbidden
from shared.rules.roles import STAFF
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind

CLUBS = Kind(Club, "clubs")


class Clubs:
    """Clubs: founded, joined, left, led by somebody else, and when they practise."""

    def __init__(self, platform: Platform) -> None:
        self.store = platform.store(CLUBS)
        self._programmes = platform.store(PROGRAMMES)
        self._reservations, self._directory = Programmes(platform), Directory(platform)

    def found_club(self, call: Call) -> Club:
        """A new club."""
        self._directory.person(call, call.body["leader"], "leader")
        club: Club = self.store.create(call, domain.found_club, call.body["name"], call.body["leader"], call.at)
        return club

    def join(self, call: Call, id: str) -> Club:
        """The caller, or whom a worker names, becomes a member."""
        self.store.get(call, id)
        club: Club = self.store.change(call, id, domain.join, self._directory.for_whom(call))
        return club

    def leave(self, call: Call, id: str) -> Club:
        """The caller, or whom a worker names, is a member no more."""
        self.store.get(call, id)
        club: Club = self.store.change(call, id, domain.leave, self._directory.for_whom(call))
        return club

    def lead(self, call: Call, id: str) -> Club:
        """Another leader."""
        self._must_lead(call, id)
        self._directory.person(call, call.body["leader"], "leader")
        club: Club = self.store.change(call, id, domain.lead, call.body["leader"])
        return club

    def practise(self, call: Call, id: str) -> Programme:
        """The leader books the club's recurring practice. Raises Conflict("clashes") with alternatives."""
        self._must_lead(call, id)
        return self._reservations.publish(call, {**call.body, "kind": "club", "club_id": id})

    def _must_lead(self, call: Call, id: str) -> None:
        if not call.is_one_of(*STAFF) and self.store.get(call, id).leader != call.actor:
            raise Forbidden("not_leader", "the club's leader does this")

    def check(self, call: Call, use: Use, person: Person) -> None:
        """Raises Conflict("not_a_member") for the practice of a club that the person is not in."""
        programme = self._programmes.find(call.community, use.programme_id)
        club = self.store.find(call.community, programme.club_id) if programme and programme.club_id else None
        if club is not None and person.id not in club.members:
            raise Conflict("not_a_member", "the club's members come to its practice", club_id=club.id)

    def of(self, community: str, resident_id: str) -> list[str]:
        """The clubs that somebody is in, for an export."""
        return [club.name for club in self.store.all(community, {}, limit=100_000) if resident_id in club.members]

    def forget(self, call: Call, resident_id: str) -> None:
        """No club names this person any more."""
        for club in self.store.all(call.community, {}, limit=100_000):
            if resident_id in club.members:
                self.store.change(call.plain(), club.id, domain.forget, resident_id)
