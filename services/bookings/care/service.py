"""Entrypoints: elder care."""

from __future__ import annotations

from typing import Any

from services.bookings.care import schemas
from services.bookings.care.handlers import CARE_VISITS, ELDERS, MEALS
from services.bookings.care.handlers import Care as Handlers
from services.bookings.sessions.schemas import PlaceView
from shared.entrypoints.api import api
from shared.rules.roles import GUARDIAN, KITCHEN, RESIDENT, STAFF
from shared.runtime.platform import Provided, Stored


class Care:
    """Files of elder care, visits and meals, over HTTP."""

    elders = Stored(ELDERS)
    care_visits = Stored(CARE_VISITS)
    meal_deliveries = Stored(MEALS)
    care: Any = Provided(Handlers)

    @api("PUT", "/{community}/elders/{id}", takes=schemas.KeepElder, gives=schemas.ElderView, allow=STAFF, audited="kept_elder")
    def keep_elder(self, call, id):
        return self.care.keep(call, id)

    @api("GET", "/{community}/elders/{id}", gives=schemas.ElderView, allow=STAFF | {RESIDENT}, audited="opened_elder")
    def read_elder(self, call, id):
        return self.care.elder(call, id)

    @api(
        "POST",
        "/{community}/elders/{id}/assessments",
        takes=schemas.Assess,
        gives=schemas.ElderView,
        allow=STAFF,
        audited="assessed_elder",
    )
    def assess_elder(self, call, id):
        return self.care.assess(call, id)

    @api("POST", "/{community}/care-visits", takes=schemas.PlanCareVisit, gives=schemas.CareVisitView, allow=STAFF)
    def plan_care_visit(self, call):
        return self.care.plan_visit(call)

    @api(
        "GET",
        "/{community}/care-visits",
        query=schemas.CareVisitQuery,
        gives=schemas.CareVisitView,
        allow=STAFF,
        audited="listed_care_visits",
    )
    def list_care_visits(self, call):
        return self.care.visits(call)

    @api(
        "POST",
        "/{community}/care-visits/{id}/report",
        takes=schemas.ReportCareVisit,
        gives=schemas.CareVisitView,
        allow=STAFF,
        status=200,
    )
    def report_care_visit(self, call, id):
        return self.care.report_visit(call, id)

    @api("POST", "/{community}/meals", takes=schemas.OrderMeal, gives=PlaceView, allow=STAFF | {RESIDENT, GUARDIAN})
    def order_meal(self, call):
        return self.care.order(call)

    @api(
        "GET",
        "/{community}/meals",
        query=schemas.MealQuery,
        gives=schemas.KitchenView,
        allow=STAFF | {KITCHEN},
        audited="opened_kitchen_list",
    )
    def kitchen_list(self, call):
        return self.care.kitchen(call)

    @api(
        "POST",
        "/{community}/meals/{id}/delivery",
        takes=schemas.DeliverMeal,
        gives=schemas.MealDeliveryView,
        allow=STAFF | {KITCHEN},
    )
    def deliver_meal(self, call, id):
        return self.care.deliver(call, id)
