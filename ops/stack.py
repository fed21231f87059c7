"""Starts, watches and stops all processes of one installation on one machine."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from amqp.exceptions import AMQPError
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from supervisor.xmlrpc import SupervisorTransport

from ops.broker import applications, definitions
from ops.services import RECORDS, SERVICES
from ops.settings import RABBITMQ, Installation, Problem, find
from shared.broker import topology

Say = Callable[[str], None]
READY_WITHIN = 120.0
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ALIVE = ("running", "starting")
BASE = ("epmd", "broker", "database", "mail")


def database_command(port: int, data: Path) -> list[str]:
    """Starts the development database: on loopback, each commit on disk before its reply, nothing kept for change streams."""
    options = f"--host 127.0.0.1 --port {port} --standalone --sync-on-commit --log-level WARNING --cache-size 256M"
    return [sys.executable, "-m", "ops.secantus.database", "--storage-path", str(data), *options.split()]


class Stack:
    """The processes: epmd, broker, database, mail sink, services, edge; under supervisord, in this order."""

    def __init__(self, installation: Installation, say: Say = lambda text: None) -> None:
        self.installation, self.say = installation, say

    # -- up and down

    def up(self) -> None:
        """Start everything and return when all of it is ready. Raises Problem."""
        self.say("starting broker, database, mail sink, services and edge")
        self._start(services=True)
        try:
            self._start_database()
            self._write_static()  # takes a second, in which the others get on
            with self._manager() as manager:
                manager.supervisor.startProcess(_full("edge"), False)
            self._wait_until_ready()
        except BaseException:
            self.down()
            raise

    @contextmanager
    def base(self) -> Iterator[None]:
        """Broker and database alone, and stopped again. Raises Problem."""
        self.say("starting broker and database")
        self._start(services=False)
        try:
            self._start_database()
            with MongoClient[Any](self.installation.mongo("admin"), serverSelectionTimeoutMS=500) as client:
                _until(lambda: bool(client.admin.command("ping")), 30, "the database does not answer")
            _until(self._broker_answers, READY_WITHIN, "the broker does not answer")
            yield
        finally:
            self.down()

    def _broker_answers(self) -> bool:
        with topology.connection(self.installation.amqp("operator"), connect_timeout=1) as connection:
            try:
                topology.connect(connection)
            except AMQPError:  # it answers, but does not know its users yet
                return False
        return True

    def _start(self, services: bool) -> None:
        if self.running:
            raise Problem("already running; `make status` shows it, `make down` stops it")
        here = self.installation
        here.check_programs()
        here.check_ports()
        here.make_secrets()
        self._write_files(services)
        config = str(here.path("supervisord.conf"))
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", config]
        started = subprocess.run(command, capture_output=True, text=True, check=False, umask=0o077)
        if started.returncode:
            raise Problem(f"the process manager did not start: {started.stderr.strip() or started.stdout.strip()}")

    def _start_database(self) -> None:
        first = not self.installation.path("database", "users-created").exists()
        if first:
            self.say("creating database users")
            self._create_database_users()
        with self._manager() as manager:
            manager.supervisor.startProcess(_full("database"), False)
        if not first:
            self._add_database_users()

    def down(self) -> None:
        """Stop everything; returns when no process is left."""
        pid = self._pid()
        if pid is None:
            return
        try:
            with self._manager() as manager:
                manager.supervisor.shutdown()
        except (OSError, xmlrpc.client.Error):
            os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 60
        while _alive(pid) and time.monotonic() < until:
            time.sleep(0.1)
        self.installation.socket.unlink(missing_ok=True)
        if _alive(pid):
            raise Problem(f"the process manager (pid {pid}) did not end within 60 s")

    def restart(self, program: str) -> None:
        """Stop (SIGTERM, drained) and start one process."""
        with self._manager() as manager:
            manager.supervisor.stopProcess(_full(program))
            manager.supervisor.startProcess(_full(program))

    def stop(self, program: str) -> None:
        """Stop one process, orderly."""
        with self._manager() as manager:
            manager.supervisor.stopProcess(_full(program))

    def start(self, program: str) -> None:
        """Start one process that was stopped. Raises Problem where it ends at once."""
        try:
            with self._manager() as manager:
                manager.supervisor.startProcess(_full(program))
        except xmlrpc.client.Fault as fault:
            raise Problem(
                f"{program} does not start ({fault.faultString}); see {self.installation.path('logs', '')}"
            ) from fault

    def foreground(self, service: str) -> int:
        """Run one service in this terminal, in the place of its replicas, until it ends; its exit status. Raises Problem."""
        if not self.running:
            raise Problem("nothing runs; start with `make up`")
        here = self.installation
        told = here.service_environ(service, here.service_ports(service)[0])
        told |= {"LINLI_SHOW_EXCEPTIONS": "1", "PYTHONBREAKPOINT": "ops.debugger.stop"}
        for replica in self._replicas(service, running=True):
            self.stop(replica)
        command = [sys.executable, "-m", "shared.runtime.runner", service]
        # Ctrl-C reaches both: the service drains (it takes the signal into its own hands), and this waits for it.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDS}
        try:
            with subprocess.Popen(command, env=os.environ | told) as process:
                self.say(f"{service} runs here, as process {process.pid}; Ctrl-C drains it and starts its replicas again")
                for number in ENDS[1:]:  # these reach this process alone
                    signal.signal(number, lambda *_: process.terminate())
                return process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            for replica in self._replicas(service, running=False):
                self.start(replica)

    def _replicas(self, service: str, running: bool) -> list[str]:
        """Those of its replicas that run, or that do not."""
        own = {f"{service}-{n}" for n in range(self.installation.replicas(service))}
        return [p["name"] for p in self.processes() if p["name"] in own and (p["state"] in ALIVE) == running]

    # -- looking

    @property
    def running(self) -> bool:
        """Whether the process manager is there."""
        return self._pid() is not None

    def processes(self) -> list[dict[str, Any]]:
        """Each process: name, state, pid, since when (epoch seconds)."""
        if not self.running:
            return []
        with self._manager() as manager:
            return [
                {"name": p["name"], "state": p["statename"].lower(), "pid": p["pid"], "since": p["start"]}
                for p in manager.supervisor.getAllProcessInfo()
            ]

    def pid(self, program: str) -> int:
        """The process id of one program."""
        return int(next(p["pid"] for p in self.processes() if p["name"] == program))

    def not_ready(self) -> list[str]:
        """What is not ready yet, by name; empty when all is."""
        states = self.processes()
        waiting = [p["name"] for p in states if p["state"] != "running"]
        for service in SERVICES:
            for n, port in enumerate(self.installation.service_ports(service)):
                if not _answers(f"http://127.0.0.1:{port}/readyz"):
                    waiting.append(f"{service}-{n}")
        # Last, for the edge keeps who asks waiting; of each service, for it learns of one a moment after that is ready.
        if not waiting and not all(
            # Its own answer, if only that nobody is signed in, says that the edge has found it.
            _answers(self.installation.base_url + record.seen_at, 200, 401)
            for record in RECORDS.values()
        ):
            waiting.append("edge")
        return sorted(set(waiting)) if states else ["everything"]

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + READY_WITHIN
        shown: list[str] = []
        while waiting := self.not_ready():
            if waiting != shown:
                self.say(f"waiting for {', '.join(waiting)}")
                shown = waiting
            if time.monotonic() > until or any(p["state"] == "fatal" for p in self.processes()):
                raise Problem(f"not ready: {', '.join(waiting)}; see {self.installation.path('logs', '')}")
            time.sleep(0.2)

    # -- the files that the processes read

    def _write_files(self, services: bool) -> None:
        here = self.installation
        here.folder.mkdir(parents=True, exist_ok=True)
        here.folder.chmod(0o700)  # in it stand passwords, and what everybody wrote
        for folder in ("logs", "env", "mail", "sms", "static", "broker", "database/data", "edge"):
            here.folder.joinpath(folder).mkdir(parents=True, exist_ok=True)
        self._write_broker_files()
        for service in SERVICES:
            for n, port in enumerate(here.service_ports(service)):
                self._write_environ(f"{service}-{n}", here.service_environ(service, port))
        upstreams = {
            f"LINLI_{s.upper()}_UPSTREAMS": " ".join(f"127.0.0.1:{p}" for p in here.service_ports(s)) for s in SERVICES
        }
        edge = {"LINLI_EDGE_BIND": "127.0.0.1", "LINLI_EDGE_PORT": str(here.port("LINLI_EDGE_PORT"))}
        edge |= {"LINLI_STATIC": str(here.path("static")), "HOME": str(here.path("edge"))}
        edge |= {k: v for k, v in here.environ.items() if k == "LINLI_TRUSTED_PROXIES"}
        edge |= {"XDG_DATA_HOME": str(here.path("edge", "data")), "XDG_CONFIG_HOME": str(here.path("edge", "config"))}
        self._write_environ("edge", edge | upstreams)
        here.path("supervisord.conf").write_text(self._supervisor_config(services))

    def _write_environ(self, name: str, values: dict[str, str]) -> None:
        file = self.installation.path("env", f"{name}.sh")
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.writelines(f"export {key}={shlex.quote(value)}\n" for key, value in values.items())

    def _write_broker_files(self) -> None:
        here = self.installation
        home = here.path("broker", "")
        here.path("broker", "definitions.json").write_text(
            json.dumps(definitions(SERVICES, here.secrets["amqp"], subscribers=("demo", *here.subscribers)), indent=1)
        )
        here.path("broker", "definitions.json").chmod(0o600)
        here.path("broker", "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{here.port('LINLI_AMQP_PORT')}\n"
            f"load_definitions = {home / 'definitions.json'}\n"
            "log.file = false\nlog.console = true\nlog.console.level = warning\n"
            "vm_memory_high_watermark.absolute = 1GB\ndisk_free_limit.absolute = 50MB\n"
        )
        here.path("broker", "advanced.config").write_text("[].\n")
        here.path("broker", "enabled_plugins").write_text("[].\n")
        self._write_broker_home(home)
        values = {
            "RABBITMQ_NODENAME": f"linli{here.port('LINLI_AMQP_PORT')}@localhost",
            "RABBITMQ_CONF_ENV_FILE": f"{home}/rabbitmq-env.conf",
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{home}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{home}/mnesia",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_PID_FILE": f"{home}/pid",
            "RABBITMQ_DIST_PORT": str(here.port("LINLI_AMQP_DIST_PORT")),
            "ERL_EPMD_PORT": str(here.port("LINLI_EPMD_PORT")),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput -kernel inet_dist_use_interface {127,0,0,1}"
            " +sbwt none +sbwtdcpu none +sbwtdio none",
            # In the foreground without the start script's own signal handling: the node itself ends on SIGTERM.
            "RABBITMQ_ALLOW_INPUT": "1",
            "HOME": str(home),
        }
        self._write_environ("broker", values)

    def _write_broker_home(self, home: Path) -> None:
        """A broker without plugins, made of links; its start script looks for all that it loads below RABBITMQ_HOME."""
        plugins = home / "home" / "plugins"
        shutil.rmtree(plugins, ignore_errors=True)  # of another version of it, perhaps
        plugins.mkdir(parents=True)
        needed = applications(Path(RABBITMQ).resolve().parent.parent / "plugins")
        for folder in needed:
            (plugins / folder.name).symlink_to(folder)
        (home / "rabbitmq-env.conf").write_text(f"RABBITMQ_HOME={shlex.quote(str(plugins.parent))}\n" if needed else "")

    def _write_static(self) -> None:
        from ops.documents import write_documents
        from ops.edge import caddyfile

        write_documents(self.installation.path("static", "api"))
        self.installation.path("edge", "Caddyfile").write_text(caddyfile())

    def _supervisor_config(self, services: bool) -> str:
        here = self.installation
        python = sys.executable
        parts = [
            # What a program drops where it stands (a broker's crash dump) lands under .run, not among the sources.
            f"[supervisord]\nlogfile={here.path('logs', 'supervisord.log')}\npidfile={here.path('supervisord.pid')}\n"
            f"nodaemon=false\numask=077\nminfds=4096\ndirectory={here.path('logs')}\nchildlogdir={here.path('logs')}\n",
            f"[unix_http_server]\nfile={here.socket}\nchmod=0700\n",
            "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n",
            self._program("epmd", 10, f"{find('epmd')} -port {here.port('LINLI_EPMD_PORT')} -address 127.0.0.1", ""),
            self._program("broker", 20, RABBITMQ, "broker", wait=20),
            # Not by itself: when there are no users yet, another makes them first, while the broker takes its time.
            self._program("database", 20, f"{shlex.join(self._database())} --auth", "", wait=20, autostart=False),
            self._program("mail", 20, f"{python} -m ops.mailsink {here.port('LINLI_SMTP_PORT')} {here.path('mail')}", ""),
        ]
        for service in SERVICES:
            for n in range(here.replicas(service)):
                command = f"{python} -m shared.runtime.runner {service}"
                parts.append(self._program(f"{service}-{n}", 30, command, f"{service}-{n}", wait=27, autostart=services))
        caddy = f"{find('caddy')} run --config {here.path('edge', 'Caddyfile')} --adapter caddyfile"
        # Once its routes are known.
        parts.append(self._program("edge", 40, caddy, "edge", wait=10, autostart=False))
        # Programs of one group stop side by side, the groups one after the other.
        replicas = [f"{service}-{n}" for service in SERVICES for n in range(here.replicas(service))]
        for name, priority, programs in (("base", 10, BASE), ("services", 30, replicas)):
            parts.append(f"[group:{name}]\nprograms={','.join(programs)}\npriority={priority}\n")
        return "\n".join(parts)

    def _database(self) -> list[str]:
        here = self.installation
        return database_command(here.port("LINLI_MONGO_PORT"), here.path("database", "data"))

    def _program(self, name: str, priority: int, command: str, environ: str, wait: int = 10, autostart: bool = True) -> str:
        if environ:
            file = self.installation.path("env", f"{environ}.sh")
            command = f"/bin/sh -c '. {file} && exec {command}'"
        log = self.installation.path("logs", f"{name}.log")
        return (
            f"[program:{name}]\ncommand={command.replace('%', '%%')}\npriority={priority}\nautostart={autostart}\n"
            f"autorestart=true\nstartsecs=1\nstartretries=10\nstopwaitsecs={wait}\n"
            f"stopasgroup=false\nkillasgroup=true\nredirect_stderr=true\n"
            f"stdout_logfile={log}\nstdout_logfile_maxbytes=20MB\nstdout_logfile_backups=2\n"
        )

    def _create_database_users(self) -> None:
        """With authentication off, while nothing is in it: the users first, then never again without it."""
        here = self.installation
        with here.path("logs", "database-users.log").open("w") as out:
            server = subprocess.Popen(self._database(), stdout=out, stderr=out, umask=0o077)
        try:
            url = f"mongodb://127.0.0.1:{here.port('LINLI_MONGO_PORT')}/?retryWrites=false&directConnection=true"
            client: MongoClient[Any] = MongoClient(url, serverSelectionTimeoutMS=500)
            with client:
                _until(lambda: bool(client.admin.command("ping")), 30, "the database does not answer")
                for service in SERVICES:
                    roles = [{"role": "readWrite", "db": service}]
                    client[service].command("createUser", service, pwd=here.secrets["mongo"][service], roles=roles)
                client["admin"].command("createUser", "admin", pwd=here.secrets["mongo"]["admin"], roles=["root"])
        finally:
            server.terminate()
            server.wait(20)
        here.path("database", "users-created").write_text(json.dumps(SERVICES))

    def _add_database_users(self) -> None:
        """Those of services that are new here."""
        here = self.installation
        marker = here.path("database", "users-created")
        there = set(json.loads(marker.read_text() or "null") or ())
        if set(SERVICES) <= there:
            return
        with MongoClient[Any](here.mongo("admin"), serverSelectionTimeoutMS=500) as client:
            _until(lambda: bool(client.admin.command("ping")), 30, "the database does not answer")
            for service in SERVICES:
                if not client[service].command("usersInfo", service)["users"]:
                    roles = [{"role": "readWrite", "db": service}]
                    client[service].command("createUser", service, pwd=here.secrets["mongo"][service], roles=roles)
        marker.write_text(json.dumps(SERVICES))

    # -- the process manager

    def _pid(self) -> int | None:
        try:
            pid = int(self.installation.path("supervisord.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if _alive(pid) else None

    @contextmanager
    def _manager(self) -> Iterator[Any]:
        transport = SupervisorTransport(None, None, f"unix://{self.installation.socket}")
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            try:
                yield proxy
            finally:
                transport.close()


def _full(program: str) -> str:
    """A program's name with its group, as the process manager wants it."""
    group = "base" if program in BASE else "edge" if program == "edge" else "services"
    return f"{group}:{program}"


def _alive(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return b"supervisord" in command and state != "Z"


def _answers(url: str, *statuses: int) -> bool:
    try:
        return requests.get(url, timeout=2).status_code in (statuses or (200,))
    except requests.RequestException:
        return False


def _until(condition: Callable[[], bool], seconds: float, problem: str) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except (PyMongoError, OSError):
            pass
        if time.monotonic() > until:
            raise Problem(problem)
        time.sleep(0.1)
