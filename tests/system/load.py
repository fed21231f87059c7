"""A stream of reservations from several callers, each repeated with its key until it has an answer."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from tests.system.world import Community, World, tomorrow

HOURS = range(8, 22)
PAUSE = 0.2  # between the calls of one caller: a load, not a flood


class Load:
    """Runs until told to stop. Every reservation is for a slot of its own, so each must end in 201."""

    def __init__(self, world: World, community: Community, callers: int = 6, repeat: bool = True) -> None:
        self._world, self._community, self._repeat = world, community, repeat
        self._callers = callers
        self._rooms = [community.room()["id"] for _ in range(callers)]
        self._stop = threading.Event()
        self.made: dict[str, str] = {}
        self.failures: Counter[Any] = Counter()

    def __enter__(self) -> Load:
        self._pool = ThreadPoolExecutor(self._callers)
        self._running = [self._pool.submit(self._call, n) for n in range(self._callers)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for running in self._running:
            running.result(60)
        self._pool.shutdown()

    def reach(self, count: int, seconds: float = 60) -> None:
        """Wait until so many reservations have been made since now."""
        target = len(self.made) + count
        self._world.until(lambda: len(self.made) >= target, seconds, f"{count} more reservations")

    def _call(self, n: int) -> None:
        client = self._community.resident
        # More slots than any test needs, and so far off that no scenario that moves the clock comes to their reminders.
        slots = ((day, hour, minute) for day in range(100, 170) for hour in HOURS for minute in (0, 15, 30, 45))
        for day, hour, minute in slots:
            if self._stop.is_set():
                return
            key, until = str(uuid.uuid4()), time.monotonic() + 50
            while not self._book(client, n, tomorrow(hour, minute, days=day), key):
                if not self._repeat or time.monotonic() > until:
                    return
                self._stop.wait(0.1)
            self._stop.wait(PAUSE)

    def _book(self, client: Any, n: int, start: Any, key: str) -> bool:
        try:
            reply = self._community.reserve(client, self._rooms[n], start, hours=0.25, key=key)
        except requests.RequestException as error:
            self.failures[type(error).__name__] += 1
            return False
        if reply.status_code != 201:
            media = reply.headers.get("Content-Type", "")
            code = reply.json()["code"] if "problem+json" in media else media
            self.failures[(reply.status_code, code)] += 1
            return False
        self.made[reply.json()["id"]] = key
        return True

    def verify(self) -> None:
        """Each reservation: there once, said once, told once."""
        self._world.settle(90)
        ids = set(self.made)
        said = Counter(e["subject"] for e in self._world.heard("reservation_confirmed") if e["body"]["room_id"] in self._rooms)
        assert set(said) == ids, f"said {len(said)} of {len(ids)}"
        assert set(said.values()) == {1}
        events = {e["id"] for e in self._world.heard("reservation_confirmed") if e["subject"] in ids}
        for channel in ("inbox", "mail"):
            deliveries = self._deliveries(events, channel)
            told = Counter(delivery["event_id"] for delivery in deliveries)
            assert set(told) == events, f"told {len(told)} of {len(events)} by {channel}"
            assert set(told.values()) == {1}
            assert channel != "mail" or {d["state"] for d in deliveries} <= {"PENDING", "SENDING", "SENT"}

    def mailed(self) -> None:
        """Each of them arrives by mail; what was being sent by who died is taken up again after a minute."""
        events = {e["id"] for e in self._world.heard("reservation_confirmed") if e["subject"] in self.made}
        with self._world.clock_at(datetime.now(UTC) + timedelta(minutes=2)):

            def sent():
                return all(d["state"] == "SENT" for d in self._deliveries(events, "mail"))

            self._world.until(sent, what="all mail to be sent")
        mails = "".join(file.read_text() for file in self._world.here.path("mail", "").glob("*.eml"))
        assert all(f"Message-ID: <{d['_id']}@" in mails for d in self._deliveries(events, "mail"))

    def _deliveries(self, events: set[str], channel: str) -> list[dict[str, Any]]:
        where = {"event_id": {"$in": list(events)}, "channel": channel}
        return list(self._world.mongo["notifications"]["deliveries"].find(where, {"event_id": 1, "state": 1}))
