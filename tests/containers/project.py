"""The project in a folder of its own, run by its own compose file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ops.client import Client, until
from ops.demo import code_in
from tests.containers.engine import Engine

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = str(Path(sys.executable).with_name("docker-compose"))


class Project:
    """One deployment; `name` is compose's project name."""

    def __init__(self, engine: Engine, folder: Path, name: str = "linli", port: int = 8080) -> None:
        self.engine, self.folder, self._name, self._port = engine, folder, name, port

    @property
    def edge(self) -> Client:
        """Nobody, at the edge. To be called in the engine's network."""
        return Client(f"http://127.0.0.1:{self._port}", patience=30)

    def linli(self, *arguments: str) -> str:
        """The `linli` command of this clone."""
        told = {"PYTHONPATH": str(self.folder), "COMPOSE_PROJECT_NAME": self._name}
        return self.engine.run(sys.executable, "-m", "ops", *arguments, cwd=self.folder, env=told).stdout

    def compose(self, *arguments: str, check: bool = True, timeout: float = 900) -> str:
        """docker compose, as an operator types it."""
        command = (COMPOSE, "-p", self._name, *arguments)
        return self.engine.run(*command, cwd=self.folder, check=check, timeout=timeout).stdout

    def up(self) -> None:
        """Deploy and start; returns when all is healthy."""
        settings = {"COMPOSE_PROFILES": "demo", "LINLI_EDGE_PORT": self._port, "LINLI_MAILPIT_PORT": self._port + 5}
        (self.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self.linli("deploy", "compose")
        self.down()  # what a run that was ended has left behind has other secrets
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
        return self.engine.inside(lambda: self.edge.sign_in(own["phone"], password=own["password"], community="_"))

    def text_to(self, phone: str) -> str:
        """The newest text message to a phone, or "". (Without a provider they lie in the container.)"""
        texts = self.compose("exec", "-T", "notifications", "sh", "-c", "ls -r /tmp/sms/*.txt | xargs cat", check=False)
        return next((text for text in texts.split("To: ") if text.startswith(f"{phone}\n")), "")

    def enter(self, phone: str) -> Client:
        """Somebody comes in by the activation code that went to a phone."""
        code = code_in(until(lambda: self.text_to(phone), 30, "the activation code"), 8)
        return self.engine.inside(lambda: self.edge.activate(phone, code))

    def mails(self) -> list[dict[str, Any]]:
        """What the mail server of the demo took, newest first."""
        ask = "import urllib.request as u; print(u.urlopen('http://mail:8025/api/v1/messages').read().decode())"
        return list(json.loads(self.compose("exec", "-T", "notifications", "python", "-c", ask))["messages"])


def clone(engine: Engine, folder: Path, **how: Any) -> Project:
    """What a clone of the project holds, in a folder of its own."""
    subprocess.run(["git", "-C", str(ROOT), "checkout-index", "-a", f"--prefix={folder}/"], check=True)
    return Project(engine, folder, **how)
