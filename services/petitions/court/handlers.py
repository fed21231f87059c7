"""The micro-court: what is referred to it, and what comes of that."""

from __future__ import annotations

from functools import partial
from typing import Any

from services.petitions.court import domain
from services.petitions.court.domain import CourtCase
from services.petitions.directory import Directory, new_number
from services.petitions.domain import Actor
from services.petitions.sittings.domain import Sitting
from services.petitions.sittings.handlers import Sittings, shown
from shared.calls import Call
from shared.rules.errors import Missing
from shared.rules.roles import COURT
from shared.runtime.platform import Platform
from shared.storage.kinds import Document, Kind
from shared.storage.store import Page

COURT_CASES = Kind(
    CourtCase, "court_cases", unique=(("number",),), indexes=(("found_by", "born"), ("agenda",), ("due",)), trailed=True
)


class Court:
    """Hearings and confirmations of agreements, for the court: taken, scheduled, extended, ended."""

    def __init__(self, platform: Platform) -> None:
        self.cases = platform.store(COURT_CASES)
        self._directory, self._sittings = Directory(platform), Sittings(platform)

    def take(self, call: Call, id: str, kind: str, dispute: Any) -> None:
        """A dispute comes before the court; once, however often it is said."""
        if self.cases.find(call.community, id) is not None:
            return
        actor = self._directory.actor(call) if call.sub else Actor("", "clock")
        locale = self._directory.locale(call)
        keys = [key for key in dispute.found_by if key.startswith("filer:")]
        facts = {
            "kind": kind,
            "dispute_id": dispute.id,
            "dispute_number": dispute.number,
            "parties": dispute.parties,
            "number": new_number("SF", locale, call.at),
            "found_by": ["all", f"dispute:{dispute.id}", *keys],
        }
        made, events = domain.take(id, facts, actor, locale, call.at)
        self.cases.create_all([(call.plain(), made, events)])

    # -- looking

    def get(self, call: Call, id: str) -> CourtCase:
        """The file, for the court and the parties. Raises Missing."""
        found = self.cases.find(call.community, id)
        if found is None or not found.visible_to(self._directory.actor(call)):
            raise Missing("hearing_missing", "no such hearing")
        return found

    def read(self, call: Call, id: str) -> CourtCase:
        """What the caller sees of it."""
        return domain.seen_by(self.get(call, id), self._directory.actor(call))

    def settled(self, call: Call, id: str) -> bool:
        """Whether the parties settled before the court."""
        found = self.cases.find(call.community, id) if id else None
        return found is not None and found.outcome.get("outcome") == "settled"

    def page(self, call: Call) -> Page:
        """For the court all, for a party its own."""
        actor = self._directory.actor(call)
        where = {"found_by": "all" if call.is_one_of(COURT) else actor.key}

        def keep(d: Document) -> bool:
            return CourtCase(found_by=d["found_by"]).visible_to(actor)

        paging = {"limit": call.query["limit"], "after": call.query["after"]}
        return self.cases.page(call, where, keep=keep, newest_first=True, **paging)

    def calendar(self, call: Call) -> list[dict[str, Any]]:
        """The hearings that are held, by their beginning."""
        cases = self.cases.all(call.community, {"found_by": "all"}, limit=10_000)
        held = [
            {"id": case.id, "number": case.number, "case_number": case.case_number, **case.sittings[case.current]}
            for case in cases
            if case.current
        ]
        return sorted((one for one in held if one["end"] >= call.at), key=lambda one: one["start"])

    def histories(self, call: Call, dispute_id: str) -> list[tuple[str, list[dict[str, Any]]]]:
        """What the court did in a dispute: acts and their times, none of its documents."""
        cases = self.cases.all(call.community, {"found_by": f"dispute:{dispute_id}"})
        shown = ("act", "role", "at", "outcome", "start")
        return [("court", [{k: v for k, v in act.items() if k in shown} for act in case.history]) for case in cases]

    # -- moving

    def act(self, call: Call, id: str, decide: Any, *args: Any) -> CourtCase:
        """An act of the court."""
        actor = self._directory.actor(call)
        domain.check_impartial(self.get(call, id), actor)
        seen = partial(domain.seen_by, actor=actor)
        return seen(self.cases.change(call.showing(seen), id, decide, *args, actor, self._directory.locale(call), call.at))

    def schedule(self, call: Call, id: str) -> CourtCase:
        """A room and the judge, asked of the centre; an earlier one is given back once this one is held."""
        self.cases.repeated(call, id)
        domain.may_sit(self.get(call, id))
        sitting = self._sittings.request(call, "court", id)
        return self.act(call, id, domain.sitting, sitting.id, shown(sitting))

    def hear(self, call: Call, sitting: Sitting) -> None:
        """The centre's answer, or its silence."""
        if self.cases.find(call.community, sitting.case_id) is None:
            return
        clock, locale = Actor("", "clock"), self._directory.locale(call)
        self.cases.change(call, sitting.case_id, domain.sitting, sitting.id, shown(sitting), clock, locale, call.at)

    # -- time

    def turn(self, call: Call, case: CourtCase) -> None:
        """What time changes in it. A room that nobody needs is given back, again until the case knows it."""
        for id in domain.idle_sittings(case, call.at):
            self.hear(call, self._sittings.drop(call, id, "case_over" if case.state in domain.OVER else "rescheduled"))
        self.cases.change(call, case.id, domain.turn, self._directory.locale(call), call.at)

    def follow_calendar(self, call: Call, case: CourtCase) -> None:
        """Its dates by the calendar that is known now."""
        self.cases.change(call, case.id, domain.follow, self._directory.locale(call), call.at)
