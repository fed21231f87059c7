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
ONCE = ("mongo-users", "migrate")
COMPOSE = str(Path(sys.executable).with_name("docker-compose"))


class Project:
    """One deployment; `name` is compose's project name."""

    def __init__(self, engine: Engine, folder: Path, name: str = "tried", port: int = 8080) -> None:
        self.engine, self.folder, self.name, self._port = engine, folder, name, port
        self.kept = folder.parent / f"{folder.name}-kept"  # what no working copy may hold
        self.tag = "tried"
        self.settings: dict[str, object] = {}  # besides those that each has
        self.people: dict[str, Client] = {}  # who has come in, by phone

    @property
    def edge(self) -> Client:
        """Nobody, at the edge. To be called in the engine's network."""
        return Client(f"http://127.0.0.1:{self._port}", patience=30)

    def linli(self, *arguments: str, **environ: str) -> str:
        """The `linli` command of this clone."""
        told = {"PYTHONPATH": str(self.folder), "COMPOSE_PROJECT_NAME": self.name} | environ
        return self.engine.run(sys.executable, "-m", "ops", *arguments, cwd=self.folder, env=told).stdout

    def ops(self, *arguments: str, check: bool = True, **environ: str) -> str:
        """The `linli` command in a container."""
        told = [part for name, value in environ.items() for part in ("-e", f"{name}={value}")]
        return self.compose("run", "--rm", "-T", *told, "ops", "linli", *arguments, check=check)

    def compose(self, *arguments: str, check: bool = True, timeout: float = 900) -> str:
        """docker compose, as an operator types it."""
        command = (COMPOSE, "-p", self.name, *arguments)
        return self.engine.run(*command, cwd=self.folder, check=check, timeout=timeout).stdout

    def deploy(self, *options: str, **environ: str) -> str:
        """Settings as somebody writes them, and what `linli deploy compose` makes of them; returns what it says."""
        settings = {
            "COMPOSE_PROFILES": "demo",
            "LINLI_EDGE_PORT": self._port,
            "LINLI_MAILPIT_PORT": self._port + 5,
            "LINLI_SECRETS": self.kept / "secrets",
            "LINLI_BACKUPS": self.kept / "backups",
            "LINLI_SUBSCRIBERS": "garden",
            "LINLI_TAG": self.tag,
            "LINLI_HTTPS_PORT": self._port + 3,
        } | self.settings
        (self.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return self.linli("deploy", "compose", *options, **environ)

    def up(self) -> None:
        """Deploy and start anew; returns when all is healthy."""
        self.deploy()
        self.down()  # what a run that was ended has left behind has other secrets
        self.start()

    def start(self, *options: str) -> None:
        """Start what does not run as it was deployed last; returns when all is healthy."""
        try:
            self.compose("up", "--build", "--detach", "--wait", "--wait-timeout", "240", *options)
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

    @property
    def well(self) -> bool:
        """Whether all that goes on runs and is healthy, and all that is done once is done."""
        once = {name: state for name, state in self.states().items() if any(part in name for part in ONCE)}
        others = {state for name, state in self.states().items() if name not in once}
        return set(once.values()) == {"exited"} and others == {"running healthy"}

    def container(self, service: str, number: int = 1) -> str:
        """The name of one replica's container."""
        return f"{self.name}-{service}-{number}"

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

    def open(self, slug: str) -> None:
        """Open a community."""
        operator = self.operator()
        facts = {"slug": slug, "name": "社区", "district": "离石区", "street": "凤山街道"}
        self.engine.inside(lambda: operator.post("/communities", facts))

    @property
    def slugs(self) -> set[str]:
        """The communities that there are."""
        operator = self.operator()
        return {one["slug"] for one in self.engine.inside(lambda: operator.pages("/communities"))}

    def text_to(self, phone: str) -> str:
        """The newest text message to a phone, or "". (Without a provider they lie in the container.)"""
        texts = self.compose("exec", "-T", "notifications", "sh", "-c", "ls -r /tmp/sms/*.txt | xargs cat", check=False)
        return next((text for text in texts.split("To: ") if text.startswith(f"{phone}\n")), "")

    def enter(self, phone: str) -> Client:
        """Somebody comes in by the activation code that went to a phone."""
        code = code_in(until(lambda: self.text_to(phone), 30, "the activation code"), 8)
        self.people[phone] = self.engine.inside(lambda: self.edge.activate(phone, code))
        return self.people[phone]

    def mails(self) -> list[dict[str, Any]]:
        """What the mail server of the demo took, newest first."""
        ask = "import urllib.request as u; print(u.urlopen('http://mail:8025/api/v1/messages').read().decode())"
        return list(json.loads(self.compose("exec", "-T", "notifications", "python", "-c", ask))["messages"])


def clone(engine: Engine, folder: Path, commit: str = "", **how: Any) -> Project:
    """What a clone of the project holds, in a folder of its own: as it stands in the index, or at a commit."""
    fill(folder, commit)
    return Project(engine, folder, **how)


def fill(folder: Path, commit: str = "") -> None:
    """Put the project's files into a folder; what a deployment wrote there stays, as in a working copy."""
    subprocess.run(["git", "-C", str(ROOT), "checkout-index", "-af", f"--prefix={folder}/"], check=True)
    if commit:
        archive = subprocess.Popen(["git", "-C", str(ROOT), "archive", commit], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", str(folder)], stdin=archive.stdout, check=True)
        if archive.wait(60):
            raise RuntimeError(f"{commit} is not in this clone: fetch the history")
