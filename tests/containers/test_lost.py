"""What is lost at night: the broker, the database, the disk. Nothing that was acknowledged goes with it."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from ops.client import until
from tests.containers.project import Project


def pid(project: Project, service: str) -> int:
    """The container's first process, as this machine sees it."""
    shown = project.engine.run("docker", "inspect", "-f", "{{.State.Pid}}", project.container(service)).stdout
    return int(shown)


def test_a_broker_and_a_database_that_die_come_back_by_themselves(project: Project) -> None:
    project.open("before-they-died")
    for service in ("rabbitmq", "mongo"):
        died = pid(project, service)
        os.kill(died, signal.SIGKILL)
        until(lambda service=service, died=died: pid(project, service) not in (0, died), 60, f"{service} to be started again")
    began = time.monotonic()
    until(lambda: project.well, 120, "all to be healthy again")
    print(f"broker and database killed: healthy again after {time.monotonic() - began:.0f} s")
    assert "before-they-died" in project.slugs
    project.open("after-they-died")
    until(lambda: json.loads(project.ops("outbox", "--json")) == [], 60, "every outbox to be empty")


def test_a_database_that_comes_back_under_another_address_is_found(project: Project) -> None:
    """As after a start of the machine: the engine gives each container the next address that is free."""
    engine, network, container = project.engine, f"{project.name}_back", project.container("mongo")

    def address() -> str:
        of = f'{{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}'
        return engine.run("docker", "inspect", "-f", of, container).stdout.strip()

    before = address()
    engine.run("docker", "network", "disconnect", network, container)
    image = f"linli-ops:{project.tag}"
    placed = engine.run("docker", "run", "--detach", "--rm", "--network", network, image, "sleep", "120").stdout.strip()
    try:
        engine.run("docker", "network", "connect", "--alias", "mongo", network, container)
        assert address() != before
        began = time.monotonic()
        project.open("under-another-address")
        print(f"the database under another address: found after {time.monotonic() - began:.0f} s")
    finally:
        engine.run("docker", "kill", placed)


def test_a_broker_whose_disk_is_full_takes_nothing_and_commands_go_on(project: Project) -> None:
    def limit(size: str) -> None:
        project.compose("exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "set_disk_free_limit", size)

    limit("100000GB")
    try:
        for n in range(3):
            project.open(f"on-a-full-disk-{n}")
        waiting = json.loads(project.ops("outbox", "--json"))
        assert {row["service"] for row in waiting} == {"residents"}
    finally:
        limit("1GB")
    until(lambda: json.loads(project.ops("outbox", "--json")) == [], 90, "what waited to be said")
    assert {"on-a-full-disk-0", "on-a-full-disk-2"} <= project.slugs


def test_whoever_asks_nothing_costs_little(project: Project) -> None:
    """Health checks looked each few seconds by starting a program, and took two thirds of a core."""
    names = [name for name, state in project.states().items() if state.startswith("running")]

    def spent() -> float:
        shown = project.engine.run("docker", "inspect", "-f", "{{.Id}}", *names).stdout.split()
        return sum(_seconds(id) for id in shown)

    before, began = spent(), time.monotonic()
    while time.monotonic() - began < 20:
        time.sleep(1)
    share = (spent() - before) / (time.monotonic() - began)
    print(f"nobody asks: {share:.0%} of a core in {len(names)} containers")
    assert share < 0.6


def _seconds(container: str) -> float:
    """The CPU time that a container has taken, its health checks among it."""
    unified = Path("/sys/fs/cgroup/docker") / container / "cpu.stat"
    if unified.exists():
        return int(dict(line.split() for line in unified.read_text().splitlines())["usage_usec"]) / 1e6
    return int(Path(f"/sys/fs/cgroup/cpuacct/docker/{container}/cpuacct.usage").read_text()) / 1e9
