"""When a replica may be asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from shared.entrypoints.server import Application


@pytest.mark.parametrize(("inbox", "draining", "status"), [
    (None, False, 200),
    (SimpleNamespace(bound=False), False, 503),
    (SimpleNamespace(bound=True), False, 200),
    (SimpleNamespace(bound=True), True, 503),
])  # fmt: skip
def test_a_replica_is_ready_once_it_hears_what_is_said_and_until_it_drains(inbox: Any, draining: bool, status: int) -> None:
    application = Application.__new__(Application)
    application._platform = SimpleNamespace(inbox=inbox, draining=draining)  # type: ignore[assignment]
    assert application._probe("/readyz")[0] == status
    assert application._probe("/livez")[0] == 200
