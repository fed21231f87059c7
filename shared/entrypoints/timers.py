"""Work by the clock: in one replica at a time, under a lease that a slow holder loses for good."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from nameko.extensions import Entrypoint
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.write_concern import WriteConcern
from uuid_utils import uuid7

from shared.calls import Call, new_trace, to_milliseconds
from shared.rules.roles import INSTALLATION
from shared.runtime.platform import Platform
from shared.settings import LEASE_SECONDS
from shared.telemetry import TIMERS, log, where


class Leases:
    """Who may act on a name until when. `fence` grows with every new holder: a late one can be told from the present."""

    def __init__(self, platform: Platform) -> None:
        options: Any = platform.mongo[platform.database].with_options(write_concern=WriteConcern(w="majority", j=True))
        self._leases = options["leases"]
        self._me = str(uuid7())
        self._fences: dict[str, int] = {}  # of the leases that were ours when last we asked
        self._renewed: dict[str, tuple[datetime, float]] = {}  # when they were, by the caller's clock and by our own
        self._foreign: dict[str, float] = {}  # those that were somebody else's, and when all was tried for them last

    def acquire(self, name: str, now: datetime, seconds: float = LEASE_SECONDS) -> int | None:
        """The fence number if the lease is ours now, else None. Renewing keeps the number, and waits until a quarter of the
        time has passed: three quarters are left to whoever acts. Those who wait ask with one write each."""
        if (fence := self._fences.get(name)) and self._fresh(name, now, seconds / 4):
            return fence
        until, asked = now + timedelta(seconds=seconds), time.monotonic()
        key = {"_id": name, "community": INSTALLATION}
        # Taken out before asking: after a failure in the middle nothing is known, and everything is tried.
        foreign, fence = self._foreign.pop(name, None), self._fences.pop(name, None)
        if foreign and time.monotonic() - foreign < seconds:
            ours = self._take(key, now, until)
        else:
            foreign = time.monotonic()
            ours = self._renew(key, now, until)
            if ours and fence:
                self._keep(name, fence, now, asked)
                return fence
            ours = ours or self._take(key, now, until) or self._create(key, until)
        held = self._leases.find_one({**key, "holder": self._me}) if ours else None
        if held is None:
            self._foreign[name] = foreign
            return None
        self._keep(name, int(held["fence"]), now, asked)
        return self._fences[name]

    def _keep(self, name: str, fence: int, now: datetime, asked: float) -> None:
        self._fences[name], self._renewed[name] = fence, (now, asked)

    def _fresh(self, name: str, now: datetime, seconds: float) -> bool:
        """Whether it was renewed so lately, by both clocks: either may have been set, or have stood still."""
        at, asked = self._renewed[name]
        return timedelta() <= now - at < timedelta(seconds=seconds) and time.monotonic() - asked < seconds

    def _renew(self, key: dict[str, Any], now: datetime, until: datetime) -> bool:
        mine = {**key, "holder": self._me, "until": {"$gt": now}}
        return bool(self._leases.update_one(mine, {"$set": {"until": until}}).matched_count)

    def _take(self, key: dict[str, Any], now: datetime, until: datetime) -> bool:
        change = {"$set": {"holder": self._me, "until": until}, "$inc": {"fence": 1}}
        return bool(self._leases.update_one({**key, "until": {"$lte": now}}, change).matched_count)

    def _create(self, key: dict[str, Any], until: datetime) -> bool:
        try:
            self._leases.insert_one({**key, "holder": self._me, "until": until, "fence": 1})
        except DuplicateKeyError:
            return False
        return True

    def release(self, name: str) -> None:
        """Let the next one take it at once."""
        self._fences.pop(name, None)
        key = {"_id": name, "community": INSTALLATION, "holder": self._me}
        self._leases.update_one(key, {"$set": {"until": datetime.fromisoformat("1970-01-01T00:00:00+00:00")}})


class Every(Entrypoint):
    """`@every(5)`: run the method `(call)` every so many seconds, in one replica at a time."""

    platform = Platform()

    def __init__(self, seconds: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seconds = seconds
        self._stopped = False

    def start(self) -> None:
        self._leases = Leases(self.platform)
        self.platform.spawn(self.run)

    def stop(self) -> None:
        self._stopped = True
        try:
            self._leases.release(self.method_name)
        except PyMongoError as error:  # it runs out by itself
            log("timers").warning("lease_kept", error=type(error).__name__)

    def run(self) -> None:
        """Tick; a failure is logged and tried again at the next tick."""
        lease = self.platform.settings.lease + self.seconds
        while not self._stopped:
            time.sleep(self.seconds)
            if self.platform.draining:
                return
            try:
                # Leases live by the real clock: a test that moves the business clock must not hand them around.
                if self._leases.acquire(self.method_name, datetime.now().astimezone(), lease):
                    self._tick()
            except PyMongoError as error:
                log("timers").warning("lease_unknown", timer=self.method_name, error=type(error).__name__)

    def _tick(self) -> None:
        from threading import Event as Signal

        done = Signal()

        def finish(context: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            if exc_info:
                log("timers").error(
                    "timer_failed", timer=self.method_name, error=exc_info[0].__name__, where=where(exc_info[1])
                )
            TIMERS.labels(self.method_name, "failed" if exc_info else "done").inc()
            done.set()
            return result, None

        TIMERS.labels(self.method_name, "begun").inc()
        trace = new_trace()
        at = to_milliseconds(self.platform.clock.now())
        call = Call(community=INSTALLATION, at=at, actor=self.platform.service, correlation=trace.split("-")[1], trace=trace)
        self.container.spawn_worker(self, (call,), {}, context_data={}, handle_result=finish)
        done.wait()


every = Every.decorator
