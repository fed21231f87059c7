"""Entrypoints: sessions, places, presence."""

from __future__ import annotations

from typing import Any

from services.bookings.sessions import schemas
from services.bookings.sessions.handlers import Sessions as Handlers
from shared.entrypoints.api import api
from shared.entrypoints.inbox import by_cause, on
from shared.events.bookings import (
    PlaceReleased,
    PlacesMissed,
    PlaceTaken,
    PlaceWaitlisted,
    SessionCancelled,
    SessionMoved,
    SessionOver,
)
from shared.rules.roles import EVERYBODY, GUARDIAN, RESIDENT, STAFF
from shared.runtime.platform import Provided

BOOKERS = STAFF | {RESIDENT, GUARDIAN}


class Sessions:
    """Sessions, their places and presence over HTTP; places follow what happens to programmes."""

    sessions: Any = Provided(Handlers)

    @api("GET", "/{community}/sessions", query=schemas.SessionQuery, gives=schemas.SessionView, allow=EVERYBODY)
    def list_sessions(self, call):
        return self.sessions.page(call)

    @api("GET", "/{community}/sessions/{id}", gives=schemas.SessionView, allow=EVERYBODY)
    def read_session(self, call, id):
        return self.sessions.get(call, id)

    @api(
        "POST",
        "/{community}/sessions/{id}/cancel",
        takes=schemas.CancelSession,
        gives=schemas.SessionView,
        allow=STAFF,
        status=200,
    )
    def cancel_session(self, call, id):
        return self.sessions.cancel(call, id)

    @api(
        "POST", "/{community}/sessions/{id}/move", takes=schemas.MoveSession, gives=schemas.SessionView, allow=STAFF, status=200
    )
    def move_session(self, call, id):
        return self.sessions.move(call, id)

    @api("GET", "/{community}/sessions/{id}/presence", gives=schemas.PresenceView, allow=STAFF, audited="opened_presence")
    def presence(self, call, id):
        return self.sessions.presence(call, id)

    @api("GET", "/{community}/sessions/{id}/code", gives=schemas.CodeView, allow=STAFF)
    def check_in_code(self, call, id):
        return self.sessions.code(call, id)

    @api("POST", "/{community}/sessions/{id}/places", takes=schemas.TakePlace, gives=schemas.PlaceView, allow=BOOKERS)
    def take_place(self, call, id):
        return self.sessions.take(call, id)

    @api("GET", "/{community}/places", query=schemas.MineQuery, gives=schemas.PlaceView, allow=BOOKERS)
    def my_bookings(self, call):
        return self.sessions.mine(call)

    @api("GET", "/{community}/places/{id}", gives=schemas.PlaceView, allow=BOOKERS)
    def read_place(self, call, id):
        return self.sessions.place(call, id)

    @api("POST", "/{community}/places/{id}/confirm", gives=schemas.PlaceView, allow=BOOKERS, status=200)
    def confirm_place(self, call, id):
        return self.sessions.confirm(call, id)

    @api("POST", "/{community}/places/{id}/release", gives=schemas.PlaceView, allow=BOOKERS, status=200)
    def release_place(self, call, id):
        return self.sessions.release(call, id)

    @api("POST", "/{community}/places/{id}/check-in", takes=schemas.CheckIn, gives=schemas.PlaceView, allow=BOOKERS, status=200)
    def check_in(self, call, id):
        return self.sessions.check_in(call, id)

    @api("GET", "/{community}/conduct/{id}", gives=schemas.ConductView, allow=BOOKERS)
    def read_conduct(self, call, id):
        return self.sessions.record(call, id)

    @api("POST", "/{community}/conduct/{id}/waive", takes=schemas.Waive, gives=schemas.ConductView, allow=STAFF, status=200)
    def waive(self, call, id):
        return self.sessions.waive(call, id)

    # -- what follows from one's own events

    @on(PlaceTaken, PlaceWaitlisted, once=by_cause)
    def note_the_place(self, call, event):
        self.sessions.hold(call, event)

    @on(PlaceReleased, once=by_cause)
    def forget_the_place(self, call, event):
        self.sessions.directory.unhold(call, event)

    @on(SessionMoved, once=by_cause)
    def move_the_places(self, call, event):
        self.sessions.move_all(call, event)

    @on(SessionCancelled, once=by_cause)
    def forget_the_places(self, call, event):
        self.sessions.let_go_all(call, event.session_id)

    @on(PlacesMissed, once=by_cause)
    def note_the_missed(self, call, event):
        self.sessions.note_missed(call, event)

    @on(SessionOver, once=by_cause)
    def credit_the_lesson(self, call, event):
        if event.kind == "lesson":
            self.sessions.credit(call, event)
