"""Entrypoints: the communities of the installation."""

from __future__ import annotations

from typing import Any

from services.residents.communities import schemas
from services.residents.communities.handlers import Communities as Handlers
from services.residents.records import COMMUNITIES
from shared.entrypoints.api import api
from shared.entrypoints.fields import Paging
from shared.entrypoints.inbox import by_cause, on
from shared.events.residents import CommunityOpened
from shared.rules.roles import EVERYBODY, OPERATOR, SECRETARY
from shared.runtime.platform import Provided, Stored


class Communities:
    """Communities, their calendars and the tree that they stand in, over HTTP."""

    community_store = Stored(COMMUNITIES)
    communities: Any = Provided(Handlers)

    @api("POST", "/communities", takes=schemas.OpenCommunity, gives=schemas.CommunityView, allow={OPERATOR})
    def open_community(self, call):
        return self.communities.open(call)

    @api("GET", "/communities", query=Paging, gives=schemas.CommunityView, allow=EVERYBODY)
    def list_communities(self, call):
        return self.communities.visible(call)

    @api("PUT", "/{community}/calendar", takes=schemas.SetCalendar, gives=schemas.CalendarView, allow={OPERATOR, SECRETARY})
    def set_calendar(self, call):
        return self.communities.set_calendar(call)

    @api("GET", "/communities/tree", gives=schemas.TreeView, allow=EVERYBODY)
    def organisation_tree(self, call):
        return {"districts": self.communities.tree(call)}

    # A crash between opening and this is made good here.
    @on(CommunityOpened, once=by_cause)
    def let_the_opener_in(self, call, event):
        self.communities.let_the_opener_in(call, event.community_id)
