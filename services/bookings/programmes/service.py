"""Entrypoints: programmes."""

from __future__ import annotations

from typing import Any

from services.bookings.programmes import schemas
from services.bookings.programmes.handlers import PROGRAMMES
from services.bookings.programmes.handlers import Programmes as Handlers
from shared.entrypoints.api import api
from shared.entrypoints.inbox import by_id, on
from shared.events.bookings import ProgrammeEnded, ProgrammeExtended, ProgrammePublished
from shared.rules.roles import EVERYBODY, STAFF
from shared.runtime.platform import Provided, Stored


class Programmes:
    """Programmes over HTTP; their sessions follow by event."""

    programme_store = Stored(PROGRAMMES)
    programmes: Any = Provided(Handlers)

    @api("POST", "/{community}/programmes", takes=schemas.PublishProgramme, gives=schemas.ProgrammeView, allow=STAFF)
    def publish_programme(self, call):
        return self.programmes.publish(call)

    @api("GET", "/{community}/programmes", query=schemas.ProgrammeQuery, gives=schemas.ProgrammeView, allow=EVERYBODY)
    def list_programmes(self, call):
        return self.programmes.page(call)

    @api("GET", "/{community}/programmes/{id}", gives=schemas.ProgrammeView, allow=EVERYBODY)
    def read_programme(self, call, id):
        return self.programme_store.get(call, id)

    @api("POST", "/{community}/programmes/{id}/end", gives=schemas.ProgrammeView, allow=EVERYBODY, status=200)
    def end_programme(self, call, id):
        return self.programmes.end(call, id)

    # A session that is open already stays as it is: a repeat changes nothing.
    @on(ProgrammePublished, ProgrammeExtended, once=by_id("open"))
    def open_the_sessions(self, call, event):
        self.programmes.open_sessions(call, event.programme_id, event.hold)

    @on(ProgrammeEnded, once=by_id("close"))
    def close_the_sessions(self, call, event):
        self.programmes.close_sessions(call, event.programme_id)
