"""What goes through all parts of bookings: time, forgetting, and a person's copy of their data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson

from services.bookings.care.handlers import Care
from services.bookings.centre.feeds import Feeds
from services.bookings.children.handlers import Children
from services.bookings.clubs.handlers import Clubs
from services.bookings.corners import domain as corners
from services.bookings.corners.handlers import LOANS, PARLOUR, Corners
from services.bookings.directory import USES, Directory
from services.bookings.domain import COUNSELLING, HELD, RESERVATION, Use
from services.bookings.duty.handlers import Duty
from services.bookings.programmes.handlers import PROGRAMMES, Programmes
from services.bookings.rooms import domain as rooms
from services.bookings.rooms.handlers import Reservations
from services.bookings.sessions.handlers import Sessions
from services.bookings.sessions.rules import timers
from shared.calls import Call
from shared.events.base import Aggregate
from shared.runtime.platform import Platform
from shared.security.revocations import REVOCATION_KEPT_SECONDS
from shared.storage.kinds import Kind
from shared.storage.store import Store
from shared.storage.tenants import Watch

SECRET = frozenset({"community", "gone", "version", "claims", "found_by", "due", "told"})

TOKENS_LIVE = timedelta(seconds=REVOCATION_KEPT_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Forgotten(Aggregate):
    """Somebody was erased whose last token still lives."""

    due: datetime | None = None


FORGOTTEN = Kind(Forgotten, "forgotten", indexes=(("due",),))


class Lifecycle:
    """The timers of bookings, erasure of a person in all its parts, and the export of what it holds of them."""

    def __init__(self, platform: Platform) -> None:
        self._uses = platform.store(USES)
        self._forgotten = platform.store(FORGOTTEN)
        self._published = platform.store(PROGRAMMES)
        self._timed: list[tuple[Any, Any]] = [
            (platform.store(LOANS), corners.remind_loan),
            (platform.store(PARLOUR), corners.remind_parlour),
        ]
        self._directory, self._reservations, self._sessions = Directory(platform), Reservations(platform), Sessions(platform)
        self._programmes, self._children, self._care = Programmes(platform), Children(platform), Care(platform)
        self._clubs, self._corners, self._duty = Clubs(platform), Corners(platform), Duty(platform)
        self._feeds, self._watch = Feeds(platform), Watch()

    # -- time

    def pass_time(self, call: Call) -> None:
        """What time itself changes in uses by now, earliest first, each community's."""
        self._watch.turn(self._uses, call, self._turn)

    def pass_days(self, call: Call) -> None:
        """What changes from day to day: dates of programmes, loans, answers that are owed."""
        self._watch.turn(self._published, call, self._programmes.extend)
        self._watch.turn(self._forgotten, call, lambda inside, one: self._forget_again(inside, one.id))
        for store, decide in self._timed:
            self._watch.turn(store, call, partial(_decide, store, decide))

    def _turn(self, call: Call, use: Use) -> None:
        if use.state == HELD:
            self._programmes.decide_held(call, use)
        elif use.kind == RESERVATION:
            self._uses.change(call, use.id, rooms.remind, call.at)
        elif use.kind == COUNSELLING:
            self._uses.change(call, use.id, corners.remind_talk, call.at)
        else:
            self._uses.change(call, use.id, timers.pass_time, call.at)

    def project_calendar(self, call: Call, event: Any) -> None:
        """Keep a community's own working days, and let its programmes follow them."""
        inside = dataclasses.replace(call.plain(), community=event.community_id)
        self._directory.locales.project_calendar(call, event)
        self._programmes.follow_calendar(inside)

    # -- one person

    def project_worker(self, call: Call, event: Any) -> None:
        """Keep somebody's roles and term; from its end on they are on duty no more."""
        self._directory.project_worker(call, event)
        known = self._directory.people.find(call.community, event.worker_id)
        if known is not None and known.works_until is not None:
            self._duty.relieve(call, known.id, known.works_until)

    def forget(self, call: Call, resident_id: str) -> None:
        """Nothing in bookings names this person any more, and nothing is held for them."""
        # Children and sessions come first: they are found by what is known of the person, which is forgotten last.
        parts: tuple[Any, ...] = (self._children, self._sessions, self._programmes, self._care, self._clubs, self._corners)
        for part in (*parts, self._duty, self._feeds, self._directory):
            part.forget(call.plain(), resident_id)

    def forget_for_good(self, call: Call, resident_id: str) -> None:
        """Forget now, and once more when the last token of this person has run out: it may still book until then."""
        self.forget(call, resident_id)
        again = Forgotten(due=call.at + TOKENS_LIVE)
        self._forgotten.create_all([(call.plain(), again.but(id=resident_id, community=call.community), [])])

    def _forget_again(self, call: Call, resident_id: str) -> None:
        self.forget(call, resident_id)
        self._forgotten.change(call, resident_id, lambda f: (f.but(tombstone=True, due=None), []))

    def export(self, call: Call) -> dict[str, Any]:
        """Everything that bookings holds of one resident (个人信息保护法 art. 45)."""
        community, id = call.body["community"], call.body["resident_id"]
        person = self._directory.people.find(community, id)
        elder = self._care.of(community, id)
        held: dict[str, Any] = {
            "uses": [_copy(use, id) for use in self._reservations.of(community, id)],
            "enrolments": [_plain(e) for e in self._children.of(community, id)],
            "record": _plain(person) if person else None,
            "elder": _plain(elder) if elder else None,
            "care": [_plain(one) for one in self._care.visits_of(community, id)],
            "pickups": [_plain(one) for one in self._children.pickups_of(community, id)],
            "clubs": self._clubs.of(community, id),
            "contact_of": self._care.contact_of(community, id),
            "feeds": [_plain(feed) for feed in self._feeds.of(community, id)],
            "duty": _jsonable(self._duty.of(community, id)),
        }
        held |= {name: [_plain(one) for one in found] for name, found in self._corners.of(community, id).items()}
        return {"bookings": held}


def _decide(store: Store[Any], decide: Any, call: Call, one: Any) -> None:
    store.change(call, one.id, decide, call.at)


def _plain(aggregate: Any) -> dict[str, Any]:
    facts = {f.name: getattr(aggregate, f.name) for f in dataclasses.fields(aggregate) if f.name not in SECRET}
    return _jsonable(facts)


def _jsonable(facts: dict[str, Any]) -> dict[str, Any]:
    return dict(orjson.loads(orjson.dumps(facts)))


def _copy(use: Use, person: str) -> dict[str, Any]:
    """A use without anybody else's places in it."""
    mine = [place for place in use.places if place["person"] == person]
    return _plain(use.but(places=mine, staffing={}))
