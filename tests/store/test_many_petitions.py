"""100,000 petitions in one community: no question examines more than twice the documents that it returns."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.large import Ground
from tests.bench.petitions import Asked, populate


@pytest.fixture(scope="module")
def asked(database: Any) -> Iterator[Asked]:
    ground = Ground(database.uri, f"many_{uuid.uuid4().hex[:8]}")
    yield Asked(ground, populate(ground))


@pytest.mark.parametrize("question", Asked.ALL)
def test_an_index_gives_every_list_in_its_order(asked: Asked, question: str) -> None:
    assert getattr(asked, question)() > 0
    assert asked.to_be_sorted() == []


# The newest ones are the community's whole list, page by page: what matches is all of it.
@pytest.mark.parametrize("question", [q for q in Asked.ALL if q != "newest"])
def test_a_question_examines_at_most_twice_what_it_returns(asked: Asked, question: str) -> None:
    asked.forget()
    assert getattr(asked, question)() > 0
    examined, returned = asked.examined()
    assert 0 < examined <= 2 * returned
