"""100,000 petitions in one community: no question examines more than twice the documents that it gives to who asks."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.large import Ground
from tests.bench.petitions import COUNT, Asked, populate


@pytest.fixture(scope="module")
def asked(database: Any) -> Iterator[Asked]:
    ground = Ground(database.uri, f"many_{uuid.uuid4().hex[:8]}")
    yield Asked(ground, populate(ground))


@pytest.mark.parametrize("question", Asked.ALL)
def test_an_index_gives_every_list_in_its_order(asked: Asked, question: str) -> None:
    assert getattr(asked, question)() > 0
    assert asked.to_be_sorted() == []


@pytest.mark.parametrize("question", Asked.ALL)
def test_a_question_examines_at_most_twice_what_it_gives(asked: Asked, question: str) -> None:
    asked.forget()
    given = getattr(asked, question)()
    assert 0 < asked.examined() <= 2 * given


def test_the_agenda_is_read_to_its_end_page_by_page_examining_each_case_about_once(asked: Asked) -> None:
    asked.forget()
    dues = list(asked.whole_agenda())
    assert dues == sorted(dues) and len(dues) == COUNT // 10 + 1
    assert asked.examined() <= 2 * len(dues)
