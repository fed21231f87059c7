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
from tests.containers.engine import Engine
from tests.containers.project import Project, clone, fill

PREVIOUS = "359c45f"  # the release before this one
PASSPHRASE = {"LINLI_BACKUP_PASSPHRASE": "long enough to be kept elsewhere"}


def opened(project: Project, slug: str) -> None:
    operator = project.operator()
    facts = {"slug": slug, "name": "社区", "district": "离石区", "street": "凤山街道"}
    project.engine.inside(lambda: operator.post("/communities", facts))


def slugs(project: Project) -> set[str]:
    operator = project.operator()
    return {one["slug"] for one in project.engine.inside(lambda: operator.pages("/communities"))}


def test_a_backup_becomes_another_system_under_another_name(engine: Engine, project: Project, tmp_path: Path) -> None:
    opened(project, "before")
    project.ops("backup", "/backups", **PASSPHRASE)
    opened(project, "after")
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
        assert slugs(second) == slugs(project) - {"after"}
        assert {row["finding"] for row in json.loads(second.ops("audit", "verify", "--json"))} <= {"whole", "empty"}
        until(lambda: json.loads(second.ops("outbox", "--json")) == [], 30, "every outbox to be empty")
        opened(second, "elsewhere")  # a system of its own
        assert "elsewhere" not in slugs(project)
    finally:
        second.down()


def test_secrets_are_made_anew_one_service_at_a_time(project: Project) -> None:
    before = project.secrets
    project.deploy("--rotate", "amqp.bookings", "--rotate", "mongo.bookings", "--rotate", "services.residents")
    assert project.secrets["mongo"]["bookings"] != before["mongo"]["bookings"]
    project.compose("restart", "rabbitmq")
    project.compose("up", "--detach", "--force-recreate", "--wait", "--wait-timeout", "240", "mongo-users", "bookings")
    project.start()
    opened(project, "rotated")
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


def test_one_release_comes_after_the_other_and_back(engine: Engine, tmp_path: Path) -> None:
    older = clone(engine, tmp_path / "town", commit=PREVIOUS, name="town", port=8100)
    older.up()
    try:
        opened(older, "of-before")
        calls = Calls(older)
        fill(older.folder)
        older.deploy()
        with calls.asked():
            older.start()
        print(f"upgrade: {dict(calls.statuses)}, without an answer for {calls.longest:.1f} s at most")
        assert calls.longest < 60
        assert slugs(older) == {"of-before"}
        assert json.loads(older.ops("migrate", "status", "--json"))
        opened(older, "of-after")
        fill(older.folder, PREVIOUS)
        older.deploy()
        older.start("--remove-orphans")
        assert slugs(older) == {"of-before", "of-after"}
        opened(older, "of-before-again")
    finally:
        older.down()
