"""What goes through all parts of petitions: time, the calendar, forgetting, and a person's copy of their data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from services.petitions.attachments.handlers import Attachments
from services.petitions.cases.handlers import Station
from services.petitions.court.handlers import Court
from services.petitions.directory import Directory
from services.petitions.disputes.handlers import Room
from services.petitions.domain import PROVISIONAL
from services.petitions.help.handlers import HelpDesk
from services.petitions.sittings.handlers import Hears, Sittings
from shared.calls import Call
from shared.runtime.platform import Platform
from shared.storage.cursors import EPOCH
from shared.storage.tenants import Watch, guarded

OPEN_CASES_A_COMMUNITY = 100_000  # cases of one community that a new calendar is applied to


class Lifecycle:
    """The timers of petitions, deadlines that move with a calendar, erasure in all parts, and the export of a person."""

    def __init__(self, platform: Platform) -> None:
        self._directory = Directory(platform)
        self._watch = Watch()
        station, helping, room, court = Station(platform), HelpDesk(platform), Room(platform), Court(platform)
        self._sittings, self._attachments = Sittings(platform), Attachments(platform)
        self._petitions = station.petitions
        self._hears: dict[str, Hears] = {"dispute": room.hear, "court": court.hear}
        # (store, what time changes in one of it, its dates by another calendar)
        self._timed: list[tuple[Any, Callable[..., Any], Callable[..., Any]]] = [
            (station.petitions, station.turn, station.follow_calendar),
            (helping.requests, helping.turn, helping.follow_calendar),
            (room.disputes, room.turn, room.follow_calendar),
            (court.cases, court.turn, court.follow_calendar),
        ]

    def pass_time(self, call: Call) -> None:
        """What time itself changes by now: each community's, earliest first, whoever is in charge, or nobody."""
        for store, turn, _ in self._timed:
            self._watch.turn(store, call, turn)
        self._watch.turn(self._sittings.store, call, lambda inside, one: self._sittings.give_up(inside, one, self._hears))
        self._watch.turn(
            self._attachments.store, call, lambda inside, one: self._attachments.turn(inside, one, self._petitions)
        )

    def hear_of_sitting(self, call: Call, event: Any) -> None:
        """The centre's answer goes to the case that it is for."""
        self._sittings.hear(call, event, self._hears)

    def know_calendars(self, call: Call) -> None:
        """Dates that were a guess, once the calendar of their year has come."""
        for store, _, follow in self._timed:
            for community in store.backend.written():
                inside = dataclasses.replace(call, community=community)
                for case in store.all(community, {"found_by": PROVISIONAL}, limit=OPEN_CASES_A_COMMUNITY):
                    guarded(follow, inside, case)

    def project_calendar(self, call: Call, event: Any) -> None:
        """Keep a community's own working days, and let every running deadline follow them."""
        inside = dataclasses.replace(call.plain(), community=event.community_id)
        self._directory.locales.project_calendar(call, event)
        for store, _, follow in self._timed:
            for case in store.all(event.community_id, {"agenda": {"$gt": EPOCH}}, OPEN_CASES_A_COMMUNITY, order="agenda"):
                follow(inside, case)
