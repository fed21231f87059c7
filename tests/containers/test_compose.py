"""The compose file as it is shipped, under a real engine."""

from __future__ import annotations

import json
import time
from collections import Counter

from ops.client import Client, until
from tests.containers.project import Project


def test_everything_is_healthy_and_the_operator_comes_in(project: Project) -> None:
    states = project.states()
    assert {state for name, state in states.items() if "mongo-users" not in name} == {"running healthy"}, states
    operator = project.operator()
    facts = {"slug": "typed", "name": "社区", "district": "离石区", "street": "凤山街道"}
    made = project.engine.inside(lambda: operator.post("/communities", facts))
    assert made["slug"] == "typed"


def test_the_operators_command_runs_in_a_container(project: Project) -> None:
    def linli(*arguments: str) -> str:
        return project.compose("run", "--rm", "-T", "ops", "linli", *arguments)

    project.compose("build", "-q", "ops")
    people = ("--secretary", "书记", "+8613700000101", "--street-officer", "干部", "+8613700000102")
    facts = ("--name", "社区", "--district", "离石区", "--street", "凤山街道")
    made = json.loads(linli("communities", "add", "inside", *facts, *people, "--json"))
    assert made[0]["slug"] == "inside"
    assert "inside" in {one["slug"] for one in json.loads(linli("communities", "list", "--json"))}
    assert json.loads(linli("parked", "list", "--json")) == []
    until(lambda: json.loads(linli("outbox", "--json")) == [], 30, "every outbox to be empty")
    assert {row["finding"] for row in json.loads(linli("audit", "verify", "--json"))} <= {"whole", "empty"}


def test_a_third_replica_gets_its_share_and_a_killed_one_nothing(project: Project) -> None:
    edge = Client("http://127.0.0.1:8080")

    def replies() -> Counter[int]:
        """What many calls get; 401 is somebody's answer."""
        return Counter(edge.call("GET", "/_/rooms").status_code for _ in range(50))

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
