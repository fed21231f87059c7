"""Takes, shows and moves private help requests."""

from __future__ import annotations

from functools import partial
from typing import Any

from services.petitions.directory import Directory, new_number
from services.petitions.domain import pass_time, recompute
from services.petitions.help import domain
from services.petitions.help.domain import HelpRequest
from shared.calls import Call
from shared.rules.errors import Forbidden, Invalid, Missing
from shared.rules.roles import HELP_OFFICER
from shared.runtime.platform import Platform
from shared.storage.kinds import Document, Kind
from shared.storage.store import Page

HELP = Kind(
    HelpRequest, "help_requests", unique=(("number",),), indexes=(("found_by", "born"), ("agenda",), ("due",)), trailed=True
)


class HelpDesk:
    """Takes, shows and moves private help requests."""

    def __init__(self, platform: Platform) -> None:
        self.requests = platform.store(HELP)
        self._directory = Directory(platform)

    def ask(self, call: Call) -> HelpRequest:
        """For oneself, or taken down by a help officer for somebody."""
        facts, actor, locale = dict(call.body), self._directory.actor(call), self._directory.locale(call)
        person = facts.pop("resident_id", call.actor if not call.is_one_of(HELP_OFFICER) else "")
        if not call.is_one_of(HELP_OFFICER) and person != call.actor:
            raise Forbidden("not_yours", "residents ask for themselves")
        if not person and not facts["contact"]:
            raise Invalid("contact_missing", "say who it is for, or how to reach them", "contact")
        if person and person != call.actor:
            self._directory.check(call, person, "resident_id")
        facts |= {"resident_id": person, "number": new_number("BZ", locale, call.at)}
        facts["found_by"] = ["all", *([self._directory.key(call.community, person)] if person else [])]
        seen = partial(domain.seen_by, actor=actor)
        return seen(self.requests.create(call.showing(seen), domain.ask, facts, actor, locale, call.at))

    def get(self, call: Call, id: str) -> HelpRequest:
        """The request, where the caller may know of it. Raises Missing."""
        found = self.requests.find(call.community, id)
        if found is None or not found.visible_to(self._directory.actor(call)):
            raise Missing("help_request_missing", "no such request")
        return found

    def read(self, call: Call, id: str) -> HelpRequest:
        """What the caller sees of it. That somebody looks at their own is kept nowhere."""
        actor, found = self._directory.actor(call), self.get(call, id)
        call.own = actor.key in found.found_by
        return domain.seen_by(found, actor)

    def page(self, call: Call) -> Page:
        """For help officers all that do not accuse them, for others their own."""
        actor = self._directory.actor(call)

        def keep(d: Document) -> bool:
            return HelpRequest(found_by=d["found_by"], accused=d["accused"]).visible_to(actor)

        where = {"found_by": "all" if call.is_one_of(HELP_OFFICER) else actor.key}
        listed = self.requests.page(
            call, where, keep=keep, newest_first=True, limit=call.query["limit"], after=call.query["after"]
        )
        return Page([domain.seen_by(one, actor) for one in listed.items], listed.next)

    def act(self, call: Call, id: str, decide: Any, *args: Any, timed: bool = True) -> HelpRequest:
        """One act on a request that the caller may know of."""
        self.get(call, id)
        actor = self._directory.actor(call)
        seen = partial(domain.seen_by, actor=actor)
        rest = (actor, self._directory.locale(call), call.at) if timed else (actor, call.at)
        return seen(self.requests.change(call.showing(seen), id, decide, *args, *rest))

    def turn(self, call: Call, help: HelpRequest) -> None:
        """What time changes in it."""
        self.requests.change(call, help.id, pass_time, self._directory.locale(call), call.at)

    def follow_calendar(self, call: Call, help: HelpRequest) -> None:
        """Its dates by the calendar that is known now."""
        self.requests.change(call, help.id, recompute, self._directory.locale(call), call.at)
