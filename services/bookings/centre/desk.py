"""The centre's page, its plan and its reports."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta
from typing import Any

from services.bookings.centre import domain
from services.bookings.centre.domain import Centre
from services.bookings.corners.desk import VISITS
from services.bookings.domain import Use
from services.bookings.known import USES, Known
from services.bookings.rooms.desk import ROOMS
from shared.calls import Call
from shared.errors import Invalid
from shared.platform import Platform
from shared.store import Kind

CENTRES = Kind(Centre, "centres")
MANY = 100_000


class Centres:
    """See the module."""

    def __init__(self, platform: Platform) -> None:
        self._centres = platform.store(CENTRES)
        self._rooms, self._uses = platform.store(ROOMS), platform.store(USES)
        self._visits = platform.store(VISITS)
        self._known = Known(platform)

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
        found = self._rooms.several(call.community, [entry["room_id"] for entry in wanted])
        for n, room in enumerate(found):
            if room is None:
                raise Invalid("room_unknown", "no such room", f"rooms.{n}.room_id")
        args = (call.body["poll_id"], wanted, call.at)
        return self._shown(call, self._centres.ensure(call, call.community, lambda _: Centre(), domain.publish_plan, *args))

    def _shown(self, call: Call, centre: Centre) -> dict[str, Any]:
        share = domain.share(centre)
        low = domain.is_low(centre)
        rooms = self._rooms.all(call.community, {}, limit=MANY)
        return {
            "site": centre.site, "opened_on": centre.opened_on, "floors": centre.floors, "areas": centre.areas,
            "history": centre.history, "plan": centre.plan, "rooms": rooms,
            "service_share": float(share) if share is not None else None,
            "service_percent": f"{float(share) * 100:.1f} %" if share is not None else "",
            "warning": "service_share_below_97" if low else "",
        }  # fmt: skip

    # -- reports

    def report(self, call: Call) -> dict[str, Any]:
        """Use by room and by programme between two days."""
        zone = self._known.locale(call).zone
        first, last = date.fromisoformat(call.query["since"]), date.fromisoformat(call.query["before"])
        if not first <= last <= first + timedelta(days=366):
            raise Invalid("range_invalid", "a year at the most", "to")
        since = datetime.combine(first, time(0), zone)
        before = datetime.combine(last + timedelta(days=1), time(0), zone)
        rooms = self._rooms.all(call.community, {}, limit=MANY)
        uses = {room.id: self._in(call, room.id, since, before) for room in rooms}
        visits, latest = {}, {}
        for room in rooms:
            logs = self._visits.all(call.community, {"room_id": room.id}, limit=MANY)
            visits[room.id] = sum(log.visits for log in logs if first.isoformat() <= log.day <= last.isoformat())
            recent = self._in(call, room.id, call.at - domain.IDLE, call.at)
            seen = [u.start for u in recent if u.state in ("confirmed", "over", "open")]
            seen += [datetime.combine(date.fromisoformat(log.day), time(0), zone) for log in logs]
            latest[room.id] = max(seen, default=None)
        lines = domain.of_rooms(rooms, uses, visits, latest, since, before, call.at)
        programmes = domain.of_programmes(use for found in uses.values() for use in found if use.room_id in uses)
        return {"from": first.isoformat(), "to": last.isoformat(), "rooms": lines, "programmes": programmes}

    def report_csv(self, call: Call) -> bytes:
        """The rooms of the report as a table."""
        out = io.StringIO()
        writer = csv.DictWriter(out, ["room_id", "room", "uses", "visits", "open_hours", "used_hours", "rate", "idle"])
        writer.writeheader()
        for line in self.report(call)["rooms"]:
            # A name that begins like a formula would be one in a spreadsheet.
            name = f"'{line['room']}" if line["room"][:1] in "=+-@" else line["room"]
            writer.writerow(line | {"room": name})
        return out.getvalue().encode("utf-8-sig")

    def _in(self, call: Call, room_id: str, since: datetime, before: datetime) -> list[Use]:
        where = {"found_by": f"room:{room_id}", "start": {"$gte": since, "$lt": before}}
        return self._uses.all(call.community, where, limit=MANY)
