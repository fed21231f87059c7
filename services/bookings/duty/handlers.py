"""The duty roster, the appointments that rest on it, and the queue at the counter."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.bookings.children.enrolments import Enrolments
from services.bookings.directory import USES, Directory, week_of
from services.bookings.domain import Person, Use, check_grid
from services.bookings.duty import domain
from services.bookings.duty.domain import Queue, Roster
from services.bookings.sessions import domain as sessions
from services.bookings.sessions.handlers import Sessions
from shared.calls import Call, derived_id
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing
from shared.rules.roles import STAFF
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind

ROSTERS = Kind(Roster, "rosters", unique=(("week",),))
QUEUES = Kind(Queue, "queues")


class Duty:
    """Rosters and swaps of shifts, the appointments that they cover or not, and the tickets of a day."""

    def __init__(self, platform: Platform) -> None:
        self._rosters = platform.store(ROSTERS)
        self._queues = platform.store(QUEUES)
        self._uses = platform.store(USES)
        self._directory, self._sessions, self._enrolments = Directory(platform), Sessions(platform), Enrolments(platform)

    # -- the roster

    def plan(self, call: Call) -> Roster:
        """A week's empty shifts. Raises Conflict("already_planned")."""
        timezone = self._directory.locale(call).timezone

        def refusal() -> Conflict:
            return Conflict("already_planned", "this week has its roster")

        made: Roster = self._rosters.create(
            call,
            domain.plan,
            call.body["week"],
            timezone,
            call.body["needed"],
            refusal=refusal,
            id=_roster(call.community, call.body["week"]),
        )
        return made

    def roster(self, call: Call, week: str) -> Roster:
        """One week. Raises Missing."""
        found: Roster = self._rosters.get(call, _roster(call.community, week))
        return found

    def shifts(self, call: Call) -> dict[str, Any]:
        """The shifts of the days asked for."""
        since, before = date.fromisoformat(call.query["since"]), date.fromisoformat(call.query["before"])
        if not since <= before <= since + timedelta(days=62):
            raise Invalid("range_invalid", "two months at the most", "to")
        weeks = sorted({week_of(_noon(since + timedelta(days=n))) for n in range((before - since).days + 1)})
        rosters = [self._rosters.find(call.community, _roster(call.community, week)) for week in weeks]
        inside = [(r, s) for r in rosters if r for s in r.shifts if since.isoformat() <= s["id"][:10] <= before.isoformat()]
        return {"items": [_shown(r, s) for r, s in inside], "next": None}

    def shift(self, call: Call, id: str) -> dict[str, Any]:
        """One shift."""
        roster = self.roster(call, domain.week_of_shift(id))
        return _shown(roster, domain.shift(roster, id))

    def assign(self, call: Call, id: str) -> dict[str, Any]:
        """Who is on duty: workers, party members, volunteers. Raises Invalid("person_unknown")."""
        people = list(dict.fromkeys(call.body["people"]))
        for person in people:
            self._must_be_able(call, person, "people")
        return self._change(call, id, domain.assign, id, people, call.at)

    def _must_be_able(self, call: Call, person_id: str, field: str) -> None:
        if self._directory.person(call, person_id, field).is_child:
            raise Invalid("person_too_young", "no child is on duty", field)

    def except_shift(self, call: Call, id: str) -> dict[str, Any]:
        """The secretary lets a shift stay short."""
        return self._change(call, id, domain.except_shift, id, call.body["reason"], call.actor, call.at)

    def ask_swap(self, call: Call, id: str) -> dict[str, Any]:
        """Ask another to take one's shift: a worker, a party member or a volunteer of age."""
        self._must_be_able(call, call.body["person_id"], "person_id")
        return self._change(call, id, domain.ask_swap, id, call.actor, call.body["person_id"], call.at)

    def answer_swap(self, call: Call, id: str) -> dict[str, Any]:
        """Take a shift over, or not."""
        return self._change(call, id, domain.answer_swap, id, call.actor, call.body["agrees"], call.at)

    def publish(self, call: Call, week: str) -> Roster:
        """The week stands, without gaps but those excepted."""
        published: Roster = self._rosters.change(call, _roster(call.community, week), domain.publish, call.at)
        return published

    def _change(self, call: Call, id: str, decide: Any, *args: Any) -> dict[str, Any]:
        def view(roster: Roster) -> dict[str, Any]:
            return _shown(roster, domain.shift(roster, id))

        roster = _roster(call.community, domain.week_of_shift(id))
        return view(self._rosters.change(call.showing(view), roster, decide, *args))

    def _cover(self, community: str, use_start: datetime, start: datetime, end: datetime) -> dict[str, Any] | None:
        roster = self._rosters.find(community, _roster(community, week_of(use_start)))
        return domain.covering(roster, start, end)

    # -- appointments

    def book(self, call: Call) -> dict[str, Any]:
        """An appointment at the counter, where somebody is on duty. Raises Conflict: nobody_on_duty, slot_full with
        alternatives."""
        locale = self._directory.locale(call)
        start = call.body["start"]
        check_grid(start, start + domain.SLOT, call.at)
        if start.minute % 30:
            raise Invalid("off_grid", "appointments begin on the half-hour", "start")
        local = start.astimezone(locale.zone)
        shift = self._cover(call.community, local, start, start + domain.SLOT)
        if shift is None:
            raise Conflict("nobody_on_duty", "nobody is on duty then", alternatives=self._free(call, local))
        use = self._slot(call, start, shift["extended"], locale.timezone)
        person = self._directory.person(call, self._directory.for_whom(call))
        try:
            return self._sessions.seat(call, use, person)
        except Conflict as error:
            if error.code == "session_full":
                free = self._free(call, local)
                raise Conflict("slot_full", "no appointment is left then", alternatives=free) from error
            raise

    def _slot(self, call: Call, start: datetime, extended: bool, timezone: str) -> Use:
        id = _slot_id(call.community, start)
        if (found := self._uses.find(call.community, id)) is not None:
            return found
        self._uses.create_all(
            [(call.plain(), domain.slot(id, call.community, timezone, start, domain.APPOINTMENTS_A_SLOT, extended), [])]
        )
        made: Use = self._uses.get(call, id)
        return made

    def _free(self, call: Call, wanted: datetime) -> list[dict[str, Any]]:
        """Up to three free slots of that week, the nearest first."""
        roster = self._rosters.find(call.community, _roster(call.community, week_of(wanted)))
        if roster is None or roster.state != domain.PUBLISHED:
            return []
        starts = []
        for shift in (s for s in roster.shifts if s["people"]):
            moment = shift["start"]
            while moment + domain.SLOT <= shift["end"]:
                starts.append(moment)
                moment += domain.SLOT
        free = []
        for start in sorted((s for s in starts if s > call.at), key=lambda s: abs(s - wanted)):
            use = self._uses.find(call.community, _slot_id(call.community, start))
            if use is None or sessions.seated(use) < use.capacity:
                free.append({"start": start.astimezone(wanted.tzinfo).isoformat()})
            if len(free) == 3:
                break
        return free

    def appointments(self, call: Call) -> dict[str, Any]:
        """A day's appointments by time: for staff; a child's without whose it is."""
        zone = self._directory.locale(call).zone
        first = datetime.combine(date.fromisoformat(call.query["date"]), time(0), zone)
        where = {"found_by": "kind:counter", "start": {"$gte": first, "$lt": first + timedelta(days=1)}}
        uses = self._uses.all(call.community, where)
        shown = [sessions.shown(u, p) for u in uses for p in u.places if p["state"] != sessions.GONE]
        return {"items": self._enrolments.masked(call, shown), "next": None}

    def check_cover(self, call: Call, session_id: str) -> None:
        """Somebody may have left duty just as the appointment was made."""
        use = self._uses.find(call.community, session_id)
        if use is not None and use.kind == "counter":
            covered = self._cover(call.community, use.begins, use.start, use.end) is not None
            self._uses.change(call.plain(), use.id, domain.uncover, covered, call.at, True)

    def cover_week(self, call: Call, roster_id: str) -> None:
        """Mark the week's appointments by who is on duty now; again, if that changed meanwhile."""
        roster = self._rosters.find(call.community, roster_id)
        while roster is not None:
            self._cover_by(call, roster)
            before, roster = roster, self._rosters.find(call.community, roster_id)
            if roster is not None and roster.version == before.version:
                return

    def _cover_by(self, call: Call, roster: Roster) -> None:
        first, last = min(s["start"] for s in roster.shifts), max(s["end"] for s in roster.shifts)
        where = {"found_by": "kind:counter", "start": {"$gte": first, "$lt": last}}
        for use in self._uses.all(call.community, where):
            covered = domain.covering(roster, use.start, use.end) is not None
            self._uses.change(call.plain(), use.id, domain.uncover, covered, call.at)

    # -- the queue

    def queue(self, call: Call) -> dict[str, Any]:
        """Today's line (or another day's)."""
        day = call.query.get("date") or self._today(call)
        queue = self._queues.find(call.community, _queue(call.community, day)) or Queue(day=day)
        return _as_seen(queue, call)

    def draw(self, call: Call) -> dict[str, Any]:
        """A ticket for a walk-in; for an appointment, its check-in."""
        person, due, place = Person(), None, call.body.get("place_id", "")
        if place:
            session, n = sessions.split(place)
            use = self._uses.get(call, session, "place_missing")
            holder = sessions.place_of(use, n)
            if use.kind != "counter":
                raise Conflict("not_an_appointment", "this place is not at the counter")
            # Who says that the visitor has come is the worker who sees them.
            if not call.is_one_of(*STAFF):
                raise Forbidden("at_the_counter", "say your name at the counter")
            person = self._directory.person(call, holder["person"])
            self._uses.change(call.plain(), session, sessions.check_in, n, "worker", call.at)
            due = use.start
        elif "resident_id" in call.body or not call.is_one_of(*STAFF):
            person = self._directory.person(call, self._directory.for_whom(call))
        groups = [*person.groups, *call.body["groups"]] if call.is_one_of(*STAFF) else person.groups
        kind = "appointment" if place else "walk_in"

        def view(queue: Queue) -> dict[str, Any]:
            return _ticket(queue, len(queue.tickets), call)

        day = self._today(call)
        args = (kind, person.id, groups, due, place, call.at)
        id = _queue(call.community, day)
        return view(self._queues.ensure(call.showing(view), id, lambda _: Queue(day=day), domain.draw, *args))

    def call_next(self, call: Call) -> dict[str, Any]:
        """The next one, to the caller's desk."""

        def view(queue: Queue) -> dict[str, Any]:
            return _ticket(queue, _called(queue), call)

        id = _queue(call.community, self._today(call))
        if self._queues.find(call.community, id) is None:
            raise Conflict("queue_empty", "nobody waits")
        return view(self._queues.change(call.showing(view), id, domain.call_next, call.body["desk"], call.at))

    def step(self, call: Call, n: str, state: str) -> dict[str, Any]:
        """A ticket is held, served, waiting again or gone."""
        if not (n.isascii() and n.isdigit()):
            raise Missing("ticket_missing", "no such ticket")

        def view(queue: Queue) -> dict[str, Any]:
            return _ticket(queue, int(n), call)

        id = _queue(call.community, self._today(call))
        return view(self._queues.change(call.showing(view), id, domain.step, int(n), state))

    def relieve(self, call: Call, person: str, since: datetime) -> None:
        """Nobody is on duty behind the end of their term. Safe to repeat."""
        for roster in self._rosters.all(call.community, {}, limit=100_000):
            if any(person in s["people"] and s["end"] > since for s in roster.shifts):
                self._rosters.change(call.plain(), roster.id, domain.relieve, person, since, call.at)

    def of(self, community: str, person: str) -> dict[str, list[dict[str, Any]]]:
        """One person's shifts, what they were asked to take over, and their tickets, for an export; nobody else in them."""
        rosters = self._rosters.all(community, {}, limit=100_000)
        shifts = [s for roster in rosters for s in roster.shifts if person in (*s["people"], *(s["swap"] or {}).values())]
        tickets = [
            t for queue in self._queues.all(community, {}, limit=100_000) for t in queue.tickets if t["person"] == person
        ]
        own = [{**s, "people": [p for p in s["people"] if p == person], "swap": s["swap"] is not None} for s in shifts]
        return {"shifts": own, "tickets": tickets}

    def forget(self, call: Call, resident_id: str) -> None:
        """No ticket and no shift names this person any more."""
        for roster in self._rosters.all(call.community, {}, limit=100_000):
            if any(resident_id in (*s["people"], *(s["swap"] or {}).values()) for s in roster.shifts):
                self._rosters.change(call.plain(), roster.id, domain.forget_person, resident_id, call.at)
        for queue in self._queues.all(call.community, {}, limit=100_000):
            if any(t["person"] == resident_id for t in queue.tickets):
                self._queues.change(call.plain(), queue.id, domain.forget, resident_id)

    def _today(self, call: Call) -> str:
        return call.at.astimezone(self._directory.locale(call).zone).date().isoformat()


def _roster(community: str, week: str) -> str:
    return derived_id("roster", community, week)


def _slot_id(community: str, start: datetime) -> str:
    return derived_id("counter", community, start.isoformat())


def _queue(community: str, day: str) -> str:
    return derived_id("queue", community, day)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12))


def _called(queue: Queue) -> int:
    return next(int(t["n"]) for t in queue.tickets if t.get("call") == queue.calls)


def _shown(roster: Roster, shift: dict[str, Any]) -> dict[str, Any]:
    zone = ZoneInfo(roster.timezone)
    local = {"start": shift["start"].astimezone(zone), "end": shift["end"].astimezone(zone)}
    excepted = shift["exception"]["reason"] if shift["exception"] else ""
    return shift | local | {"week": roster.week, "state": roster.state, "exception": excepted}


def _ticket(queue: Queue, n: int, call: Call) -> dict[str, Any]:
    found = domain.ticket(queue, n)
    ahead = [t["n"] for t in domain.line(queue, call.at)]
    return found | {"position": ahead.index(n) + 1 if n in ahead else None}


def _as_seen(queue: Queue, call: Call) -> dict[str, Any]:
    """The line: its order for everybody, who stands in it for staff alone."""
    staff = call.is_one_of(*STAFF)
    order = domain.line(queue, call.at)
    rest = [t for t in queue.tickets if t["state"] in (domain.CALLED, domain.HOLDS)]
    items = [
        t | {"position": i, "person": t["person"] if staff or t["person"] == call.actor else ""}
        for i, t in enumerate([*order, *rest], start=1)
    ]
    for item in items[len(order) :]:
        item["position"] = None
    return {"date": queue.day, "tickets": items, "served": sum(t["state"] == domain.SERVED for t in queue.tickets)}
