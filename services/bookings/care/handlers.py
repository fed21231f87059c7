"""Elder care: files, visits, meals."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from services.bookings.care import domain
from services.bookings.care.domain import CareVisit, Elder, MealDelivery
from services.bookings.directory import USES, Directory
from services.bookings.domain import Use
from services.bookings.sessions import domain as sessions
from services.bookings.sessions.handlers import Sessions
from shared.calls import Call, derived_id
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing
from shared.rules.roles import DUTY_LEAD
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind
from shared.storage.store import Page

ELDERS = Kind(Elder, "elders")
CARE_VISITS = Kind(CareVisit, "care_visits", indexes=(("elder_id", "born"),))
MEALS = Kind(MealDelivery, "meals", indexes=(("elder_id", "born"),))


class Care:
    """Files of elder care and their assessment, visits planned and reported, orders of meals and their delivery."""

    def __init__(self, platform: Platform) -> None:
        self._elders = platform.store(ELDERS)
        self._visits = platform.store(CARE_VISITS)
        self._meals = platform.store(MEALS)
        self._uses = platform.store(USES)
        self._directory, self._sessions = Directory(platform), Sessions(platform)

    # -- the file

    def keep(self, call: Call, resident_id: str) -> Elder:
        """Write an elder's file."""
        self._directory.person(call, resident_id)
        for contact in call.body.get("contacts", []):
            self._directory.person(call, contact, "contacts")
        elder: Elder = self._elders.ensure(
            call, _file(call.community, resident_id), lambda _: Elder(), domain.keep_file, resident_id, dict(call.body)
        )
        return elder

    def elder(self, call: Call, resident_id: str) -> Elder:
        """The file, for staff and the elder."""
        if not self._directory.may_act(call, resident_id):
            raise Forbidden("not_yours", "this is somebody else's file")
        found: Elder = self._elders.get(call, _file(call.community, resident_id))
        return found

    def assess(self, call: Call, resident_id: str) -> Elder:
        """One more assessment."""
        id = _file(call.community, resident_id)
        elder: Elder = self._elders.change(call, id, domain.assess, call.body["score"], call.actor, call.at)
        return elder

    # -- visits

    def plan_visit(self, call: Call) -> CareVisit:
        """A worker will look in."""
        body = call.body
        self.elder(call, body["elder_id"])
        if not self._directory.person(call, body["worker_id"], "worker_id").roles:
            raise Invalid("worker_unknown", "no such worker", "worker_id")
        zone = self._directory.locale(call).zone
        args = (body["elder_id"], body["worker_id"], body["start"].astimezone(zone), body["end"].astimezone(zone), call.at)
        visit: CareVisit = self._visits.create(call, domain.plan_visit, *args)
        return visit

    def report_visit(self, call: Call, id: str) -> CareVisit:
        """What the visitor found."""
        tell = self._contacts(call.community, self._visits.get(call, id).elder_id)
        args = (call.body["outcome"], call.body["notes"], call.actor, call.is_one_of(DUTY_LEAD), tell, self._now(call))
        visit: CareVisit = self._visits.change(call, id, domain.report_visit, *args)
        return visit

    def visits(self, call: Call) -> Page:
        """An elder's visits, newest first."""
        where = {"elder_id": call.query["elder_id"]}
        return self._visits.page(call, where, newest_first=True, limit=call.query["limit"], after=call.query["after"])

    def _contacts(self, community: str, elder_id: str) -> list[str]:
        elder = self._elders.find(community, _file(community, elder_id))
        return list(elder.contacts) if elder else []

    # -- meals

    def order(self, call: Call) -> dict[str, Any]:
        """A meal for an elder with a meal plan, until the cut-off. Raises Missing("no_meal"), Conflict("no_meal_plan",
        "cut_off_passed")."""
        person = self._directory.person(call, self._directory.for_whom(call))
        elder = self._elders.find(call.community, _file(call.community, person.id))
        if elder is None or not elder.meals:
            raise Conflict("no_meal_plan", "the elder's file has no meal plan")
        cooked = self._cooked(call, call.body["date"])
        if not cooked:
            raise Missing("no_meal", "no meal is cooked that day")
        wanted = next((use for use in cooked if use.title == call.body.get("meal", use.title)), None)
        if wanted is None:
            raise Missing("no_meal", "no such meal that day")
        return self._sessions.seat(call, wanted, person)

    def kitchen(self, call: Call) -> dict[str, Any]:
        """What to cook that day, and for which diets: no names."""
        cooked = self._cooked(call, call.query["date"])
        meals: list[dict[str, Any]] = [
            {"session_id": use.id, "title": use.title, "start": use.begins, "orders": self._orders(call, use)} for use in cooked
        ]
        return {"date": call.query["date"], "count": sum(len(m["orders"]) for m in meals), "meals": meals}

    def _orders(self, call: Call, use: Use) -> list[dict[str, Any]]:
        ordered = [(p["person"], sessions.place_id(use, p)) for p in use.places if p["state"] in sessions.SEATED]
        elders = self._elders.several(call, [_file(call.community, person) for person, _ in ordered])
        made = self._meals.several(call, [derived_id("meal", place) for _, place in ordered])
        return [
            {"place_id": place, "diet": elder.diet if elder else "", "delivery": delivery.state if delivery else ""}
            for (_, place), elder, delivery in zip(ordered, elders, made, strict=True)
        ]

    def deliver(self, call: Call, place: str) -> MealDelivery:
        """It was handed over, or nobody opened."""
        session, n = sessions.split(place)
        use = self._uses.get(call, session, "place_missing")
        found = sessions.place_of(use, n)
        if use.kind != "meal" or found["state"] not in sessions.SEATED:
            raise Conflict("not_ordered", "this is no ordered meal")
        elder_id, outcome = found["person"], call.body["outcome"]
        args = (
            place,
            elder_id,
            outcome,
            call.body["proof"],
            self._contacts(call.community, elder_id),
            call.actor,
            self._now(call),
        )
        made: MealDelivery = self._meals.ensure(
            call, derived_id("meal", place), lambda _: MealDelivery(), domain.deliver, *args
        )
        return made

    def _cooked(self, call: Call, day: str) -> list[Use]:
        first = datetime.combine(date.fromisoformat(day), time(0), self._directory.locale(call).zone)
        where = {"found_by": "kind:meal", "start": {"$gte": first, "$lt": first + timedelta(days=1)}}
        return [use for use in self._uses.all(call.community, where) if use.state in ("open", "over")]

    def _now(self, call: Call) -> datetime:
        return call.at.astimezone(self._directory.locale(call).zone)

    # -- forgetting

    def forget(self, call: Call, resident_id: str) -> None:
        """Nothing here says any more that this elder was cared for, or whom to tell of another."""
        for elder in self._elders.all(call.community, {}, limit=100_000):
            if resident_id in elder.contacts:
                self._elders.change(call.plain(), elder.id, domain.forget_contact, resident_id)
        if self._elders.find(call.community, id := _file(call.community, resident_id)):
            self._elders.change(call.plain(), id, domain.forget)
        for store, decide in ((self._visits, domain.forget_visit), (self._meals, domain.forget_delivery)):
            for kept in store.all(call.community, {"elder_id": resident_id}, limit=100_000):
                store.change(call.plain(), kept.id, decide)

    def visits_of(self, community: str, resident_id: str) -> list[Any]:
        """Visits and meals, for an export."""
        where = {"elder_id": resident_id}
        return [*self._visits.all(community, where, limit=100_000), *self._meals.all(community, where, limit=100_000)]

    def contact_of(self, community: str, resident_id: str) -> list[str]:
        """The elders in whose file this person is a contact, for an export."""
        return [e.resident_id for e in self._elders.all(community, {}, limit=100_000) if resident_id in e.contacts]

    def of(self, community: str, resident_id: str) -> Elder | None:
        """The file, for an export."""
        return self._elders.find(community, _file(community, resident_id))


def _file(community: str, resident_id: str) -> str:
    return derived_id("elder", community, resident_id)
