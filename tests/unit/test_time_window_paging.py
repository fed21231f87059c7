"""Pages read by windows of time: what one query would give, in the same order, and hardly more read than is given."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.storage import time_window_paging

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


class Server:
    """Reads all that matches before it takes some of it, and counts that."""

    def __init__(self, moments: list[datetime], newest_first: bool) -> None:
        self._documents = sorted(({"_id": n, "at": at} for n, at in enumerate(moments)), key=_key)
        self._times = [document["at"] for document in self._documents]
        self._newest_first = newest_first
        self.read = self.asked = 0

    def find(self, where: dict[str, Any], size: int) -> list[dict[str, Any]]:
        """One query."""
        first, last = 0, len(self._times)
        for test, value in where.get("at", {}).items():
            place = (bisect_left if test in ("$gte", "$lt") else bisect_right)(self._times, value)
            first, last = (max(first, place), last) if test.startswith("$g") else (first, min(last, place))
        found = self._documents[first:last]
        self.read, self.asked = self.read + len(found), self.asked + 1
        return found[::-1][:size] if self._newest_first else found[:size]


def _key(document: dict[str, Any]) -> tuple[datetime, int]:
    return document["at"], document["_id"]


AROUND = st.one_of(
    st.integers(-3 * 3600, 3 * 3600), st.integers(-40 * 86400, 40 * 86400), st.integers(-30 * 365 * 86400, 30 * 365 * 86400)
)
MOMENTS = st.lists(AROUND.map(lambda seconds: NOW + timedelta(seconds=seconds)), max_size=60)
BOUNDS = st.dictionaries(
    st.sampled_from(["$gte", "$gt", "$lt", "$lte"]), AROUND.map(lambda seconds: NOW + timedelta(seconds=seconds)), max_size=2
)


@settings(max_examples=400, deadline=None)
@given(MOMENTS, st.booleans(), st.integers(1, 30), BOUNDS)
def test_a_page_is_what_one_query_gives(moments: list[datetime], newest_first: bool, size: int, asked: dict[str, Any]) -> None:
    server = Server(moments, newest_first)
    where = {"community": "lijing"} | ({"at": asked} if asked else {})
    assert time_window_paging.page(server.find, where, "at", newest_first, size, NOW) == server.find(where, size)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("apart", [timedelta(milliseconds=40), timedelta(minutes=9), timedelta(days=2)], ids=str)
def test_hardly_more_is_read_than_is_given(apart: timedelta, newest_first: bool) -> None:
    step = -1 if newest_first else 1
    server = Server([NOW + step * apart * n for n in range(20_000)], newest_first)
    given: list[Any] = []
    asked: dict[str, Any] = {}
    while len(given) < 1000:
        page = time_window_paging.page(server.find, {"at": asked}, "at", newest_first, 50, NOW)
        assert page
        given += page
        last = given[-1]["at"]
        asked = {"$lt": last} if newest_first else {"$gt": last}
    assert server.read <= 2 * len(given)
    assert server.asked <= 10 * len(given) / 50


@pytest.mark.parametrize("newest_first", [False, True])
def test_what_lies_far_from_now_is_read_page_by_page_too(newest_first: bool) -> None:
    server = Server([NOW - timedelta(minutes=29) * n for n in range(20_000)], newest_first)
    given = time_window_paging.page(server.find, {}, "at", newest_first, 50, NOW)
    server.read = 0
    for _ in range(40):
        last = given[-1]["at"]
        given += time_window_paging.page(
            server.find, {"at": {"$lt" if newest_first else "$gt": last}}, "at", newest_first, 50, NOW
        )
    assert server.read <= 2 * 40 * 50
    assert given == server.find({}, len(given))


@pytest.mark.parametrize("a_day", [2, 7])
def test_a_backlog_before_now_is_read_about_once(a_day: int) -> None:
    server = Server([NOW - timedelta(days=30) + timedelta(days=1) / a_day * n for n in range(90 * a_day)], newest_first=False)
    for size in (50, 51, 52, 200):
        server.read = 0
        assert len(time_window_paging.page(server.find, {}, "at", False, size, NOW)) == min(size, 90 * a_day)
        assert server.read <= 2 * size, size


def test_one_far_away_among_many_wanted_overflows_nothing() -> None:
    server = Server([NOW, NOW.replace(year=8000)], newest_first=False)
    assert len(time_window_paging.page(server.find, {}, "at", False, 10_000, NOW)) == 2


def test_an_empty_list_takes_few_questions() -> None:
    server = Server([], newest_first=False)
    assert time_window_paging.page(server.find, {}, "at", False, 50, NOW) == []
    assert server.asked <= 25
