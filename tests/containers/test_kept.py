"""What is kept: a backup and the system that is made of it, secrets made anew, one release after the other and back."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.client import Client, until
from ops.services import RECORDS
from tests.containers.engine import Engine
from tests.containers.project import Project, clone, fill

PREVIOUS = "359c45f"  # the release before this one
PASSPHRASE = {"LINLI_BACKUP_PASSPHRASE": "long enough to be kept elsewhere"}


def test_a_backup_becomes_another_system_under_another_name(engine: Engine, project: Project, tmp_path: Path) -> None:
    project.open("before")
    project.ops("backup", "/backups", **PASSPHRASE)
    project.open("after")
    second = clone(engine, tmp_path / "elsewhere", name="elsewhere", port=8090)
    second.kept.mkdir()
    (project.kept / "backups").rename(second.kept / "backups")
    try:
        second.down()
        second.deploy("--secrets-of", str(second.kept / "backups"), **PASSPHRASE)
        second.compose("up", "--build", "--detach", "--wait", "--wait-timeout", "180", "rabbitmq", "mongo")
        second.compose("up", "--exit-code-from", "mongo-users", "mongo-users")
        restored = second.ops("restore", "/backups")
        assert "restored" in restored
        second.start()
        assert second.slugs == project.slugs - {"after"}
        assert {row["finding"] for row in json.loads(second.ops("audit", "verify", "--json"))} <= {"whole", "empty"}
        until(lambda: json.loads(second.ops("outbox", "--json")) == [], 30, "every outbox to be empty")
        second.open("elsewhere")  # a system of its own
        assert "elsewhere" not in project.slugs
    finally:
        second.down()


def test_secrets_are_made_anew_one_service_at_a_time(project: Project) -> None:
    before = project.secrets
    project.deploy("--rotate", "amqp.bookings", "--rotate", "mongo.bookings", "--rotate", "services.residents")
    assert project.secrets["mongo"]["bookings"] != before["mongo"]["bookings"]
    project.compose("restart", "rabbitmq")
    project.compose("up", "--detach", "--force-recreate", "--wait", "--wait-timeout", "240", "mongo-users", "bookings")
    project.start()
    project.open("rotated")
    assert project.engine.inside(lambda: project.edge.call("GET", "/_/rooms")).status_code == 401
    with pytest.raises(RuntimeError, match="cannot be made anew"):
        project.deploy("--rotate", "master.bookings")


class Calls:
    """Somebody who asks all the while: what the answers were."""

    def __init__(self, project: Project) -> None:
        self.statuses: Counter[int] = Counter()
        self._project, self._over = project, threading.Event()
        self.longest = 0.0

    @contextmanager
    def asked(self) -> Iterator[None]:
        asking = threading.Thread(target=self._ask)
        asking.start()
        try:
            yield
        finally:
            self._over.set()
            asking.join(60)

    def _ask(self) -> None:
        client, since = Client(self._project.edge.base_url, timeout=5), time.monotonic()
        while not self._over.wait(0.2):
            try:
                status = self._project.engine.inside(lambda: client.call("GET", "/_/rooms")).status_code
            except OSError:
                status = 0
            self.statuses[status] += 1
            if status == 401:
                self.longest, since = max(self.longest, time.monotonic() - since), time.monotonic()


def test_replicas_of_a_new_release_come_beside_those_of_the_old(project: Project) -> None:
    """One service after the other: new replicas first, then the old ones go."""
    names = ("residents", "bookings", "petitions", "notifications", "ops")
    for name in names:
        project.engine.run("docker", "tag", f"linli-{name}:{project.tag}", f"linli-{name}:newer")
    project.tag = "newer"
    project.deploy()
    project.ops("migrate", "run")
    calls = Calls(project)
    with calls.asked():
        for name in names[:-1]:
            there = RECORDS[name].replicas
            # Those of before stay at first; then they are what is too many.
            for count, how in ((2 * there, ["--no-recreate"]), (there, [])):
                scale = ("--no-deps", *how, "--scale", f"{name}={count}")
                project.compose("up", "--detach", "--wait", "--wait-timeout", "120", *scale, name)
                until(
                    lambda c=count, n=name: project.edge_sees(f"LINLI_{n.upper()}_UPSTREAMS") == c, 30, "the edge to see them"
                )
    print(f"one service after the other: {dict(calls.statuses)}")
    assert set(calls.statuses) == {401}
    ids = project.compose("ps", "--quiet", *names[:-1]).split()
    images = project.engine.run("docker", "inspect", "-f", "{{.Config.Image}}", *ids).stdout.split()
    assert set(images) == {f"linli-{name}:newer" for name in names[:-1]}
    project.open("newer")


def test_one_release_comes_after_the_other_and_back(engine: Engine, tmp_path: Path) -> None:
    older = clone(engine, tmp_path / "town", commit=PREVIOUS, name="town", port=8100)
    older.up()
    try:
        older.open("of-before")
        calls = Calls(older)
        fill(older.folder)
        older.deploy()
        with calls.asked():
            older.start()
        print(f"upgrade: {dict(calls.statuses)}, without an answer for {calls.longest:.1f} s at most")
        assert calls.longest < 60
        assert older.slugs == {"of-before"}
        assert json.loads(older.ops("migrate", "status", "--json"))
        older.open("of-after")
        fill(older.folder, PREVIOUS)
        older.deploy()
        older.start("--remove-orphans")
        assert older.slugs == {"of-before", "of-after"}
        older.open("of-before-again")
    finally:
        older.down()
