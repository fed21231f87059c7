"""A service is a folder: one is added to a copy of the tree, started with all others, used, and taken away again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ops.client import Client, until
from ops.settings import PORTS, ROOT, Installation
from tests.system.world import FAST, free_ports


class Tree:
    """A copy of what is run, with an installation of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tree"
        for part in ("shared", "services", "ops", "deploy"):
            shutil.copytree(
                ROOT / part, self.root / part, ignore=shutil.ignore_patterns("__pycache__", "compose", "kubernetes")
            )
        shutil.copy(ROOT / "pyproject.toml", self.root)
        names = [*PORTS, "LINLI_HELLO_PORT"]
        ports = dict(zip(names, map(str, free_ports(len(names), run=3)), strict=True))
        replicas = {name: "1" for name in FAST if name.endswith("_REPLICAS")}
        self.environ = os.environ | FAST | ports | replicas | {"PYTHONPATH": str(self.root), "LINLI_RUN": str(folder / "run")}
        self.here = Installation.load(folder / "run", self.environ)

    def linli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ops", *arguments]
        return subprocess.run(
            command, cwd=self.root, env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )

    def operator(self) -> Client:
        here = Installation.load(self.here.folder, self.environ)
        return Client(here.base_url).sign_in(here.operator["phone"], password=here.operator["password"], community="_")


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    made = Tree(tmp_path)
    yield made
    made.linli("down")


def test_a_service_is_added_to_an_installation_by_a_folder_and_taken_away_with_it(tree: Tree) -> None:
    up = tree.linli("up", "--no-demo")
    assert up.returncode == 0, up.stdout + up.stderr
    assert tree.operator().call("POST", "/_/greetings", {"to": "邻居"}).status_code == 404
    assert tree.linli("down").returncode == 0
    # Nothing else is touched.
    hello = tree.root / "services" / "hello"
    shutil.copytree(Path(__file__).with_name("hello"), hello)
    up = tree.linli("up", "--no-demo")
    assert up.returncode == 0, up.stdout + up.stderr
    client = tree.operator()
    made = client.post("/_/greetings", {"to": "邻居"}, key="the-first-greeting")
    assert client.post("/_/greetings", {"to": "邻居"}, key="the-first-greeting") == made
    until(lambda: client.get("/_/greetings")["items"] == [made | {"heard": 1}], what="its own listener")
    assert Client(client.base_url).call("GET", "/_/greetings").status_code == 401
    document = requests.get(f"{client.base_url}/api/openapi.json", timeout=10).json()
    assert "/api/v1/{community}/greetings" in document["paths"]
    events = requests.get(f"{client.base_url}/api/asyncapi.json", timeout=10).json()
    assert events["channels"]["hello"]["address"] == "hello.events"
    assert '"hello-0"' in tree.linli("status", "--json").stdout
    assert tree.linli("down").returncode == 0
    shutil.rmtree(hello)
    up = tree.linli("up", "--no-demo")
    assert up.returncode == 0, up.stdout + up.stderr
    assert tree.operator().call("GET", "/_/greetings").status_code == 404


def test_two_services_that_claim_one_path_do_not_start(tree: Tree) -> None:
    hello = tree.root / "services" / "hello"
    shutil.copytree(Path(__file__).with_name("hello"), hello)
    service = hello / "greetings" / "service.py"
    service.write_text(service.read_text().replace("/{community}/greetings", "/{community}/rooms"))
    up = tree.linli("up", "--no-demo")
    assert (up.returncode, "claimed by bookings and hello" in up.stderr + up.stdout) == (1, True), up.stderr[-2000:]
