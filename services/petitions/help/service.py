"""Entrypoints: private help requests."""

from __future__ import annotations

from functools import partial
from typing import Any

from marshmallow import Schema, fields, validate

from services.petitions.cases.schemas import LONG, Accused, DeadlineView, NoteView
from services.petitions.directory import Directory, new_number
from services.petitions.domain import explained, pass_time, recompute
from services.petitions.help import domain
from services.petitions.help.domain import HelpRequest
from shared.calls import Call
from shared.entrypoints.api import api
from shared.entrypoints.fields import Id, Moment, Paging, Text
from shared.rules.errors import Forbidden, Invalid, Missing
from shared.rules.roles import GUARDIAN, HELP_OFFICER, RESIDENT
from shared.runtime.platform import Platform, Provided, Stored
from shared.storage.store import Document, Kind, Page

HELP = Kind(
    HelpRequest, "help_requests", unique=(("number",),), indexes=(("found_by", "born"), ("agenda",), ("due",)), trailed=True
)
ASKERS = {RESIDENT, GUARDIAN, HELP_OFFICER}


class AskHelp(Schema):
    text = Text(LONG, required=True)
    violence = fields.Boolean(load_default=False)
    urgent = fields.Boolean(load_default=False)
    contact = Text(200, load_default="")
    resident_id = Id()
    accused = fields.Nested(Accused)


class NoteOnHelp(Schema):
    text = Text(LONG, required=True)
    internal = fields.Boolean(load_default=False)


class EndHelp(Schema):
    reason = fields.String(required=True, validate=validate.OneOf(["settled", "passed_on", "taken_back"]))


class HelpLine(Schema):
    id = fields.String(required=True)
    number = fields.String(required=True)
    state = fields.String(required=True)
    urgent = fields.Boolean(required=True)
    born = Moment(required=True)


class HelpView(HelpLine):
    text = fields.String(required=True)
    violence = fields.Boolean(required=True)
    contact = fields.String(required=True)
    assignee = fields.String(required=True)
    responsible_authority = fields.String(required=True)
    reason = fields.String(required=True)
    notes = fields.List(fields.Nested(NoteView), required=True)
    deadlines = fields.Function(
        lambda h: [DeadlineView().dump(explained(clock)) for clock in h.clocks], metadata={"type": "array"}
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
        found = self.requests.page(
            call, where, keep=keep, newest_first=True, limit=call.query["limit"], after=call.query["after"]
        )
        return Page([domain.seen_by(one, actor) for one in found.items], found.next)

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


class Help:
    """Help requests over HTTP, for whoever asked and for help officers alone."""

    help_requests = Stored(HELP)
    help_desk: Any = Provided(HelpDesk)

    @api("POST", "/{community}/help-requests", takes=AskHelp, gives=HelpView, allow=ASKERS)
    def ask_for_help(self, call):
        return self.help_desk.ask(call)

    @api("GET", "/{community}/help-requests", query=Paging, gives=HelpLine, allow=ASKERS)
    def list_help_requests(self, call):
        return self.help_desk.page(call)

    @api("GET", "/{community}/help-requests/{id}", gives=HelpView, allow=ASKERS, audited="help_request_read")
    def read_help_request(self, call, id):
        return self.help_desk.read(call, id)

    @api("POST", "/{community}/help-requests/{id}/take", gives=HelpView, allow={HELP_OFFICER}, status=200)
    def take_help_request(self, call, id):
        return self.help_desk.act(call, id, domain.take)

    @api("POST", "/{community}/help-requests/{id}/notes", takes=NoteOnHelp, gives=HelpLine, allow=ASKERS, status=200)
    def note_on_help_request(self, call, id):
        internal = call.body["internal"] and call.is_one_of(HELP_OFFICER)
        return self.help_desk.act(call, id, domain.note, call.body["text"], internal, timed=False)

    @api("POST", "/{community}/help-requests/{id}/end", takes=EndHelp, gives=HelpView, allow=ASKERS, status=200)
    def end_help_request(self, call, id):
        return self.help_desk.act(call, id, domain.end, call.body["reason"])
