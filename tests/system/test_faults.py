"""Processes die, connections break; nothing is lost, nothing happens twice, nothing needs a restart afterwards."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.system.load import Load
from tests.system.world import Community, World, at_once, tomorrow


@pytest.mark.parametrize("point", ["uses.committed", "bookings.before_publish"])
def test_bookings_killed_between_commit_and_publish(world: World, lijing: Community, point: str) -> None:
    with Load(world, lijing) as load:
        load.reach(20)
        used = world.arm(point)
        world.until(lambda: not used.exists(), what="the kill")
        load.reach(40)
    load.verify()


def test_notifications_killed_between_effect_and_ack(world: World, lijing: Community) -> None:
    with Load(world, lijing) as load:
        load.reach(20)
        for _ in range(2):
            used = world.arm("notifications.before_ack")
            world.until(lambda used=used: not used.exists(), what="the kill")
            load.reach(20)
    load.verify()
    load.mailed()


@pytest.mark.parametrize("program", ["database", "broker"])
def test_a_killed_server_comes_back_and_nothing_is_lost(world: World, lijing: Community, program: str) -> None:
    before = {p["name"]: p["pid"] for p in world.stack.processes()}
    with Load(world, lijing) as load:
        load.reach(20)
        os.kill(_real_pid(before[program]), signal.SIGKILL)
        load.reach(60, seconds=90)
    # Without the database callers hear so, whatever they were in the middle of; without the broker they notice nothing.
    assert {failure[0] for failure in load.failures} <= ({503} if program == "database" else set()), load.failures
    load.verify()
    after = {p["name"]: p["pid"] for p in world.stack.processes()}
    assert before[program] != after[program]
    assert {n: p for n, p in before.items() if n != program} == {n: p for n, p in after.items() if n != program}


def _real_pid(pid: int) -> int:
    """The server itself, where its start script waits beside it."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text().rpartition(")")
            except OSError:
                continue
            if int(stat[2].split()[1]) == pid and "beam" in stat[0]:
                return int(entry)
    return pid


def test_commands_go_on_while_the_broker_is_down_for_20_seconds(world: World, lijing: Community) -> None:
    with Load(world, lijing, repeat=False) as load:
        load.reach(10)
        world.stack.stop("broker")
        down, made = time.monotonic(), len(load.made)
        world.until(lambda: time.monotonic() - down > 20, what="20 s without broker")
        assert len(load.made) > made + 20
        world.stack.start("broker")
        load.reach(10)
    assert not load.failures
    load.verify()


def test_without_the_database_callers_get_503_problems_and_then_their_service_again(world: World, lijing: Community) -> None:
    before = {p["name"]: p["pid"] for p in world.stack.processes() if p["name"] != "database"}
    room, resident, worker = lijing.room(), lijing.resident, lijing.worker
    asked: list[Callable[[], Any]] = [
        lambda: lijing.reserve(resident, room["id"], tomorrow(9)),
        lambda: resident.call("GET", "/lijing/rooms"),
        lambda: resident.call("GET", "/lijing/inbox"),
        lambda: worker.call("POST", "/lijing/residents/search", {"name": "王测试"}),
        lambda: worker.call("GET", "/lijing/petitions"),
    ]
    world.stack.stop("database")
    try:
        for reply in at_once(len(asked), lambda n: asked[n]()):
            assert reply.status_code == 503
            assert reply.headers["Content-Type"] == "application/problem+json"
            assert reply.json()["code"] in ("database_unavailable", "outcome_unknown", "audit_unavailable")
    finally:
        world.stack.start("database")
    world.until(lambda: lijing.reserve(resident, room["id"], tomorrow(9)).status_code in (201, 409), what="service again")
    assert {p["name"]: p["pid"] for p in world.stack.processes() if p["name"] != "database"} == before


def test_sigterm_under_load_with_two_replicas_fails_no_request(world: World, lijing: Community) -> None:
    with Load(world, lijing, repeat=False) as load:
        load.reach(20)
        for n in (0, 1):
            started = time.monotonic()
            world.stack.restart(f"bookings-{n}")
            assert time.monotonic() - started < 25
            world.until(lambda: not world.stack.not_ready(), what="the replica")
            load.reach(20)
    assert not load.failures
    load.verify()
    # Draining, each replica said what it had to say: nothing is said twice, on the wire either.
    events = Counter(e["id"] for e in world.ear.named("reservation_confirmed") if e["subject"] in load.made)
    assert set(events.values()) == {1}


def test_a_request_that_was_meant_for_another_service_is_not_answered_by_this_one(world: World, lijing: Community) -> None:
    """An address that a container leaves behind may be another service's before the edge knows."""
    meant = {"X-Linli-Service": "petitions"}
    for path in ("/readyz", "/api/v1/lijing/rooms", "/nothing"):
        reply = requests.get(world.replica("bookings") + path, headers=meant, timeout=10)
        assert (reply.status_code, reply.json()["code"], reply.headers["Retry-After"]) == (503, "service_unavailable", "1")
    assert requests.get(world.replica("petitions") + "/readyz", headers=meant, timeout=10).status_code == 200
    assert lijing.resident.call("GET", "/lijing/rooms", X_Linli_Service="petitions").status_code == 200
