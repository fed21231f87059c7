"""The compose file as it is shipped, under a real engine."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from ops.client import until
from tests.containers.project import Project
from tests.system.world import tomorrow


def test_everything_is_healthy_and_the_operator_comes_in(project: Project) -> None:
    assert project.well, project.states()
    operator = project.operator()
    facts = {"slug": "typed", "name": "社区", "district": "离石区", "street": "凤山街道"}
    made = project.engine.inside(lambda: operator.post("/communities", facts))
    assert made["slug"] == "typed"


def test_the_edge_reaches_services_and_nothing_behind_them(project: Project) -> None:
    def found(name: str) -> bool:
        """Whether the edge's name server knows of it. (nslookup ends with 0 either way.)"""
        return "Name:" in project.compose("exec", "-T", "edge", "nslookup", "-type=a", name, "127.0.0.11", check=False)

    assert {name for name in ("bookings", "residents", "mongo", "rabbitmq", "mail") if found(name)} == {"bookings", "residents"}


def test_no_container_may_fill_the_machine(project: Project) -> None:
    ids = project.compose("ps", "--all", "--quiet").split()
    about = json.loads(project.engine.run("docker", "inspect", *ids).stdout)
    for container in about:
        name, host = container["Name"], container["HostConfig"]
        assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}, name
        if not any(part in name for part in ("mongo-users", "mail", "migrate")):
            assert host["Memory"] >= 256 * 2**20, name
            assert not container["State"]["OOMKilled"], name


def test_the_operators_command_runs_in_a_container(project: Project) -> None:
    linli = project.ops
    people = ("--secretary", "书记", "+8613700000101", "--street-officer", "干部", "+8613700000102")
    facts = ("--name", "社区", "--district", "离石区", "--street", "凤山街道")
    made = json.loads(linli("communities", "add", "inside", *facts, *people, "--json"))
    assert made[0]["slug"] == "inside"
    assert "inside" in {one["slug"] for one in json.loads(linli("communities", "list", "--json"))}
    assert json.loads(linli("parked", "list", "--json")) == []
    until(lambda: json.loads(linli("outbox", "--json")) == [], 30, "every outbox to be empty")
    assert {row["finding"] for row in json.loads(linli("audit", "verify", "--json"))} <= {"whole", "empty"}


def test_somebody_is_asked_in_by_text_books_a_room_and_is_told_by_mail(project: Project) -> None:
    operator, inside = project.operator(), project.engine.inside
    facts = {"slug": "lijing", "name": "丽景街社区", "district": "离石区", "street": "滨河街道"}
    inside(lambda: operator.post("/communities", facts))
    people = {
        "secretary": {"name": "书记", "phone": "+8613700000201"},
        "street_officer": {"name": "干部", "phone": "+8613700000202"},
    }
    inside(lambda: operator.post("/communities/lijing/first-people", people))
    secretary = project.enter("+8613700000201")
    hours = {day: [["08:00", "22:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    asked = {"name": "多功能厅", "use": "meeting", "capacity": 10, "hours": hours, "slot": 60}
    room = inside(lambda: secretary.post("/lijing/rooms", asked))["id"]
    who = {"name": "李测试", "phone": "+8613700000203", "email": "li@lijing.example", "consent": True}
    inside(lambda: secretary.post("/lijing/residents", who))
    resident = project.enter(who["phone"])
    start = tomorrow(10)
    end = start + timedelta(hours=1)
    body = {"room_id": room, "start": start.isoformat(), "end": end.isoformat(), "purpose": "排练"}
    inside(lambda: resident.post("/lijing/reservations", body))
    told = until(lambda: [mail for mail in project.mails() if who["email"] in str(mail)], 30, "the mail")
    assert "多功能厅" in str(told)
    assert inside(lambda: resident.get("/lijing/inbox"))["items"][0]["template"] == "reservation_confirmed"


STOCK = """
import json
from nameko.events import event_handler

class Outsider:
    name = "garden"

    @event_handler("bookings", "reservation_confirmed")
    def hear(self, payload):
        print("heard", payload["reservation_id"], flush=True)
"""


def test_a_stock_nameko_service_of_somebody_else_hears_what_is_booked(project: Project, tmp_path: Path) -> None:
    engine, inside = project.engine, project.engine.inside
    (tmp_path / "outsider.py").write_text(STOCK)
    password = project.secrets["amqp"]["garden"]
    (tmp_path / "config.yaml").write_text(f"AMQP_URI: amqp://garden:{password}@rabbitmq//\n")
    tmp_path.chmod(0o755)
    image = f"linli-bookings:{project.tag}"
    run = ["docker", "run", "--detach", "--rm", "--network", f"{project.name}_back", "--volume", f"{tmp_path}:/outside:ro"]
    nameko = ["--workdir", "/outside", image, "nameko", "run", "--config", "config.yaml", "outsider"]
    container = engine.run(*run, *nameko).stdout.strip()
    queue = "evt-bookings-reservation_confirmed--garden.hear"
    try:
        asked = f"rabbitmqctl -q list_queues name consumers | grep -q '{queue}.*1'"
        until(
            lambda: project.compose("exec", "-T", "rabbitmq", "sh", "-c", f"{asked} && echo yes", check=False),
            60,
            "it to listen",
        )
        secretary = project.enter("+8613700000202")
        rooms = inside(lambda: secretary.get("/lijing/rooms"))["items"]
        start = tomorrow(14)
        body = {"room_id": rooms[0]["id"], "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
        resident = project.people["+8613700000203"]
        made = inside(lambda: resident.post("/lijing/reservations", body | {"purpose": "排练"}))["id"]
        until(lambda: f"heard {made}" in engine.run("docker", "logs", container).stdout, 30, "it to hear")
    finally:
        engine.run("docker", "kill", container)


def test_a_parked_message_is_there_after_forty_looks_and_goes_back(project: Project) -> None:
    linli = project.ops
    broken = (
        "import amqp, os; c = amqp.Connection('rabbitmq:5672', userid='notifications', password=os.environ['P']); c.connect();"
        "c.channel().basic_publish(amqp.Message(b'{', content_type='application/json', delivery_mode=2, message_id='broken-1'),"
        " exchange='notifications.retry', routing_key='inbox'); c.close()"
    )
    secret = project.secrets["amqp"]["notifications"]
    project.compose("exec", "-T", "-e", f"P={secret}", "notifications", "python", "-c", broken)
    until(lambda: "broken-1" in linli("parked", "list", "--json"), 30, "it to be parked")
    looks = "for n in $(seq 40); do python -m ops parked list --json >/tmp/seen || exit 1; done; cat /tmp/seen"
    assert "broken-1" in project.compose("run", "--rm", "-T", "ops", "sh", "-c", looks)
    assert "sent back: 1" in linli("parked", "replay", "broken-1")
    until(lambda: "broken-1" in linli("parked", "list", "--json"), 30, "it to be parked again")
    assert "dropped: 1" in linli("parked", "drop", "--yes", "broken-1")


def test_a_third_replica_gets_its_share_and_a_killed_one_nothing(project: Project) -> None:
    def replies() -> Counter[int]:
        """What many calls get; 401 is somebody's answer."""
        return Counter(project.edge.call("GET", "/_/rooms").status_code for _ in range(50))

    project.compose("up", "--detach", "--no-recreate", "--scale", "bookings=3", "--wait", "--wait-timeout", "120")
    upstreams = "LINLI_BOOKINGS_UPSTREAMS"
    until(lambda: project.edge_sees(upstreams) == 3, 20, "the edge to see the third")
    assert project.engine.inside(replies) == {401: 50}
    project.engine.run("docker", "kill", project.container("bookings", 2))
    assert project.engine.inside(replies) == {401: 50}
    project.compose("up", "--detach", "--no-recreate", "--scale", "bookings=2", "--wait", "--wait-timeout", "120")
    until(lambda: project.edge_sees(upstreams) == 2, 20, "the edge to see two")
    assert project.engine.inside(replies) == {401: 50}


def test_a_service_that_waits_for_the_broker_ends_when_it_is_told_to(project: Project) -> None:
    project.compose("stop", "rabbitmq")
    try:
        project.compose("restart", "--no-deps", "notifications")
        began = time.monotonic()
        project.compose("stop", "notifications")
        assert time.monotonic() - began < 10
    finally:
        project.compose("up", "--detach", "--wait", "--wait-timeout", "180")


def test_lost_secrets_are_not_replaced_while_there_is_data(project: Project) -> None:
    written = project.folder / "deploy" / "compose"
    kept = project.kept / "secrets" / "secrets.json"
    before = project.secrets
    away = kept.rename(kept.with_suffix(".away"))
    copy = (written / "secrets.json").rename(written / "secrets.away")
    try:
        with pytest.raises(RuntimeError, match="tried_mongo"):
            project.deploy()
        assert not kept.exists()
    finally:
        away.rename(kept)
        copy.unlink()
    shutil.rmtree(written)  # as git clean does
    project.deploy()
    assert project.secrets == before
    project.compose("up", "--detach", "--wait", "--wait-timeout", "180")


def test_all_of_it_comes_back_when_the_engine_was_restarted(project: Project) -> None:
    engine = project.engine
    engine.stop()
    engine.start()
    until(lambda: project.well, 120, "all to be healthy again")
    operator = project.operator()
    slugs = {one["slug"] for one in engine.inside(lambda: operator.pages("/communities"))}
    assert {"typed", "inside", "lijing"} <= slugs
