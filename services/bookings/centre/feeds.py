"""iCalendar (RFC 5545): a private feed a resident, a public one a room."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, timedelta
from typing import Any

from icalendar import Calendar, Event

from services.bookings.centre import domain
from services.bookings.centre.domain import Feed
from services.bookings.directory import USES, Directory
from services.bookings.domain import BOOKABLE_AHEAD, CANCELLED, HELD, RELEASED, Use
from services.bookings.rooms.domain import CONFIDENTIAL
from services.bookings.rooms.handlers import ROOMS
from services.bookings.sessions import domain as sessions
from shared.calls import Call
from shared.rules.errors import Missing
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind

FEEDS = Kind(Feed, "feeds", indexes=(("person",),))
BUSY = "占用"
FEED_LOOKS_BACK = timedelta(days=30)
ENTRIES_A_FEED = 2000
HIDDEN = frozenset({HELD, RELEASED, CANCELLED})


class Feeds:
    """Calendars of a resident (by a secret address that can be changed) and of a room."""

    def __init__(self, platform: Platform) -> None:
        self._feeds = platform.store(FEEDS)
        self._uses, self._rooms = platform.store(USES), platform.store(ROOMS)
        self._directory = Directory(platform)

    def open(self, call: Call) -> dict[str, str]:
        """A new private address; it is shown this once."""
        self._directory.locale(call)
        secret = secrets.token_urlsafe(32)
        self._feeds.create(call.plain(), domain.open_feed, call.actor, id=_hash(secret))
        return {"id": _hash(secret), "path": f"/api/v1/{call.community}/feeds/{secret}/calendar.ics"}

    def revoke(self, call: Call, id: str) -> Feed:
        """The address shows nothing any more."""
        if self._feeds.get(call, id).person != call.actor:
            raise Missing("feed_missing", "no such feed")
        feed: Feed = self._feeds.change(call, id, domain.revoke_feed)
        return feed

    def private(self, call: Call, secret: str) -> bytes:
        """What the owner of the address has ahead, and had in the last month. Raises Missing."""
        feed = self._feeds.find(call.community, _hash(secret))
        if feed is None or feed.revoked:
            raise Missing("feed_missing", "no such feed")
        uses = self._between(call, f"person:{feed.person}")
        return _calendar(
            _entry(use, _own_title(use), use.room_name, certain=_is_certain(use, feed.person))
            for use in uses
            if _concerns(use, feed.person)
        )

    def of_room(self, call: Call, room_id: str) -> bytes:
        """When a room is in use: public programmes by name, anything else as taken. Raises Missing for rooms of which
        nobody may know."""
        room = self._rooms.get(call, room_id)
        if room.use in CONFIDENTIAL:
            raise Missing("feed_missing", "this room has no feed")
        uses = [use for use in self._between(call, f"room:{room.id}") if use.state not in HIDDEN]
        return _calendar(_entry(use, _public_title(use), room.name) for use in uses)

    def _between(self, call: Call, found_by: str) -> list[Use]:
        where = {"found_by": found_by, "start": {"$gte": call.at - FEED_LOOKS_BACK, "$lt": call.at + BOOKABLE_AHEAD}}
        return self._uses.all(call.community, where, limit=ENTRIES_A_FEED)

    def of(self, community: str, person: str) -> list[Feed]:
        """The addresses that were opened for one person, for an export. Which ones nobody can say: only hashes are kept."""
        return self._feeds.all(community, {"person": person})

    def forget(self, call: Call, resident_id: str) -> None:
        """Nobody reads this person's calendar any more."""
        for feed in self._feeds.all(call.community, {"person": resident_id}):
            self._feeds.change(call.plain(), feed.id, _forget)


def _forget(feed: Feed) -> tuple[Feed, list[Any]]:
    return feed.but(tombstone=True, person="erased"), []


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _concerns(use: Use, person: str) -> bool:
    if use.kind not in sessions.KINDS:
        return use.state != CANCELLED
    return sessions.of_person(use, person)["state"] in sessions.ACTIVE


def _is_certain(use: Use, person: str) -> bool:
    """Whether they have the place: who waits for one, or has not taken up an offer, may not come."""
    return use.kind not in sessions.KINDS or sessions.of_person(use, person)["state"] not in (
        sessions.WAITING,
        sessions.OFFERED,
    )


def _own_title(use: Use) -> str:
    return use.title or use.room_name or "预约"


def _public_title(use: Use) -> str:
    rules = sessions.KINDS.get(use.kind)
    return use.title if rules and not rules.hidden and use.title else BUSY


def _entry(use: Use, title: str, place: str, certain: bool = True) -> Event:
    entry = Event()
    entry.add("uid", f"{use.id}@linli")
    entry.add("dtstamp", (use.born or use.start).astimezone(UTC))
    entry.add("dtstart", use.start.astimezone(UTC))
    entry.add("dtend", use.end.astimezone(UTC))
    entry.add("summary", title)
    entry.add("sequence", use.version)
    entry.add("status", "CONFIRMED" if certain else "TENTATIVE")
    if place:
        entry.add("location", place)
    return entry


def _calendar(entries: Iterable[Event]) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", "-//Linli//Bookings//ZH")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for entry in entries:
        calendar.add_component(entry)
    text: bytes = calendar.to_ical()
    return text
