"""Entrypoints: the centre, its reports, its calendars."""

from __future__ import annotations

from typing import Any

from services.bookings.centre import schemas
from services.bookings.centre.feeds import FEEDS, Feeds
from services.bookings.centre.handlers import CENTRES, Centres
from shared.entrypoints.api import Raw, api
from shared.rules.roles import EVERYBODY, GUARDIAN, OPERATOR, RESIDENT, SECRETARY, STAFF
from shared.runtime.platform import Provided, Stored

ICALENDAR = "text/calendar; charset=utf-8"


class Centre:
    """The centre's page, plan and reports over HTTP, and calendars for anybody who has their address."""

    centres = Stored(CENTRES)
    feed_store = Stored(FEEDS)
    centre: Any = Provided(Centres)
    feeds: Any = Provided(Feeds)

    @api("GET", "/{community}/centre", gives=schemas.CentreView, allow=EVERYBODY)
    def read_centre(self, call):
        return self.centre.page(call)

    @api("PUT", "/{community}/centre", takes=schemas.Describe, gives=schemas.CentreView, allow={SECRETARY, OPERATOR})
    def describe_centre(self, call):
        return self.centre.describe(call)

    @api("PUT", "/{community}/centre/plan", takes=schemas.PublishPlan, gives=schemas.CentreView, allow={SECRETARY})
    def publish_plan(self, call):
        return self.centre.plan(call)

    @api("GET", "/{community}/reports/rooms", query=schemas.ReportQuery, gives=schemas.ReportView, allow=STAFF)
    def report_rooms(self, call):
        return self.centre.report(call)

    @api("GET", "/{community}/reports/rooms.csv", query=schemas.ReportQuery, gives="text/csv; charset=utf-8", allow=STAFF)
    def report_rooms_as_csv(self, call):
        return Raw(self.centre.table(call, "rooms"))

    @api("GET", "/{community}/reports/programmes.csv", query=schemas.ReportQuery, gives="text/csv; charset=utf-8", allow=STAFF)
    def report_programmes_as_csv(self, call):
        return Raw(self.centre.table(call, "programmes"))

    # The key of a repeat cannot give the same secret again: it is kept nowhere.
    @api("POST", "/{community}/feeds", gives=schemas.FeedView, allow={RESIDENT, GUARDIAN}, idempotent=False)
    def open_feed(self, call):
        return self.feeds.open(call)

    @api("POST", "/{community}/feeds/{id}/revoke", gives=schemas.RevokedFeed, allow={RESIDENT, GUARDIAN}, status=200)
    def revoke_feed(self, call, id):
        return self.feeds.revoke(call, id)

    @api("GET", "/{community}/feeds/{secret}/calendar.ics", gives=ICALENDAR)
    def private_feed(self, call, secret):
        return Raw(self.feeds.private(call, secret))

    @api("GET", "/{community}/rooms/{id}/calendar.ics", gives=ICALENDAR)
    def room_feed(self, call, id):
        return Raw(self.feeds.of_room(call, id))
