"""Entrypoints: greetings."""

from __future__ import annotations

from services.hello.events import SomebodyGreeted
from services.hello.greetings import domain, schemas
from services.hello.greetings.handlers import GREETINGS

from shared.entrypoints.api import api
from shared.entrypoints.fields import Paging
from shared.entrypoints.inbox import by_cause, on
from shared.rules.roles import EVERYBODY
from shared.runtime.platform import Stored


class Greetings:
    """Greets, and hears of it."""

    greetings = Stored(GREETINGS)

    @api("POST", "/{community}/greetings", takes=schemas.Greet, gives=schemas.GreetingView, allow=EVERYBODY)
    def greet(self, call):
        return self.greetings.create(call, domain.greet, call.body["to"], call.at)

    @api("GET", "/{community}/greetings", query=Paging, gives=schemas.GreetingView, allow=EVERYBODY)
    def list_greetings(self, call):
        return self.greetings.page(call, **call.query)

    @on(SomebodyGreeted, once=by_cause)
    def hear_of_it(self, call, event):
        self.greetings.change(call, event.greeting_id, domain.hear)
