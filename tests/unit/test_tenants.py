"""What a watcher need not look at again, and what it may never miss."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from shared.storage.tenants import AGAIN, AHEAD, MARGIN, Watch

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def today() -> datetime:
    return datetime.now(UTC)


def places(watch: Watch, written: datetime, now: datetime | None = None) -> list[str]:
    return list(watch.places("loans", {"lijing": written}, now))


class Loans:
    """A store of one community, in which the time at which something is due is all there is."""

    kind = SimpleNamespace(collection="loans")

    def __init__(self, due: Iterable[datetime] = ()) -> None:
        self.waiting, self.noted, self.asked = list(due), today() - 2 * MARGIN, 0
        self.backend = SimpleNamespace(written=lambda: {"lijing": self.noted})

    def due(self, community: str, at: datetime, limit: int) -> list[Any]:
        self.asked += 1
        return [SimpleNamespace(due=due) for due in sorted(self.waiting) if due <= at][:limit]


def given(watch: Watch, loans: Loans, now: datetime) -> list[datetime]:
    return [loan.due for community, loan in watch.due(loans, now) if community == "lijing"]


def test_every_place_is_looked_at_once() -> None:
    assert places(Watch(), today() - 10 * AGAIN) == ["lijing"]


def test_where_nothing_waited_nobody_looks_until_something_is_written() -> None:
    watch, looked = Watch(), today()
    watch.quiet("loans", "lijing", looked)
    assert places(watch, looked - MARGIN) == []
    assert places(watch, looked - MARGIN + SECOND) == ["lijing"], "what was noted then may have been written after the look"
    assert places(watch, today()) == ["lijing"]
    assert list(watch.places("notes", {"lijing": looked - MARGIN})) == ["lijing"], "each collection for itself"


def test_every_place_is_looked_at_again_after_a_while_whatever_was_noted() -> None:
    watch = Watch()
    # Found by a clock that was hours ahead: by what nobody sets, it is ten minutes ago.
    watch.quiet("loans", "lijing", today() + timedelta(hours=3))
    assert places(watch, today() - 10 * AGAIN) == []
    watch._since[("loans", "lijing")] -= AGAIN.total_seconds()
    assert places(watch, today() - 10 * AGAIN) == ["lijing"]


def test_what_has_no_time_of_its_own_is_not_looked_for_by_time() -> None:
    watch = Watch()
    watch.quiet("loans", "lijing", today(), until=NOW)
    assert places(watch, today() - 2 * MARGIN) == []
    assert places(watch, today() - 2 * MARGIN, NOW - SECOND) == []
    assert places(watch, today() - 2 * MARGIN, NOW) == ["lijing"]


def test_a_quiet_community_is_asked_once_a_minute_of_its_own_clock() -> None:
    watch, loans = Watch(), Loans()
    for second in range(120):
        assert given(watch, loans, NOW + second * SECOND) == []
    assert loans.asked == 120 * SECOND / AHEAD


@pytest.mark.parametrize("after", [0, 1, 59, 60, 61, 119, 120, 121, 600])
def test_what_is_due_is_given_at_its_second_and_not_before(after: int) -> None:
    watch, loans = Watch(), Loans([NOW + after * SECOND])
    for second in range(after):
        assert given(watch, loans, NOW + second * SECOND) == []
    assert given(watch, loans, NOW + after * SECOND) == [NOW + after * SECOND]
    assert given(watch, loans, NOW + (after + 1) * SECOND) == [NOW + after * SECOND], "until it is done"


def test_what_is_written_into_a_quiet_community_is_due_at_once() -> None:
    watch, loans = Watch(), Loans()
    assert given(watch, loans, NOW) == given(watch, loans, NOW) == []
    loans.waiting, loans.noted = [NOW - SECOND], today()
    assert given(watch, loans, NOW) == [NOW - SECOND]


def test_a_clock_that_jumps_finds_what_has_become_due() -> None:
    watch, loans = Watch(), Loans([NOW + timedelta(days=30), NOW + timedelta(days=31)])
    assert given(watch, loans, NOW) == []
    assert given(watch, loans, NOW + timedelta(days=30)) == [NOW + timedelta(days=30)]
