"""The one mechanism behind group commit, hot documents and gathered reads."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

COMPANY_CALLERS = 4  # whoever acted for as many the last time expects as many again
QUIET_TURNS = 3  # of the event loop in which nobody has come: nobody is on the way
COMPANY_WAIT_SECONDS = 0.03  # seconds for all turns: where others are busy, somebody may be on the way for ever


class _Ticket(Generic[Item, Outcome]):
    __slots__ = ("asleep", "done", "item", "outcome")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.outcome: Outcome | BaseException | None = None
        self.done = False
        # Held until its caller is woken. Not an Event, which is a lock and a condition as well: every command takes some.
        self.asleep = threading.Lock()
        self.asleep.acquire()


class Batcher(Generic[Item, Outcome]):
    """Callers queue; the first acts for all who wait, and while it acts the next batch gathers.

    Idle, a call acts at once and alone. Busy, one action serves up to `limit` callers, those included whose request has
    come but has not been read yet. `act` gets the items and
    returns an outcome for each, in order; an outcome that is an exception is raised to its caller alone. An
    exception that `act` raises goes to every caller of that batch.
    """

    def __init__(self, act: Callable[[Sequence[Item]], Sequence[Outcome | BaseException]], limit: int = 256) -> None:
        self._act, self._limit = act, limit
        self._waiting: deque[_Ticket[Item, Outcome]] = deque()
        self._busy = False
        self._last = 0
        self._lock = threading.Lock()

    @property
    def idle(self) -> bool:
        """Nobody acts and nobody waits."""
        return not self._busy

    def submit(self, item: Item) -> Outcome:
        """Hand in one item; returns its outcome, or raises it."""
        ticket: _Ticket[Item, Outcome] = _Ticket(item)
        with self._lock:
            self._waiting.append(ticket)
            leads = not self._busy
            self._busy = True
        if not leads:
            ticket.asleep.acquire()
        if not ticket.done:
            self._lead()
        if isinstance(ticket.outcome, BaseException):
            raise ticket.outcome
        return ticket.outcome  # type: ignore[return-value]

    def _lead(self) -> None:
        batch: list[_Ticket[Item, Outcome]] = []
        try:
            if self._last >= COMPANY_CALLERS:
                self._await_company()
            batch = self._take()
            outcomes: Sequence[Outcome | BaseException] = self._act([ticket.item for ticket in batch])
        except BaseException as error:  # each caller answers for its own command
            batch = batch or [self._waiting.popleft()]  # nothing was tried: one's own ticket is the first
            self._finish(batch, [error] * len(batch))  # nobody must wait for ever for one that is being killed
            if isinstance(error, Exception):
                return
            raise
        self._finish(batch, outcomes)

    def _take(self) -> list[_Ticket[Item, Outcome]]:
        self._last = min(len(self._waiting), self._limit)
        return [self._waiting.popleft() for _ in range(self._last)]

    def _await_company(self) -> None:
        """Let others have their turns for as long as somebody comes, up to LONGEST. A turn in which nobody has anything to do
        is over at once."""
        here, quiet, until = len(self._waiting), 0, time.monotonic() + COMPANY_WAIT_SECONDS
        while quiet < QUIET_TURNS and here < self._limit and time.monotonic() < until:
            time.sleep(0)
            quiet = 0 if len(self._waiting) > here else quiet + 1
            here = len(self._waiting)

    def _finish(self, batch: list[_Ticket[Item, Outcome]], outcomes: Sequence[Outcome | BaseException]) -> None:
        for ticket, outcome in zip(batch, outcomes, strict=True):
            ticket.outcome, ticket.done = outcome, True
        with self._lock:
            self._busy = bool(self._waiting)
            heir = self._waiting[0] if self._waiting else None
        for ticket in (*batch, *([heir] if heir else [])):
            ticket.asleep.release()
