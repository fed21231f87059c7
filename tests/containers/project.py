"""The project in a folder of its own, run by its own compose file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ops.client import Client
from tests.containers.engine import Engine

COMPOSE = str(Path(sys.executable).with_name("docker-compose"))


class Project:
    """One deployment; `name` is compose's project name."""

    def __init__(self, engine: Engine, folder: Path, name: str = "linli") -> None:
        self.engine, self.folder, self._name = engine, folder, name

    def linli(self, *arguments: str) -> str:
        """The `linli` command of this clone."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("LINLI_")} | {"PYTHONPATH": str(self.folder)}
        command = [sys.executable, "-m", "ops", *arguments]
        return subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, text=True, check=True).stdout

    def compose(self, *arguments: str, check: bool = True, timeout: float = 900) -> str:
        """docker compose, as an operator types it."""
        command = (COMPOSE, "-p", self._name, *arguments)
        return self.engine.run(*command, cwd=self.folder, check=check, timeout=timeout).stdout

    def up(self) -> None:
        """Deploy and start; returns when all is healthy."""
        self.linli("deploy", "compose")
        try:
            self.compose("up", "--build", "--detach", "--wait", "--wait-timeout", "240")
        except RuntimeError as error:
            logs = self.compose("logs", "--tail", "15", check=False)
            raise RuntimeError(f"{error}\n{self.states()}\n{logs[-6000:]}") from error

    def down(self) -> None:
        """Take all of it away, volumes too."""
        self.compose("down", "--volumes", "--timeout", "40")

    def states(self) -> dict[str, str]:
        """Container → its state, and its health."""
        lines = self.compose("ps", "--all", "--format", "json", check=False).splitlines()
        rows = [json.loads(line) for line in lines if line.startswith("{")]
        return {row["Name"]: " ".join(filter(None, (row["State"], row.get("Health", "")))) for row in rows}

    def container(self, service: str, number: int = 1) -> str:
        """The name of one replica's container."""
        return f"{self._name}-{service}-{number}"

    def edge_sees(self, upstreams: str) -> int:
        """How many replicas of a service the edge was told of last."""
        listed = self.compose("exec", "-T", "edge", "sh", "-c", "cat /tmp/upstreams")
        found = [line for line in listed.splitlines() if line.startswith(f"{upstreams}=")]
        return len(found[0].partition("=")[2].split()) if found else 0

    @property
    def secrets(self) -> dict[str, Any]:
        """What `linli deploy compose` made."""
        return dict(json.loads((self.folder / "deploy" / "compose" / "secrets.json").read_text()))

    def operator(self) -> Client:
        """The installation's operator, at the edge."""
        own = self.secrets["operator"]
        base = Client("http://127.0.0.1:8080")
        return self.engine.inside(lambda: base.sign_in(own["phone"], password=own["password"], community="_"))
