"""A large community: every question reads what it returns. LINLI_SCALE=1 makes it as large as a district's largest."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.large import Ground, Questions, Size, populate, queue_of


@pytest.fixture(scope="module")
def questions(database: Any) -> Iterator[Questions]:
    ground = Ground(database.uri, f"large_{uuid.uuid4().hex[:8]}")
    asked = Questions(ground, "large")
    populate(ground, "large", Size().times(float(os.environ.get("LINLI_SCALE", "0.02"))))
    queue_of(ground, "large", 300)
    yield asked


@pytest.mark.parametrize("name", Questions.ALL)
def test_a_question_examines_at_most_twice_what_it_returns(questions: Questions, name: str) -> None:
    assert getattr(questions, name)() > 0
    reads = questions.examined(name)
    assert reads
    assert [line for backend in questions.ground.backends for line in backend.to_be_sorted()] == []
    examined, returned = (sum(pair[n] for pair in reads) for n in (0, 1))
    assert examined <= 2 * max(returned, 1), reads
