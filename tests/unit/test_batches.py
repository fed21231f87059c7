"""Who waits for company before one action is done for all, and for how long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ops.client import until
from services.bookings.directory import PEOPLE
from services.bookings.domain import Person
from shared.calls import Call
from shared.runtime.testing import MemoryStore
from shared.storage import batches
from shared.storage.batches import COMPANY_CALLERS, COMPANY_WAIT_SECONDS, QUIET_TURNS, Batcher

NOW = datetime(2026, 12, 1, tzinfo=UTC)


class Line:
    """A batcher whose first action was done for one, and whose second for COMPANY; then others have turns as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limit: int = 256) -> None:
        self.sizes: list[int] = []
        self.now = 0.0
        self._gate = threading.Event()
        self._threads: list[threading.Thread] = []
        self.batcher: Batcher[int, int] = Batcher(self._act, limit)
        self.come(1)
        until(lambda: self.sizes, 10, "the first to be at work")
        self.come(COMPANY_CALLERS)  # while the first is alone at work
        self._gate.set()
        self.rest()
        assert self.sizes == [1, COMPANY_CALLERS]
        self.turns: list[Callable[[], Any]] = []
        clock = SimpleNamespace(sleep=lambda seconds: self.turns.pop(0)(), monotonic=lambda: self.now)
        monkeypatch.setattr(batches, "time", clock)

    def _act(self, items: Sequence[int]) -> list[int]:
        self.sizes.append(len(items))
        self._gate.wait(10)
        return list(items)

    def come(self, count: int) -> None:
        """So many callers, waiting."""
        busy, before = not self.batcher.idle, len(self.batcher._waiting)
        for n in range(count):
            self._threads.append(threading.Thread(target=self.batcher.submit, args=(n,)))
            self._threads[-1].start()
        until(lambda: not busy or len(self.batcher._waiting) >= before + count, 10, "all to wait")

    def rest(self) -> None:
        """Everybody has been served."""
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


def nobody() -> None:
    """A turn in which nobody comes."""


def test_others_have_turns_for_as_long_as_somebody_comes_and_whoever_comes_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)
    line.turns += [lambda: line.come(2), nobody, nobody, lambda: line.come(1), *[nobody] * QUIET_TURNS]
    assert line.batcher.submit(7) == 7
    assert line.sizes == [1, COMPANY_CALLERS, 4]
    assert not line.turns


def test_who_were_few_the_last_time_act_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)
    line.turns += [nobody] * QUIET_TURNS
    line.batcher.submit(7)
    line.turns += [lambda: pytest.fail("others were given a turn")]
    assert line.batcher.submit(8) == 8
    assert line.sizes == [1, COMPANY_CALLERS, 1, 1]


def test_a_full_batch_waits_for_nobody_more(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch, limit=COMPANY_CALLERS + 2)
    line.turns += [lambda: line.come(COMPANY_CALLERS), lambda: line.come(2), *[nobody] * QUIET_TURNS]
    line.batcher.submit(7)
    line.rest()
    # The turns in which nobody came were the next one's.
    assert line.sizes == [1, COMPANY_CALLERS, COMPANY_CALLERS + 2, 1]


def test_where_somebody_comes_for_ever_nobody_is_awaited_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)

    def comes() -> None:
        line.come(1)
        line.now += COMPANY_WAIT_SECONDS / 3

    line.turns += [comes] * 4 + [nobody] * QUIET_TURNS
    line.batcher.submit(7)
    assert line.sizes == [1, COMPANY_CALLERS, 4]
    assert len(line.turns) == 1 + QUIET_TURNS


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_whoever_is_killed_while_waiting_for_company_is_so_alone(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    line = Line(monkeypatch)

    def killed() -> None:
        line.come(2)
        line.turns += [nobody] * QUIET_TURNS  # for the next who leads
        raise error

    line.turns += [killed]
    with pytest.raises(error):
        line.batcher.submit(7)
    line.rest()
    assert line.sizes == [1, COMPANY_CALLERS, 2]


def test_what_is_saved_together_is_offered_before_any_of_the_callers_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    events, gate = list[tuple[str, str]](), threading.Event()
    store = MemoryStore(PEOPLE)
    insert = store.backend.insert
    monkeypatch.setattr(store.backend, "insert", lambda documents: gate.wait(10) and insert(documents))
    monkeypatch.setattr(store.events, "offer", lambda collection, community, id, rows: events.append(("offered", id)))

    def create(n: int) -> None:
        store.create(Call("lijing", NOW), lambda id: (Person(), []), id=str(n))
        events.append(("goes on", str(n)))

    threads = [threading.Thread(target=create, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    until(lambda: len(store._inserts._waiting) >= 4, 10, "four to wait")
    gate.set()
    for thread in threads:
        thread.join(10)
    first = events[0][1]
    assert [what for what, id in events if id != first] == ["offered"] * 4 + ["goes on"] * 4
