""".env.example: every setting that somebody may choose, with the default that the code has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from ops.settings import PORTS, RELEASE

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"LINLI_[A-Z][A-Z0-9_]*[A-Z0-9]")
LINE = re.compile(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)
# What one part of the system tells another, and nobody chooses.
TOLD = {
    "each service, by linli": (
        "LINLI_SERVICE", "LINLI_LISTEN", "LINLI_MONGO_URI", "LINLI_AMQP_URI", "LINLI_MASTER_KEY", "LINLI_SERVICE_KEY",
        "LINLI_SERVICE_KEYS", "LINLI_SIGNING_KEY", "LINLI_INSTALLATION_KEY", "LINLI_JWKS_URL", "LINLI_RESTRICTED",
        "LINLI_HEARS_RESTRICTED", "LINLI_SECRETS_ARE", "LINLI_SMS_FOLDER", "LINLI_ISSUER", "LINLI_AUDIENCE", "LINLI_FONT",
    ),
    "the edge, by linli and the compose file": (
        "LINLI_EDGE_BIND", "LINLI_EDGE_ADMIN", "LINLI_EDGE_SITE", "LINLI_EDGE_HTTPS", "LINLI_EDGE_TLS", "LINLI_STATIC",
        "LINLI_SERVICES", "LINLI_SEEN_AT",
    ),
    "processes under test": ("LINLI_TEST", "LINLI_FAULTS", "LINLI_CLOCK_FILE", "LINLI_FUZZ"),
    "k8s/linli, which says so itself": ("LINLI_NAMESPACE", "LINLI_JOB"),
}  # fmt: skip
INTERNAL = {name for names in TOLD.values() for name in names}


def example() -> dict[str, str]:
    return dict(LINE.findall((ROOT / ".env.example").read_text()))


def sources() -> Iterator[ast.AST]:
    for folder in ("shared", "services", "ops"):
        for file in (ROOT / folder).rglob("*.py"):
            yield from ast.walk(ast.parse(file.read_text()))


def known() -> set[str]:
    """Every setting that the code, the compose file or the Makefile names."""
    found = {
        node.value
        for node in sources()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value)
    }
    for file in ("docker-compose.yml", "deploy/edge.sh", "deploy/Caddyfile", "Makefile", "k8s/linli", "Dockerfile"):
        found |= {name for name in NAME.findall((ROOT / file).read_text()) if not name.endswith("_UPSTREAMS")}
    return found | set(PORTS)


def defaults() -> Iterator[tuple[str, str]]:
    """(setting, default) wherever the code or the compose file gives one."""
    for node in sources():
        if isinstance(node, ast.Call) and len(node.args) >= 2:
            *_, name, default = node.args
            both = [one.value for one in (name, default) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if len(both) == 2 and NAME.fullmatch(both[0]):
                yield both[0], both[1]
    yield from re.findall(rf"\$\{{({NAME.pattern}):-([^}}]*)\}}", (ROOT / "docker-compose.yml").read_text())
    yield from ((name, str(port)) for name, port in PORTS.items())


def test_every_setting_that_somebody_may_choose_is_in_the_example_and_no_other() -> None:
    chosen = known() - INTERNAL
    there = {name for name in example() if name.startswith("LINLI_")}
    prefixes = ("LINLI_OIDC_", "LINLI_OPERATOR_", "LINLI_ALIYUN_", "LINLI_SMTP_", "LINLI_BACKUP_PASSPHRASE")
    built = {name for name in there if name.startswith(prefixes) or name.endswith("_REPLICAS")}  # whose names are put together
    assert chosen - there == set()
    assert there - chosen - built == set()
    assert not there & INTERNAL


def test_what_is_told_by_one_part_to_another_is_still_told() -> None:
    assert INTERNAL - known() == set()


def test_the_defaults_in_the_example_are_those_of_the_code() -> None:
    shown = example()
    wrong = {
        (name, default, shown[name])
        for name, default in defaults()
        if name in shown and default not in ("", shown[name]) and "/deploy/" not in default
    }
    assert wrong == set()
    assert shown["LINLI_TAG"] == RELEASE


def test_each_setting_is_explained_by_a_comment_above_it() -> None:
    paragraphs = (ROOT / ".env.example").read_text().split("\n\n")
    for paragraph in paragraphs:
        if LINE.search(paragraph):
            assert re.match(r"# \S", paragraph), paragraph
