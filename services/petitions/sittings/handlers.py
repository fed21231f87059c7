"""Asks the centre for sittings, and takes its answers to the cases that they are for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.petitions.directory import word
from services.petitions.sittings import domain
from services.petitions.sittings.domain import DROPPED, Sitting
from shared.calls import Call
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind

SITTINGS = Kind(Sitting, "sittings", indexes=(("due",),))
# What a kind of case does with an answer: (call, sitting).
Hears = Callable[[Call, Sitting], None]


class Sittings:
    """Asks bookings for a room and people by event, and hands each answer to the case that asked."""

    def __init__(self, platform: Platform) -> None:
        self.store = platform.store(SITTINGS)

    def request(self, call: Call, case: str, case_id: str) -> Sitting:
        """Ask for a room, and people, as the body says."""
        names = ("room_id", "start", "end", "resources")
        facts = {name: call.body[name] for name in names} | {"case": case, "case_id": case_id, "reference": word(10)}
        made: Sitting = self.store.create(call.showing(lambda _: None), domain.request, facts, call.at)
        return made

    def drop(self, call: Call, id: str, reason: str) -> Sitting:
        """Not needed any more; what became of it."""
        dropped: Sitting = self.store.change(call.plain(), id, domain.drop, reason, call.at)
        return dropped

    def hear(self, call: Call, event: Any, hears: dict[str, Hears]) -> None:
        """The centre's answer, for the case that it is for. What others asked for is none of ours."""
        sitting = self.store.find(call.community, event.request_id)
        if sitting is None:
            return
        if event.name == "sitting_booked":
            sitting = self.store.change(call, sitting.id, domain.booked, call.at)
        else:
            reason = getattr(event, "reason", "") or "withdrawn"
            sitting = self.store.change(call, sitting.id, domain.refused, reason, event.alternatives)
        hears[sitting.case](call, sitting)

    def give_up(self, call: Call, sitting: Sitting, hears: dict[str, Hears]) -> None:
        """A minute of silence: whoever asked hears that. One that was booked meanwhile is left alone."""
        after: Sitting = self.store.change(call, sitting.id, domain.give_up, call.at)
        if after.state == DROPPED:
            hears[after.case](call, after)
            self.store.change(call, sitting.id, domain.heard)


def shown(sitting: Sitting) -> dict[str, Any]:
    """What a case keeps of a sitting."""
    return {name: getattr(sitting, name) for name in ("state", "start", "end", "reason", "choices")}
