"""Every entrypoint of hello."""

from __future__ import annotations

from marshmallow import Schema, fields
from services.hello import domain
from services.hello.events import SomebodyGreeted

from shared.entrypoints.api import api
from shared.entrypoints.fields import Paging, Text
from shared.entrypoints.inbox import by_cause, on
from shared.entrypoints.service import ServiceBase
from shared.rules.roles import EVERYBODY
from shared.runtime.platform import Stored
from shared.storage.kinds import Kind

GREETINGS = Kind(domain.Greeting, "greetings")


class Greet(Schema):
    to = Text(80, required=True)


class GreetingView(Schema):
    id = fields.String(required=True)
    to = fields.String(required=True)
    heard = fields.Integer(required=True)


class Hello(ServiceBase):
    """Greets."""

    name = "hello"

    greetings = Stored(GREETINGS)

    @api("POST", "/{community}/greetings", takes=Greet, gives=GreetingView, allow=EVERYBODY)
    def greet(self, call):
        return self.greetings.create(call, domain.greet, call.body["to"], call.at)

    @api("GET", "/{community}/greetings", query=Paging, gives=GreetingView, allow=EVERYBODY)
    def list_greetings(self, call):
        return self.greetings.page(call, **call.query)

    @on(SomebodyGreeted, once=by_cause)
    def hear_of_it(self, call, event):
        self.greetings.change(call, event.greeting_id, domain.hear)
