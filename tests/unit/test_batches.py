"""Who waits for company before one action is done for all, and for how long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared import batches
from shared.batches import COMPANY, TURNS, Batcher, await_company


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], Any]]:
    """What others do when they are given a turn, one after the other; the last for ever."""
    given: list[Callable[[], Any]] = []
    monkeypatch.setattr(batches.time, "sleep", lambda seconds: (given.pop(0) if len(given) > 1 else given[0])())
    return given


def test_whoever_was_alone_the_last_time_acts_at_once(turns: list[Callable[[], Any]]) -> None:
    turns.append(lambda: pytest.fail("others were given a turn"))
    await_company(lambda: 1, COMPANY - 1, 256)


def test_others_are_given_turns_for_as_long_as_somebody_comes(turns: list[Callable[[], Any]]) -> None:
    here, nobody = [1], [0]

    def comes() -> None:
        here[0] += 1

    def nobody_comes() -> None:
        nobody[0] += 1

    turns += [comes, nobody_comes, nobody_comes, comes, nobody_comes]
    await_company(lambda: here[0], COMPANY, 256)
    assert (here[0], nobody[0]) == (3, 2 + TURNS)


def test_a_full_batch_waits_no_longer(turns: list[Callable[[], Any]]) -> None:
    here = [1]
    turns.append(lambda: here.append(1))
    await_company(lambda: len(here), COMPANY, 10)
    assert len(here) == 10


def test_a_batch_takes_in_those_whose_request_had_not_been_read(turns: list[Callable[[], Any]]) -> None:
    sizes, gate, threads = list[int](), threading.Event(), list[threading.Thread]()

    def act(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        gate.wait(10)
        return list(items)

    batcher: Batcher[int, int] = Batcher(act)

    def come(count: int) -> None:
        before = len(batcher._waiting)
        for n in range(count):
            threads.append(threading.Thread(target=batcher.submit, args=(n,)))
            threads[-1].start()
        while len(batcher._waiting) < before + count:
            pass

    first = threading.Thread(target=batcher.submit, args=(0,))
    first.start()
    while not sizes:
        pass
    come(COMPANY)  # while the first is alone at work
    gate.set()
    for thread in (first, *threads):
        thread.join(10)
    turns += [lambda: come(2), lambda: None]
    assert batcher.submit(7) == 7
    assert sizes == [1, COMPANY, 3]
    turns[:] = [lambda: pytest.fail("others were given a turn")]
    assert batcher.submit(8) == 8  # those were few
    assert sizes == [1, COMPANY, 3, 1]
