"""What the operator types, on a running system."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.services import SERVICES
from tests.system.world import World, free_ports


def test_status_shows_every_process_and_is_0_only_when_all_is_ready(world: World) -> None:
    shown = world.linli("status", "--json")
    rows = {row["name"]: row for row in json.loads(shown.stdout)}
    assert shown.returncode == 0
    assert rows.keys() >= {"broker", "database", "edge", "mail", "residents-0", "bookings-0", "bookings-1", "notifications-0"}
    assert {row["ready"] for row in rows.values()} == {"yes"}
    world.stack.stop("bookings-1")
    try:
        assert world.linli("status").returncode == 1
    finally:
        world.stack.start("bookings-1")
        world.until(lambda: world.linli("status").returncode == 0, what="all to be ready")


def test_one_service_runs_in_a_terminal_in_the_place_of_its_replicas(world: World) -> None:
    shown, resident = world.here.path("foreground.log"), world.lijing.resident
    command = [sys.executable, "-m", "ops", "--dir", str(world.here.folder), "foreground", "bookings"]

    def states(*names: str) -> set[str]:
        return {process["state"] for process in world.stack.processes() if process["name"] in names}

    with (
        shown.open("w") as out,
        subprocess.Popen(command, env=world.here.environ, stdout=out, stderr=out, start_new_session=True) as terminal,
    ):
        try:
            world.until(lambda: states("bookings-0", "bookings-1") == {"stopped"}, what="the replicas to stop")
            world.until(lambda: world.metric("bookings", "linli_inbox_taken") < 1, what="the service in the terminal")
            world.until(lambda: resident.call("GET", "/lijing/rooms").ok, what="the edge to find it")
            assert states("bookings-0", "bookings-1") == {"stopped"}
        finally:
            os.killpg(terminal.pid, signal.SIGINT)  # as Ctrl-C does: everybody in the terminal gets it
    assert terminal.returncode == 0
    assert "drained" in shown.read_text()
    world.until(lambda: not world.stack.not_ready(), what="the replicas again")


def test_everything_listens_on_loopback_alone(world: World) -> None:
    mine = set[str]()
    for process in _family({process["pid"] for process in world.stack.processes()}):
        for fd in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                mine.add(os.readlink(fd).removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    listening = {row[1].rpartition(":")[0] for row in rows if row[3] == "0A" and row[9] in mine}
    # 127.0.0.1 and ::1, as the kernel writes them.
    assert listening <= {"0100007F", "00000000000000000000000001000000"}
    assert len([row for row in rows if row[3] == "0A" and row[9] in mine]) >= len(SERVICES) + 4


def _family(pids: set[int]) -> set[int]:
    """These processes and all that they started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    while more := {pid for pid, parent in parents.items() if parent in pids} - pids:
        pids = pids | more
    return pids


def test_demo_plays_the_main_job_with_ids_and_latencies(world: World) -> None:
    played = world.linli("demo")
    assert played.returncode == 0, played.stdout + played.stderr
    steps = re.findall(r"(event [0-9a-f-]{36}|no event that outsiders hear) · \d+ ms", played.stdout)
    assert len(steps) == 6
    assert sum(step.startswith("event") for step in steps) >= 2
    world.settle()


def test_communities_are_added_and_listed(world: World) -> None:
    facts = ("--name", "命令社区", "--district", "离石区", "--street", "凤山街道")
    (made,) = json.loads(world.linli("communities", "add", "typed", *facts, "--json").stdout)
    assert (made["slug"], made["timezone"]) == ("typed", "Asia/Shanghai")
    listed = json.loads(world.linli("communities", "list", "--json").stdout)
    assert {"typed", "lijing", "shengtaiyuan"} <= {one["slug"] for one in listed}
    assert "命令社区" in world.linli("communities", "list").stdout
    again = world.linli("communities", "add", "typed", *facts)
    assert (again.returncode, "slug_taken" in again.stderr) == (1, True)


def test_outbox_shows_what_waits(world: World) -> None:
    world.settle()
    shown = world.linli("outbox", "--json")
    assert shown.returncode == 0
    assert not [row for row in json.loads(shown.stdout) if row.get("events")]


@pytest.mark.parametrize("command", [("demo",), ("communities", "list"), ("parked", "list"), ("outbox",)])
def test_without_an_installation_one_line_says_what_to_do(tmp_path: Path, command: tuple[str, ...]) -> None:
    shown = _elsewhere(tmp_path, {}, *command)
    assert shown.returncode == 1
    assert "make up" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_busy_ports_are_named_and_nothing_is_started(world: World, tmp_path: Path) -> None:
    taken = {name: value for name, value in world.here.environ.items() if name.startswith("LINLI_") and name.endswith("_PORT")}
    taken["LINLI_SMTP_PORT"] = str(free_ports(1)[0])
    shown = _elsewhere(tmp_path, taken, "up")
    assert shown.returncode == 1
    assert f"port {taken['LINLI_EDGE_PORT']} is in use: set LINLI_EDGE_PORT" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert _elsewhere(tmp_path, taken, "status").returncode == 1


def _elsewhere(folder: Path, settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ops", "--dir", str(folder / "run"), *arguments]
    environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), **settings}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ, check=False)


def test_a_service_that_starts_leaves_nothing_to_migrate(world: World) -> None:
    shown = world.linli("migrate", "status", "--json")
    rows = json.loads(shown.stdout)
    assert {row["state"] for row in rows} == {"there"}, [row for row in rows if row["state"] != "there"]
    assert shown.returncode == 0
    assert {row["service"] for row in rows} == set(SERVICES)
    for service in SERVICES:  # and none that the command does not know of
        known = {(row["collection"], row["index"]) for row in rows if row["service"] == service}
        database = world.mongo[service]
        for name in database.list_collection_names():
            assert {(name, index) for index in database[name].index_information()} - {(name, "_id_")} <= known
    assert "done: 0" in world.linli("migrate", "run").stdout


def test_what_lies_in_the_installation_is_for_its_owner_alone(world: World) -> None:
    assert world.here.folder.stat().st_mode & 0o777 == 0o700
    written = [path for part in ("database", "mail", "env") for path in (world.here.folder / part).rglob("*")]
    written += [world.here.folder / "logs" / f"{process['name']}.log" for process in world.stack.processes()]
    assert len(written) > 10
    open_to_others = {path for path in written if path.is_file() and path.stat().st_mode & 0o077}
    assert {path.name for path in open_to_others} <= {"users-created"}, open_to_others  # nothing in it
