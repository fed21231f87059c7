"""What an error leaves in the log: where it happened, and what it quotes only for a developer who asked for it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from shared import telemetry


def failed() -> ValueError:
    try:
        int("a resident's phone")
    except ValueError as error:
        return error
    raise AssertionError


@pytest.fixture
def restored() -> Iterator[None]:
    yield
    telemetry.configure("tests", "warning")


@pytest.mark.usefixtures("restored")
def test_an_error_is_logged_by_where_it_happened_alone(capfd: pytest.CaptureFixture[str]) -> None:
    telemetry.configure("bookings", "info")
    telemetry.log("http").error("failed", where=telemetry.where(failed()))
    (line,) = capfd.readouterr().out.splitlines()
    assert "phone" not in line
    assert json.loads(line)["where"][-1].endswith("failed")


@pytest.mark.usefixtures("restored")
def test_a_developer_sees_it_whole_and_is_told_so_at_the_start(capfd: pytest.CaptureFixture[str]) -> None:
    telemetry.configure("bookings", "info", shows_exceptions=True)
    telemetry.log("http").error("failed", where=telemetry.where(failed()))
    warned, line = capfd.readouterr().out.splitlines()
    assert json.loads(warned)["event"] == "exceptions_are_shown"
    assert "a resident's phone" in json.loads(line)["where"][-1]
    # What goes on to the broker with a parked message never says it.
    assert "phone" not in str(telemetry.frames(failed()))
