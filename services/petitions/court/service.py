"""Entrypoints: the micro-court's hearings, and confirmations of agreements."""

from __future__ import annotations

from typing import Any

from services.petitions.court import domain, schemas
from services.petitions.court.handlers import COURT_CASES
from services.petitions.court.handlers import Court as Handlers
from services.petitions.disputes.schemas import AskSitting
from shared.entrypoints.api import api
from shared.entrypoints.fields import Paging
from shared.rules.roles import COURT, GUARDIAN, RESIDENT
from shared.runtime.platform import Provided, Stored

READERS = {COURT, RESIDENT, GUARDIAN}


def _moves(path: str, takes: Any) -> Any:
    """An act of the court."""
    whole = f"/{{community}}/hearings/{{id}}/{path}"
    return api("POST", whole, takes=takes, gives=schemas.CourtView, allow={COURT}, status=200)


class Hearings:
    """Hearings, their outcomes and confirmations of agreements, over HTTP."""

    court_cases = Stored(COURT_CASES)
    court: Any = Provided(Handlers)

    @api("GET", "/{community}/hearings", query=Paging, gives=schemas.CourtLine, allow=READERS)
    def list_hearings(self, call):
        return self.court.page(call)

    @api("GET", "/{community}/hearings/calendar", gives=schemas.CalendarView, allow={COURT})
    def hearing_calendar(self, call):
        return {"items": self.court.calendar(call)}

    @api("GET", "/{community}/hearings/{id}", gives=schemas.CourtView, allow=READERS, audited="court_file_read")
    def read_hearing(self, call, id):
        return self.court.read(call, id)

    @_moves("accept", schemas.AcceptCase)
    def accept_hearing(self, call, id):
        return self.court.act(call, id, domain.accept, call.body["case_number"], call.body["judge"])

    @_moves("decline", schemas.DeclineCase)
    def decline_hearing(self, call, id):
        return self.court.act(call, id, domain.decline, call.body["reason"])

    @_moves("extend", None)
    def extend_hearing(self, call, id):
        return self.court.act(call, id, domain.lengthen)

    @_moves("schedule", AskSitting)
    def schedule_hearing(self, call, id):
        return self.court.schedule(call, id)

    @_moves("outcome", schemas.WriteOutcome)
    def write_outcome(self, call, id):
        body = call.body
        return self.court.act(call, id, domain.write_outcome, body["outcome"], body["case_number"], body["text"])
