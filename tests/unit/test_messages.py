"""What people are told: every event of the table, in both languages, from its kept sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.notifications.deliveries.domain import OF_ACCOUNTS
from services.notifications.deliveries.rules.audience import TOLD, tellings
from services.notifications.deliveries.rules.cases import TOLD_OF_CASES
from services.notifications.templates.rules import wording
from shared.broker.envelope import decode
from shared.events import bookings
from shared.events.base import Event

SAMPLES = Path(__file__).resolve().parents[1] / "contracts" / "samples"
SENSITIVE = ("咨询", "低保", "评估", "残疾", "counsel", "assessment", "health")


def _said(event: type[Event]) -> Event:
    return decode(event, (SAMPLES / f"{event.name}.json").read_bytes())


def _told(event: type[Event]) -> list[tuple[str, dict[str, Any]]]:
    """(template, parameters) of everything that is told of an event, whoever is."""
    if event in TOLD:
        told = tellings(_said(event))
        assert told
        return [(template, params) for _, template, params in told]
    events = _said(event)
    return [(telling.template, telling.params(events)) for telling in TOLD_OF_CASES[event]]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("event", [*TOLD, *TOLD_OF_CASES], ids=lambda event: event.name)
def test_what_is_told_of_an_event_can_be_read(event: type[Event], language: str) -> None:
    for template, params in _told(event):
        for text in wording.TEXTS[template][language]:
            wording.check(template, language, text)
            read = wording.render(text, params, language)
            assert read
            assert "{" not in read
            assert "None" not in read
            assert not any(word in read.lower() for word in SENSITIVE)


def test_every_template_is_told_of_something() -> None:
    used = {"child_left_alone", "appointment_confirmed", "child_still_here", "quiet_news", *OF_ACCOUNTS}
    assert {template for event in (*TOLD, *TOLD_OF_CASES) for template, _ in _told(event)} | used == set(wording.TEXTS)


def test_an_appointment_beyond_office_hours_says_so() -> None:
    sample = json.loads((SAMPLES / "place_taken.json").read_text()) | {"kind": "counter"}
    for extended, end in ((True, "(延时)。"), (False, "。")):
        events = decode(bookings.PlaceTaken, json.dumps(sample | {"extended": extended}).encode())
        ((_, template, params),) = tellings(events)
        texts = {language: wording.render(text[1], params, language) for language, text in wording.TEXTS[template].items()}
        assert texts["zh-CN"].endswith(end)
        assert ("延时" in texts["zh-CN"], "extended hours" in texts["en"]) == (extended, extended)
        # What was told before there was such a word is still read.
        assert wording.render(wording.TEXTS[template]["en"][1], {"start": params["start"], "end": params["end"]}, "en")


def test_a_message_says_the_wall_clock_and_never_a_childs_name() -> None:
    params = {"at": "2026-11-23T16:31:00+08:00"}
    assert wording.render(wording.TEXTS["child_signed_in"]["zh-CN"][1], params, "zh-CN") == "您的孩子已于16:31签到。"
    assert wording.render(wording.TEXTS["child_signed_in"]["en"][1], params, "en") == "Your child signed in at 16:31."
