"""What goes through all parts of bookings: time, forgetting, and a person's copy of their data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from services.bookings.care.desk import Care
from services.bookings.centre.feeds import Feeds
from services.bookings.children.desk import Children
from services.bookings.clubs.desk import Clubs
from services.bookings.corners import domain as corners
from services.bookings.corners.desk import LOANS, PARLOUR, Corners
from services.bookings.domain import HELD, RESERVATION, Use
from services.bookings.duty.desk import Duty
from services.bookings.known import USES, Known
from services.bookings.programmes.desk import PROGRAMMES, Programmes
from services.bookings.rooms import domain as rooms
from services.bookings.rooms.desk import Desk
from services.bookings.sessions import domain as sessions
from services.bookings.sessions.desk import Sessions
from shared.calls import Call
from shared.errors import Refused
from shared.platform import Platform
from shared.telemetry import log

SECRET = frozenset({"community", "gone", "version", "claims", "found_by", "due", "told"})


class House:
    """See the module."""

    def __init__(self, platform: Platform) -> None:
        self._uses = platform.store(USES)
        self._published = platform.store(PROGRAMMES)
        self._timed: list[tuple[Any, Any]] = [
            (platform.store(LOANS), corners.remind_loan),
            (platform.store(PARLOUR), corners.remind_parlour),
        ]
        self._known, self._desk, self._sessions = Known(platform), Desk(platform), Sessions(platform)
        self._programmes, self._children, self._care = Programmes(platform), Children(platform), Care(platform)
        self._clubs, self._corners, self._duty = Clubs(platform), Corners(platform), Duty(platform)
        self._feeds, self._sweeper = Feeds(platform), platform.sweeper()

    # -- time

    def pass_time(self, call: Call) -> None:
        """Whatever time itself changes by now, earliest first, each community's."""
        for community in self._uses.backend.communities():
            inside = dataclasses.replace(call, community=community)
            for use in self._uses.due(community, call.at):
                self._guard(use.id, partial(self._turn, inside, use))
            for programme in self._published.due(community, call.at):
                self._guard(programme.id, partial(self._programmes.extend, inside, programme))
            for store, decide in self._timed:
                for found in store.due(community, call.at):
                    self._guard(found.id, partial(store.change, inside, found.id, decide, call.at))

    def _turn(self, call: Call, use: Use) -> None:
        if use.state == HELD:
            self._programmes.decide_held(call, use)
        elif use.kind == RESERVATION:
            self._uses.change(call, use.id, rooms.remind, call.at)
        elif use.kind == corners.COUNSELLING:
            self._uses.change(call, use.id, corners.remind_talk, call.at)
        else:
            self._uses.change(call, use.id, sessions.pass_time, call.at)

    def _guard(self, id: str, act: Callable[[], Any]) -> None:
        """One that cannot be changed now is tried again in a moment; the others must not wait for it."""
        try:
            act()
        except Refused as error:
            log("house").warning("time_stands_still", id=id, error=error.code)

    def sweep(self, call: Call) -> None:
        """Publish what a crash left behind."""
        self._sweeper.sweep(call.at)

    # -- one person

    def forget(self, call: Call, resident_id: str) -> None:
        """Nothing in bookings names this person any more, and nothing is held for them."""
        for part in (
            self._sessions,
            self._children,
            self._care,
            self._clubs,
            self._corners,
            self._duty,
            self._feeds,
            self._known,
        ):
            part.forget(call.plain(), resident_id)

    def export(self, call: Call) -> dict[str, Any]:
        """Everything that bookings holds of one resident (个人信息保护法 art. 45)."""
        community, id = call.body["community"], call.body["resident_id"]
        person = self._known.people.find(community, id)
        elder = self._care.of(community, id)
        held: dict[str, Any] = {
            "uses": [_copy(use, id) for use in self._desk.of(community, id)],
            "enrolments": [_plain(e) for e in self._children.of(community, id)],
            "record": _plain(person) if person else None,
            "elder": _plain(elder) if elder else None,
        }
        held |= {name: [_plain(one) for one in found] for name, found in self._corners.of(community, id).items()}
        return {"bookings": held}


def _plain(aggregate: Any) -> dict[str, Any]:
    facts = {f.name: getattr(aggregate, f.name) for f in dataclasses.fields(aggregate) if f.name not in SECRET}
    return dict(orjson.loads(orjson.dumps(facts)))


def _copy(use: Use, person: str) -> dict[str, Any]:
    """A use without anybody else's places in it."""
    mine = [place for place in use.places if place["person"] == person]
    return _plain(use.but(places=mine, staffing={}))
