"""Entrypoints: who works for a community, and in which roles."""

from __future__ import annotations

from typing import Any

from services.residents.records import WORKERS
from services.residents.staff import schemas
from services.residents.staff.bootstrap import let_the_first_operator_in
from services.residents.staff.domain import LEAD
from services.residents.staff.handlers import OFFICES, Staff
from shared.entrypoints.api import api
from shared.entrypoints.fields import Nothing, Paging
from shared.entrypoints.inbox import by_cause, on
from shared.events.residents import WorkerAppointed, WorkerChanged
from shared.rules.roles import OPERATOR, STAFF
from shared.runtime.platform import Provided, Stored

APPOINTERS = LEAD | {OPERATOR}


class Appointments:
    """Workers of a community, their roles and the offices that must not be empty, over HTTP."""

    workers = Stored(WORKERS)
    offices = Stored(OFFICES)
    staff: Any = Provided(Staff)
    first_operator: Any = Provided(let_the_first_operator_in)

    @api(
        "POST",
        "/communities/{slug}/first-people",
        takes=schemas.NameFirstPeople,
        gives=schemas.FirstPeopleView,
        allow={OPERATOR},
    )
    def name_first_people(self, call, slug):
        return self.staff.appoint_first(call, slug)

    @api(
        "POST",
        "/{community}/workers",
        takes=schemas.AppointWorker,
        gives=schemas.WorkerView,
        allow=APPOINTERS,
        audited="appointed_worker",
    )
    def appoint(self, call):
        return self.staff.appoint(call)

    @api(
        "GET",
        "/{community}/workers",
        query=Paging,
        gives=schemas.WorkerView,
        allow=STAFF | APPOINTERS,
        audited="listed_workers",
    )
    def list_workers(self, call):
        return self.workers.page(call, limit=call.query["limit"], after=call.query["after"])

    @api("GET", "/{community}/workers/{id}", gives=schemas.WorkerView, allow=STAFF | APPOINTERS, audited="opened_worker")
    def read_worker(self, call, id):
        return self.workers.get(call, id)

    @api(
        "PATCH",
        "/{community}/workers/{id}",
        takes=schemas.ChangeWorker,
        gives=schemas.WorkerView,
        allow=APPOINTERS,
        audited="changed_worker",
    )
    def change_worker(self, call, id):
        return self.staff.change(call, id)

    @api("DELETE", "/{community}/workers/{id}", gives=Nothing, allow=APPOINTERS, audited="dismissed_worker")
    def dismiss(self, call, id):
        self.staff.dismiss(call, id)

    @api(
        "POST",
        "/{community}/workers/{id}/roles/{role}/confirm",
        gives=schemas.WorkerView,
        allow=APPOINTERS,
        status=200,
        audited="confirmed_role",
    )
    def confirm_role(self, call, id, role):
        return self.staff.confirm(call, id, role)

    @api(
        "POST",
        "/{community}/workers/{id}/roles/{role}/decline",
        gives=schemas.WorkerView,
        allow=APPOINTERS,
        status=200,
        audited="declined_role",
    )
    def decline_role(self, call, id, role):
        return self.staff.turn_down(call, id, role)

    @on(WorkerAppointed, WorkerChanged, once=by_cause)
    def link_the_worker(self, call, event):
        self.staff.link(call, event.worker_id)
