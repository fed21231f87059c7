"""The centre's page, its plan and its reports."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta
from typing import Any

from services.bookings.centre import domain
from services.bookings.centre.domain import Centre
from services.bookings.corners.handlers import VISITS
from services.bookings.directory import USES, Directory
from services.bookings.domain import CONFIRMED, Use
from services.bookings.rooms.handlers import ROOMS
from services.bookings.sessions.domain import KINDS, PRESENT
from shared.calls import Call
from shared.rules.errors import Invalid
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind

CENTRES = Kind(Centre, "centres")
USES_A_REPORT = 100_000
# Text that begins like one would be a formula in a spreadsheet, in full width too.
FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r")
COLUMNS = {
    "rooms": ("room_id", "room", "uses", "visits", "open_hours", "used_hours", "rate", "idle"),
    "programmes": ("programme_id", "title", "sessions", "seats", "taken", "attended", "rate"),
}


class Centres:
    """The centre's page, what goes on in it, and its figures, also as a table."""

    def __init__(self, platform: Platform) -> None:
        self._centres = platform.store(CENTRES)
        self._rooms, self._uses = platform.store(ROOMS), platform.store(USES)
        self._visits = platform.store(VISITS)
        self._directory = Directory(platform)

    def page(self, call: Call) -> dict[str, Any]:
        """The centre as everybody sees it."""
        return self._shown(call, self._centres.find(call.community, call.community) or Centre(id=call.community))

    def describe(self, call: Call) -> dict[str, Any]:
        """Write the centre's page."""
        args = (dict(call.body), call.at)
        return self._shown(call, self._centres.ensure(call, call.community, lambda _: Centre(), domain.describe, *args))

    def plan(self, call: Call) -> dict[str, Any]:
        """Publish what the rooms are for. Raises Invalid("room_unknown")."""
        wanted = call.body["rooms"]
        rooms = self._rooms.several(call, [entry["room_id"] for entry in wanted])
        for n, room in enumerate(rooms):
            if room is None:
                raise Invalid("room_unknown", "no such room", f"rooms.{n}.room_id")
        args = (call.body["poll_id"], wanted, call.at)
        return self._shown(call, self._centres.ensure(call, call.community, lambda _: Centre(), domain.publish_plan, *args))

    def _shown(self, call: Call, centre: Centre) -> dict[str, Any]:
        share = domain.share(centre)
        low = domain.is_low(centre)
        rooms = self._rooms.all(call.community, {}, limit=USES_A_REPORT)
        return {
            "site": centre.site,
            "opened_on": centre.opened_on,
            "floors": centre.floors,
            "areas": centre.areas,
            "history": centre.history,
            "plan": centre.plan,
            "rooms": rooms,
            "service_share": float(share) if share is not None else None,
            "service_percent": f"{float(share) * 100:.1f} %" if share is not None else "",
            "warning": "service_share_below_97" if low else "",
        }

    # -- reports

    def report(self, call: Call) -> dict[str, Any]:
        """Use by room and by programme between two days."""
        zone = self._directory.locale(call).zone
        first, last = date.fromisoformat(call.query["since"]), date.fromisoformat(call.query["before"])
        if not first <= last <= first + timedelta(days=366):
            raise Invalid("range_invalid", "a year at the most", "to")
        since = datetime.combine(first, time(0), zone)
        before = datetime.combine(last + timedelta(days=1), time(0), zone)
        rooms = self._rooms.all(call.community, {}, limit=USES_A_REPORT)
        uses = {room.id: self._in(call, room.id, since, before) for room in rooms}
        visits, latest = {}, {}
        for room in rooms:
            # A log is born on its day: none before the range and the last thirty days matters.
            oldest = min(since, call.at - domain.IDLE_FOR) - timedelta(days=1)
            logs = self._visits.all(call.community, {"room_id": room.id, "born": {"$gte": oldest}}, limit=USES_A_REPORT)
            visits[room.id] = sum(log.visits for log in logs if first.isoformat() <= log.day <= last.isoformat())
            recent = self._in(call, room.id, call.at - domain.IDLE_FOR, call.at)
            # A session that nobody came to is no visit; a reservation has nobody who would check in.
            seen = [u.start for u in recent if u.state == CONFIRMED or any(p["state"] == PRESENT for p in u.places)]
            seen += [datetime.combine(date.fromisoformat(log.day), time(0), zone) for log in logs]
            latest[room.id] = max(seen, default=None)
        lines = domain.of_rooms(rooms, uses, visits, latest, since, before, call.at)
        roomless = [
            use for kind, rules in KINDS.items() if not rules.room for use in self._by(call, f"kind:{kind}", since, before)
        ]
        every = {use.id: use for found in (*uses.values(), roomless) for use in found}
        programmes = domain.of_programmes(every.values())
        return {"from": first.isoformat(), "to": last.isoformat(), "rooms": lines, "programmes": programmes}

    def table(self, call: Call, part: str) -> bytes:
        """One part of the report, rooms or programmes, as CSV."""
        out, columns = io.StringIO(), COLUMNS[part]
        writer = csv.DictWriter(out, columns)
        writer.writeheader()
        for line in self.report(call)[part]:
            writer.writerow({k: f"'{v}" if isinstance(v, str) and v.startswith(FORMULAS) else v for k, v in line.items()})
        return out.getvalue().encode("utf-8-sig")

    def _in(self, call: Call, room_id: str, since: datetime, before: datetime) -> list[Use]:
        return self._by(call, f"room:{room_id}", since, before)

    def _by(self, call: Call, tag: str, since: datetime, before: datetime) -> list[Use]:
        where = {"found_by": tag, "start": {"$gte": since, "$lt": before}}
        return self._uses.all(call.community, where, limit=USES_A_REPORT)
