"""The `linli` command."""

from __future__ import annotations

import contextlib
import itertools
import json
import signal
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import requests
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.table import Table

from ops import logs
from ops.client import ApiError, Client
from ops.demo import Demo
from ops.parked import ParkingLot
from ops.services import SERVICES
from ops.settings import Installation, Problem
from ops.stack import Stack
from shared.settings import read

# Into a file or a pipe, a table is as wide as it needs to be.
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 240)
started = time.monotonic()


def say(text: str) -> None:
    """One line of progress with the seconds since the start."""
    prefix = "" if text.startswith(" ") else f"[{time.monotonic() - started:5.1f} s] "
    console.print(f"{prefix}{text}", markup=False)


def show(rows: list[dict[str, Any]], as_json: bool, empty: str, columns: tuple[str, ...] = ()) -> None:
    """Rows as a table for people, or as JSON."""
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, default=str))
        return
    if not rows:
        console.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    names = columns or tuple(rows[0])
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(str(row.get(name, "")) for name in names))
    console.print(table, soft_wrap=False)


class Group(click.Group):
    """Turns what a person can mend into one line and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Problem as problem:
            raise click.ClickException(str(problem)) from problem
        except ApiError as error:
            raise click.ClickException(str(error)) from error
        except requests.RequestException as error:
            where = error.request.url if error.request else "the API"
            raise click.ClickException(f"{where} does not answer ({type(error).__name__}); see `linli status`") from error


JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")


@click.group(cls=Group)
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="The installation's folder [.run].")
@click.pass_context
def main(ctx: click.Context, folder: Path | None) -> None:
    """Run and look after a Linli installation on this machine."""
    ctx.obj = Stack(Installation.load(folder), say)


@main.command()
@click.pass_obj
def run(stack: Stack) -> None:
    """Start everything, play the main job once, stay until Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Explicitly: a shell that starts us in the background has SIGINT ignored.
        signal.signal(number, signal.default_int_handler)
    try:
        stack.up()
        demo = Demo(stack.installation, say)
        data = demo.load()
        say("the main job:")
        done = demo.play()
        _addresses(data)
        if not done:
            raise Problem("the main job failed; see the logs")
        say("ready; Ctrl-C stops everything")
        while stack.running:
            time.sleep(0.5)
        raise Problem("the process manager has ended; see .run/logs")
    except KeyboardInterrupt:
        say("stopping")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stack.down()
    say("stopped; no process is left")


@main.command()
@click.option("--demo/--no-demo", default=True, help="Load the two demo communities.")
@click.pass_obj
def up(stack: Stack, demo: bool) -> None:
    """Start everything in the background; returns when all is ready."""
    stack.up()
    if demo:
        _addresses(Demo(stack.installation, say).load())
    say("ready")


@main.command()
@click.pass_obj
def down(stack: Stack) -> None:
    """Stop everything."""
    stack.down()
    say("stopped")


@main.command()
@JSON
@click.pass_obj
def status(stack: Stack, as_json: bool) -> None:
    """Show each process; exits 0 only if everything is ready."""
    waiting = stack.not_ready()
    rows = stack.processes()
    for row in rows:
        row["ready"] = "no" if row["name"] in waiting else "yes"
        row["since"] = datetime.fromtimestamp(row["since"]).isoformat(timespec="seconds") if row["since"] else ""
    show(rows, as_json, "nothing runs", ("name", "state", "ready", "pid", "since"))
    sys.exit(0 if not waiting else 1)


@main.command("logs")
@click.argument("services", nargs=-1, type=click.Choice(SERVICES))
@click.option("-n", "--lines", default=50, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("-f", "--follow", is_flag=True, help="And what is written from now on, until Ctrl-C.")
@click.option("--level", default="info", show_default=True, type=click.Choice(logs.LEVELS), help="This one, and worse.")
@click.option("--correlation", default="", metavar="ID", help="What one request set off: its X-Correlation-Id.")
@JSON
@click.pass_obj
def show_logs(
    stack: Stack, services: tuple[str, ...], lines: int, follow: bool, level: str, correlation: str, as_json: bool
) -> None:
    """What the services (all, or those named) wrote last, in the order of time."""
    here = _there(stack)
    files = [here.path("logs", f"{name}-{n}.log") for name in services or SERVICES for n in range(here.replicas(name))]
    written = logs.Logs(files, logs.Wanted(level, correlation))
    with contextlib.suppress(KeyboardInterrupt):
        for entry in itertools.chain(written.fresh()[-lines:], written.follow() if follow else ()):
            click.echo(json.dumps(entry, ensure_ascii=False) if as_json else logs.text(entry))


@main.command()
@click.argument("service", type=click.Choice(SERVICES))
@click.pass_obj
def foreground(stack: Stack, service: str) -> None:
    """Run one service in this terminal, in the place of its replicas; Ctrl-C gives it back."""
    sys.exit(stack.foreground(service))


@main.command()
@click.pass_obj
def demo(stack: Stack) -> None:
    """Play the main job against what is running; exits 1 if it fails."""
    if not stack.running:
        raise Problem("nothing runs; start with `make up`")
    played = Demo(stack.installation, say)
    played.load()
    sys.exit(0 if played.play() else 1)


@main.group()
def audit() -> None:
    """The chains of acts: who did what, who opened what."""


@audit.command()
@click.option("--service", "services", multiple=True, type=click.Choice(SERVICES), help="One service [all].")
@click.option("--community", default="", help="One community [all].")
@click.option("--records/--no-records", default=True, help="Whether each record is as its last act left it, too.")
@JSON
@click.pass_obj
def verify(stack: Stack, services: tuple[str, ...], community: str, records: bool, as_json: bool) -> None:
    """Find every entry that was changed, removed or moved; exits 1 where there is one.

    What was cut off at the end of a chain shows against the last signed checkpoint alone.
    """
    from ops.audit import Auditor

    rows, bad = [], 0
    for service in services or SERVICES:
        auditor = Auditor(stack.installation, service)
        for slug in [community] if community else auditor.communities():
            checked = auditor.verify(slug, records)
            findings = checked.pop("findings")
            bad += len(findings)
            rows += [checked | {"at": finding.n, "finding": finding.what} for finding in findings] or [
                checked | {"at": "", "finding": "whole" if checked["entries"] else "empty"}
            ]
    show(rows, as_json, "no chains", ("service", "community", "entries", "signed", "at", "finding"))
    if not as_json:
        console.print("Cut off behind the last signed entry cannot be told from here; compare with a kept trail_checkpointed.")
    sys.exit(1 if bad else 0)


@main.group()
def communities() -> None:
    """The communities of this installation."""


@communities.command("list")
@JSON
@click.pass_obj
def list_communities(stack: Stack, as_json: bool) -> None:
    """All communities."""
    show(_operator(stack).pages("/communities"), as_json, "no communities")


@communities.command("add")
@click.argument("slug")
@click.option("--name", required=True)
@click.option("--district", required=True)
@click.option("--street", required=True)
@click.option("--timezone", default="Asia/Shanghai", show_default=True)
@click.option("--secretary", nargs=2, metavar="NAME PHONE", help="Its first secretary.")
@click.option("--street-officer", nargs=2, metavar="NAME PHONE", help="Its first street officer.")
@JSON
@click.pass_obj
def add_community(
    stack: Stack, /, slug: str, as_json: bool, secretary: tuple[str, str], street_officer: tuple[str, str], **facts: str
) -> None:
    """Open a community. Its first two people appoint all others; each gets an activation code as a text message."""
    if bool(secretary) != bool(street_officer):
        raise Problem("a community begins with two people: give --secretary and --street-officer, or neither")
    operator = _operator(stack)
    made = operator.post("/communities", {"slug": slug, **facts})
    if secretary:
        people = {"secretary": secretary, "street_officer": street_officer}
        named = {role: {"name": name, "phone": phone} for role, (name, phone) in people.items()}
        made |= operator.post(f"/communities/{slug}/first-people", named)
    show([made], as_json, "")


@communities.command("people")
@click.argument("slug")
@click.option("--secretary", nargs=2, metavar="NAME PHONE", required=True, help="The first secretary.")
@click.option("--street-officer", nargs=2, metavar="NAME PHONE", required=True, help="The first street officer.")
@JSON
@click.pass_obj
def name_people(stack: Stack, slug: str, secretary: tuple[str, str], street_officer: tuple[str, str], as_json: bool) -> None:
    """Name the first two people of a community that has none yet."""
    people = {"secretary": secretary, "street_officer": street_officer}
    named = {role: {"name": name, "phone": phone} for role, (name, phone) in people.items()}
    show([_operator(stack).post(f"/communities/{slug}/first-people", named)], as_json, "")


@main.group()
def parked() -> None:
    """Messages that no handler could take."""


@parked.command("list")
@click.option("--service", type=click.Choice(SERVICES), help="One service only.")
@JSON
@click.pass_obj
def list_parked(stack: Stack, service: str | None, as_json: bool) -> None:
    """What is parked, and why."""
    rows = _lot(stack).rows((service,) if service else SERVICES)
    show(rows, as_json, "nothing is parked")


@parked.command("show")
@click.argument("id")
@JSON
@click.pass_obj
def show_parked(stack: Stack, id: str, as_json: bool) -> None:
    """One message, whole."""
    message = _lot(stack).show(id)
    if as_json:
        click.echo(json.dumps(message, ensure_ascii=False, default=str))
    else:
        show([{"field": k, "value": v} for k, v in message.items()], False, "")


@parked.command("replay")
@click.argument("id")
@click.pass_obj
def replay_parked(stack: Stack, id: str) -> None:
    """Send a message (or `all`) back to its inbox."""
    say(f"sent back: {_lot(stack).replay(id)}")


@parked.command("drop")
@click.argument("id")
@click.confirmation_option(prompt="It will be gone for good. Go on?")
@click.pass_obj
def drop_parked(stack: Stack, id: str) -> None:
    """Forget a message (or `all`)."""
    say(f"dropped: {_lot(stack).drop(id)}")


@main.command()
@JSON
@click.pass_obj
def outbox(stack: Stack, as_json: bool) -> None:
    """Events that are saved but not yet confirmed by the broker, by service and collection."""
    rows = []
    try:
        client: MongoClient[Any] = MongoClient(_there(stack).mongo("admin"), serverSelectionTimeoutMS=3000, tz_aware=True)
        for service in SERVICES:
            # Published already, only not yet taken out: these wait for nothing.
            published = {row[3] for entry in client[service]["published"].find() for row in entry["rows"]}
            for collection in sorted(client[service].list_collection_names()):
                waiting = client[service][collection].find({"outbox.0": {"$exists": True}}, {"outbox.at": 1, "outbox.id": 1})
                times = [row["at"] for document in waiting for row in document["outbox"] if row["id"] not in published]
                if times:
                    oldest = min(times).isoformat(timespec="seconds")
                    rows.append({"service": service, "collection": collection, "events": len(times), "oldest": oldest})
    except PyMongoError as error:
        raise Problem(f"the database does not answer: {type(error).__name__}") from error
    show(rows, as_json, "every outbox is empty")


FOLDER = click.Path(path_type=Path, file_okay=False)


@main.command()
@click.argument("folder", type=FOLDER)
@click.pass_obj
def backup(stack: Stack, folder: Path) -> None:
    """Copy everything, while it runs, into a folder of its own below FOLDER; of seven days and four weeks the newest is kept.

    The secrets are in it too, under a passphrase: LINLI_BACKUP_PASSPHRASE, the file LINLI_BACKUP_PASSPHRASE_FILE, or asked for.
    """
    from ops.backups.take import take

    made = take(_there(stack), folder.resolve(), _passphrase(stack.installation, confirm=True), say)
    say(f"written: {made}")


@main.command()
@click.argument("folder", type=FOLDER)
@click.option("--check", is_flag=True, help="Only see whether the backup is whole.")
@click.pass_obj
def restore(stack: Stack, folder: Path, check: bool) -> None:
    """Make an installation of a backup, or of the newest one in FOLDER. Where there are no secrets yet, its own are taken."""
    from ops.backups.folder import Manifest, newest
    from ops.backups.restore import restore as load
    from ops.backups.restore import restore_secrets

    there = newest(folder.resolve())
    if check:
        findings = Manifest.read(there).findings(there)
        show([{"finding": finding} for finding in findings], False, f"{there} is whole")
        sys.exit(1 if findings else 0)
    if not stack.installation.secrets:
        restore_secrets(stack.installation, there, _passphrase(stack.installation, confirm=False))
    if stack.installation.environ.get("LINLI_MONGO_AT"):  # in containers
        load(stack.installation, there, say)
    else:
        with stack.base():
            load(stack.installation, there, say)
    say(f"restored: {there}")


@main.command()
@click.option("--backups", "folder", type=FOLDER, help="Where `linli backup` writes to.")
@JSON
@click.pass_obj
def doctor(stack: Stack, folder: Path | None, as_json: bool) -> None:
    """Look at every real part, and say what to do; exits 1 where something is bad."""
    from ops.doctor import BAD, Doctor

    rows = [vars(finding) for finding in Doctor(_there(stack), folder).findings()]
    show(rows, as_json, "nothing was looked at", ("part", "state", "found", "do"))
    sys.exit(1 if any(row["state"] == BAD for row in rows) else 0)


def _passphrase(of: Installation, confirm: bool) -> str:
    given = read(of.environ, "LINLI_BACKUP_PASSPHRASE", "")
    if not given and not sys.stdin.isatty():
        raise Problem("set LINLI_BACKUP_PASSPHRASE, or LINLI_BACKUP_PASSPHRASE_FILE: the passphrase of the secrets in a backup")
    return given or click.prompt("Passphrase of the secrets in the backup", hide_input=True, confirmation_prompt=confirm)


@main.group()
def migrate() -> None:
    """What a release wants of the databases before its services start."""


@migrate.command("status")
@JSON
@click.pass_obj
def migrate_status(stack: Stack, as_json: bool) -> None:
    """Every index, and whether it is there; exits 1 while something is to be done."""
    from ops.migrate import DONE, status

    rows = status(_there(stack))
    show(rows, as_json, "nothing is to be there")
    sys.exit(0 if all(row["state"] == DONE for row in rows) else 1)


@migrate.command("run")
@click.pass_obj
def migrate_now(stack: Stack) -> None:
    """Build what is missing, and drop what an older release left; again and again, until nothing is to be done."""
    from ops.migrate import run

    say(f"done: {run(_there(stack), say)}")


@main.command()
@click.argument("target", type=click.Choice(["compose", "kubernetes"]))
@click.option("--secrets-of", "backup", type=FOLDER, help="A backup, whose secrets to take.")
@click.option("--rotate", "parts", multiple=True, metavar="PART", help="A secret to make anew: amqp.bookings, mongo.bookings …")
def deploy(target: str, backup: Path | None, parts: tuple[str, ...]) -> None:
    """Write secrets and definitions for containers into deploy/TARGET."""
    from ops.backups.folder import newest
    from ops.deploy import installation, prepare, take_secrets

    before = installation(target).secrets
    for part in parts:
        installation(target).rotate(part)
    if backup is not None:
        take_secrets(target, newest(backup.resolve()), _passphrase(installation(target), confirm=False))
    folder = prepare(target)
    kept = installation(target)
    say(f"written: {folder}")
    if not before:
        own = kept.operator
        say(f"the operator signs in for the community _ with {own['phone']} and {own['password']}")
    for name in kept.subscribers:
        if kept.secrets["amqp"][name] == before.get("amqp", {}).get(name):
            continue
        say(f"the subscriber {name}: password {kept.secrets['amqp'][name]}")
    say(f"back up {kept.secrets_file}: without it nobody reads the data (linli backup takes it along)")


def _there(stack: Stack) -> Installation:
    if not stack.installation.secrets:
        raise Problem("there is no installation yet; start with `make up`")
    return stack.installation


def _operator(stack: Stack) -> Client:
    own = _there(stack).operator
    return Client(stack.installation.base_url).sign_in(own["phone"], password=own["password"], community="_")


def _lot(stack: Stack) -> ParkingLot:
    return ParkingLot(_there(stack).amqp("operator"))


def _addresses(data: dict[str, Any]) -> None:
    console.print(f"\nAPI        {data['base_url']}/api/v1\nread it    {data['base_url']}/api/docs/")
    console.print(f"events     {data['amqp']}\n", markup=False)
    show(data["accounts"], False, "", ("community", "role", "phone", "password"))
    console.print()
