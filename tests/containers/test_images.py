"""What a cluster runs: `make images`, and the edge with its pages."""

from __future__ import annotations

import requests

from ops.client import until
from ops.settings import RELEASE
from tests.containers.engine import Engine
from tests.containers.project import Project


def test_every_image_is_built_and_the_edge_serves_its_pages_with_no_rights_at_all(engine: Engine, project: Project) -> None:
    engine.run("make", "images", cwd=project.folder, env={"LINLI_IMAGES": "registry.example/linli/"})
    names = ("residents", "bookings", "petitions", "notifications", "edge", "ops")
    assert all(engine.has(f"registry.example/linli/linli-{name}:{RELEASE}") for name in names)
    told = {"LINLI_EDGE_BIND": "0.0.0.0", "LINLI_EDGE_PORT": "8080", "LINLI_STATIC": "/srv"}
    told |= {f"LINLI_{name.upper()}_UPSTREAMS": "127.0.0.1:1" for name in names[:4]}
    environ = [part for name, value in told.items() for part in ("--env", f"{name}={value}")]
    held = ("--cap-drop", "ALL", "--read-only", "--tmpfs", "/tmp", "--security-opt", "no-new-privileges")
    container = engine.run(
        "docker", "run", "--detach", "--rm", *held, *environ, "--publish", "127.0.0.1:8300:8080",
        f"registry.example/linli/linli-edge:{RELEASE}",
    ).stdout.strip()  # fmt: skip
    try:

        def status(path: str) -> int:
            with requests.Session() as session:
                session.trust_env = False
                try:
                    return session.get(f"http://127.0.0.1:8300{path}", timeout=10).status_code
                except requests.ConnectionError:
                    return 0

        until(lambda: engine.inside(lambda: status("/api/docs/")) == 200, 30, "the edge")
        assert engine.inside(lambda: status("/api/openapi.json")) == 200
        assert engine.inside(lambda: status("/nothing")) == 404
        assert engine.inside(lambda: status("/api/v1/_/rooms")) == 503
    finally:
        engine.run("docker", "kill", container)
