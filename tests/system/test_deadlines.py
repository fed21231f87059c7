"""The public calculator, a community's own limits, and dates that follow its calendar."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.system.petitioning import deadlines, filed
from tests.system.world import SHANGHAI, Community, World


@pytest.mark.parametrize(("asked", "due", "provisional"), [
    ("rule=petition.handle&from=2026-02-02", "2026-04-03", False),
    ("rule=petition.handle&from=2026-02-02&extended=true", "2026-05-03", False),
    ("rule=petition.review_window&from=2026-09-01", "2026-10-08", False),
    ("rule=dibao.decide&from=2026-01-29", "2026-03-18", False),
    ("rule=dibao.decide_special&from=2026-01-29", "2026-04-09", False),
    ("rule=dibao.decide&from=2026-11-20", "2027-01-04", True),
])  # fmt: skip
def test_anybody_may_ask_when_something_is_due(world: World, asked: str, due: str, provisional: bool) -> None:
    found = world.api.get(f"/deadlines?{asked}")
    assert (found["due"], found["provisional"]) == (due, provisional)
    assert due in found["explanation"]["zh-CN"]
    assert due in found["explanation"]["en"]
    assert found["version"]


def test_a_question_that_cannot_be_answered_is_refused_with_its_field(world: World) -> None:
    for query, code, field in (
        ("rule=nothing&from=2026-02-02", "rule_unknown", "rule"),
        ("rule=petition.handle&from=2020-02-02", "rule_not_in_force", "rule"),
        ("rule=petition.handle&from=2026-02-30", "invalid", "from"), ("rule=petition.handle", "missing", "from"),
    ):  # fmt: skip
        reply = world.api.call("GET", f"/deadlines?{query}")
        assert reply.status_code == 422, query
        error = reply.json()["errors"][0]
        assert error["field"] == field, query
        assert code in (error["code"], "invalid", "missing"), query
    assert world.api.call("GET", "/deadlines?rule=petition.handle&from=2026-02-02&community=nowhere").status_code == 404


def test_a_community_has_limits_of_its_own_from_a_day_on_and_what_runs_keeps_its_own(world: World, lijing: Community) -> None:
    today = datetime.now(SHANGHAI).date()
    before = filed(lijing, lijing.worker)["id"]
    own: dict[str, Any] = {"name": "promise.petition", "days": 3, "since": today.isoformat(), "source": "丽景街承诺"}
    late = lijing.secretary.call("PUT", lijing.path("/rules"), {"rules": [own | {"since": "2026-01-01"}]})
    assert (late.status_code, late.json()["code"], late.json()["errors"][0]["field"]) == (422, "since_in_past", "rules.0.since")
    assert lijing.worker.call("PUT", lijing.path("/rules"), {"rules": [own]}).status_code == 403
    running = deadlines(lijing.worker.get(lijing.path(f"/petitions/{before}")))["promise"]
    lijing.secretary.call("PUT", lijing.path("/rules"), {"rules": [own]}).raise_for_status()
    try:
        found = world.api.get(f"/deadlines?rule=promise.petition&from={today}&community=lijing")
        assert found["source"] == "丽景街承诺"
        after = filed(lijing, lijing.worker)
        shown = next(d for d in after["deadlines"] if d["name"] == "promise")
        assert (shown["due"], shown["version"]) == (found["due"], f"{today}@lijing")
        assert date.fromisoformat(shown["due"]) < date.fromisoformat(running)
        assert deadlines(lijing.worker.get(lijing.path(f"/petitions/{before}")))["promise"] == running
        listed = lijing.worker.get(lijing.path("/rules"))["rules"]
        assert {(r["name"], r["region"]) for r in listed} >= {("promise.petition", ""), ("promise.petition", "lijing")}
        assert world.api.get(f"/deadlines?rule=promise.petition&from={today}&community=shengtaiyuan")["source"] != "丽景街承诺"
    finally:
        lijing.secretary.call("PUT", lijing.path("/rules"), {"rules": []}).raise_for_status()


def test_a_days_work_less_moves_what_counts_working_days_and_that_is_told(world: World, lijing: Community) -> None:
    person = lijing.register()["id"]
    made = filed(lijing, lijing.worker, petitioners=[{"resident_id": person}])
    before = deadlines(lijing.worker.get(lijing.path(f"/petitions/{made['id']}")))
    due = date.fromisoformat(before["promise"])
    lijing.secretary.call("PUT", lijing.path("/calendar"), {"working": [], "off": [due.isoformat()]}).raise_for_status()
    try:

        def now():
            return deadlines(lijing.worker.get(lijing.path(f"/petitions/{made['id']}")))

        world.until(lambda: now()["promise"] != before["promise"], what="the date to follow")
        assert timedelta(days=1) <= date.fromisoformat(now()["promise"]) - due <= timedelta(days=10)
        assert {name: day for name, day in now().items() if name != "promise"} == {
            name: day for name, day in before.items() if name != "promise"
        }
        world.until(lambda: world.heard("deadline_moved", made["id"]), what="the event")
        (moved,) = world.heard("deadline_moved", made["id"])
        assert (moved["body"]["before"], moved["body"]["due"]) == (before["promise"], now()["promise"])
        world.until(lambda: lijing.told(person, "deadline_moved"), what="the petitioner to be told")
    finally:
        lijing.secretary.call("PUT", lijing.path("/calendar"), {"working": [], "off": []}).raise_for_status()
        world.until(lambda: now() == before, what="the date to come back")
