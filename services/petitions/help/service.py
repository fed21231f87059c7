"""Entrypoints: private help requests."""

from __future__ import annotations

from typing import Any

from services.petitions.help import domain, schemas
from services.petitions.help.handlers import HELP, HelpDesk
from shared.entrypoints.api import api
from shared.entrypoints.fields import Paging
from shared.rules.roles import GUARDIAN, HELP_OFFICER, RESIDENT
from shared.runtime.platform import Provided, Stored

ASKERS = {RESIDENT, GUARDIAN, HELP_OFFICER}


class Help:
    """Help requests over HTTP, for whoever asked and for help officers alone."""

    help_requests = Stored(HELP)
    help_desk: Any = Provided(HelpDesk)

    @api("POST", "/{community}/help-requests", takes=schemas.AskHelp, gives=schemas.HelpView, allow=ASKERS)
    def ask_for_help(self, call):
        return self.help_desk.ask(call)

    @api("GET", "/{community}/help-requests", query=Paging, gives=schemas.HelpLine, allow=ASKERS)
    def list_help_requests(self, call):
        return self.help_desk.page(call)

    @api("GET", "/{community}/help-requests/{id}", gives=schemas.HelpView, allow=ASKERS, audited="help_request_read")
    def read_help_request(self, call, id):
        return self.help_desk.read(call, id)

    @api("POST", "/{community}/help-requests/{id}/take", gives=schemas.HelpView, allow={HELP_OFFICER}, status=200)
    def take_help_request(self, call, id):
        return self.help_desk.act(call, id, domain.take)

    @api(
        "POST",
        "/{community}/help-requests/{id}/notes",
        takes=schemas.NoteOnHelp,
        gives=schemas.HelpLine,
        allow=ASKERS,
        status=200,
    )
    def note_on_help_request(self, call, id):
        internal = call.body["internal"] and call.is_one_of(HELP_OFFICER)
        return self.help_desk.act(call, id, domain.note, call.body["text"], internal, timed=False)

    @api("POST", "/{community}/help-requests/{id}/end", takes=schemas.EndHelp, gives=schemas.HelpView, allow=ASKERS, status=200)
    def end_help_request(self, call, id):
        return self.help_desk.act(call, id, domain.end, call.body["reason"])
