"""The WSGI side: sockets, routing, probes, the access log. Probes never wait for a worker."""

from __future__ import annotations

import contextlib
import time
from functools import lru_cache, partial
from http.client import HTTPMessage
from typing import Any
from urllib.parse import parse_qs

import eventlet
from eventlet import wsgi
from eventlet.event import Event
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from nameko.web.server import HttpOnlyProtocol, WebServer, parse_address
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule

from shared.entrypoints.problems import Reply, problem
from shared.runtime.platform import Platform
from shared.telemetry import LATENCY, REQUESTS, log

# Whom the edge means: a container that is gone may have left its address to another service's.
MEANT = "HTTP_X_LINLI_SERVICE"
HEAD_LINES_MOST = 102  # of a head: what it asks for, a hundred headers, and the empty one
REASONS = {
    200: "200 OK", 201: "201 Created", 202: "202 Accepted", 204: "204 No Content", 400: "400 Bad Request",
    401: "401 Unauthorized", 403: "403 Forbidden", 404: "404 Not Found", 405: "405 Method Not Allowed",
    409: "409 Conflict", 412: "412 Precondition Failed", 413: "413 Content Too Large",
    415: "415 Unsupported Media Type", 422: "422 Unprocessable Content", 429: "429 Too Many Requests",
    500: "500 Internal Server Error", 503: "503 Service Unavailable",
}  # fmt: skip


class Server(WebServer):
    """nameko's web server with our routing. One a container."""

    platform = Platform()

    def __init__(self) -> None:
        super().__init__()
        self.active = 0
        self._starting = False

    def setup(self) -> None:
        self.platform.server = self

    def start(self) -> None:
        if self._starting:
            return
        self._starting = True
        address = parse_address(self.platform.settings.listen)
        # Without reuse_port=False two replicas could share a port, and the edge could not tell them apart.
        self._sock = eventlet.listen(address, backlog=1024, reuse_port=False)
        self._sock.settimeout(None)
        app = Application(self)
        self._serv = wsgi.Server(
            self._sock,
            self._sock.getsockname(),
            app,
            protocol=Protocol,
            log_output=False,
            debug=False,
            socket_timeout=75,
            keepalive=True,
            capitalize_response_headers=False,
        )
        self._gt = self.container.spawn_managed_thread(self.run)
        log("server").info("serving", listen=self.platform.settings.listen)

    def run(self) -> None:
        """Accept connections; whatever one of them does, the others go on."""
        while self._is_accepting:
            try:
                sock, address = self._sock.accept()
            except OSError as error:
                if self._is_accepting:
                    log("server").error("accept_failed", error=type(error).__name__)
                    time.sleep(0.1)
                continue
            sock.settimeout(self._serv.socket_timeout)
            self.container.spawn_managed_thread(partial(self.serve, sock, address))

    def serve(self, sock: Any, address: Any) -> None:
        """One connection."""
        try:
            self.process_request(sock, address)
        except Exception as error:  # a caller who hangs up must not end the container
            log("server").debug("connection_lost", error=type(error).__name__)

    def work(self, entrypoint: Any, call: Any, values: dict[str, str]) -> Any:
        """Run the entrypoint's method in a worker and wait for what it returns, or raise what it raises."""
        done = Event()

        def finish(context: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            if exc_info:
                done.send_exception(*exc_info)  # with its traceback: the log says where it happened
            else:
                done.send(result)
            return result, None

        self.container.spawn_worker(entrypoint, (call,), values, context_data={}, handle_result=finish)
        return done.wait()

    def quiet(self, timeout: float) -> bool:
        """Wait until no request is being answered."""
        until = time.monotonic() + timeout
        while self.active and time.monotonic() < until:
            time.sleep(0.02)
        return not self.active

    @property
    def operations(self) -> set[Any]:
        """All the entrypoints that are served here."""
        return self._providers  # type: ignore[no-any-return]


class Protocol(HttpOnlyProtocol):
    """One connection. Heads are read by llhttp: the standard library reads them as mail, which takes a twentieth of a
    command's time, and lets pass what another server would read otherwise."""

    def parse_request(self) -> bool:
        """Read a head; False: there is none, and the caller has been told."""
        self.close_connection = True
        # One empty line between two requests is to be overlooked (RFC 9112, 2.2).
        lines = [self.rfile.readline() if self.raw_requestline == b"\r\n" else self.raw_requestline]
        while lines[-1] not in (b"\r\n", b"\n") and len(lines) <= HEAD_LINES_MOST:
            if not lines[-1]:
                return False  # whoever began it is gone
            lines.append(self.rfile.readline())
        head = Head()
        if len(lines) > HEAD_LINES_MOST or not head.read(b"".join(lines)):
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return False
        self.requestline, self.request_version = lines[0].decode("latin-1"), f"HTTP/{head.version}"
        self.command, self.headers = head.method, head.headers
        self.path = f"/{head.path.lstrip('/')}" if head.path.startswith("//") else head.path
        self.close_connection = not head.goes_on
        return True


class Head:
    """What the parser finds."""

    def __init__(self) -> None:
        self.method = self.path = self.version = ""
        self.headers = HTTPMessage()
        self.goes_on = False
        self._parser: Any = None

    def read(self, data: bytes) -> bool:
        """Whether this is a head, and one that cannot be read in two ways."""
        self._parser = HttpRequestParser(self)
        try:
            with contextlib.suppress(HttpParserUpgrade):  # nothing to upgrade to: a request like others
                self._parser.feed_data(data)
        except HttpParserError:
            return False
        finally:
            self._parser = None  # it knows us: together we would wait for the garbage collection
        # llhttp takes any coding whose last is chunked; whoever reads the body here, that one alone.
        coding = self.headers.get_all("Transfer-Encoding")
        chunked = coding is not None and [one.strip().lower() for one in coding] == ["chunked"]
        return coding is None if self.version == "1.0" else self.version == "1.1" and (coding is None or chunked)

    def on_url(self, url: bytes) -> None:
        """Called once or several times."""
        self.path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called once for each."""
        self.headers[name.decode("latin-1")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Called while the parser still knows of this request, and not of the next."""
        self.method, self.version = self._parser.get_method().decode(), self._parser.get_http_version()
        self.goes_on = self._parser.should_keep_alive()


class Application:
    """The WSGI application."""

    def __init__(self, server: Server) -> None:
        self._server, self._platform = server, server.platform
        rules = []
        for operation in server.operations:
            template = operation.template.replace("{", "<").replace("}", ">")
            rules.append(Rule(template, methods=[operation.method], endpoint=operation))
        self._map = Map(rules, redirect_defaults=False, merge_slashes=False, strict_slashes=False)
        # The same paths come again and again; what is refused is looked up each time.
        self._match = lru_cache(maxsize=512)(self._map.bind("linli").match)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        path = environ["PATH_INFO"]
        if environ.get(MEANT, self._platform.service) != self._platform.service:
            status, headers, body = problem(503, "service_unavailable", "another service was meant", [("Retry-After", "1")])
        elif path in ("/livez", "/readyz", "/metrics"):
            status, headers, body = self._probe(path, environ.get("QUERY_STRING", ""))
        else:
            started = time.monotonic()
            self._server.active += 1
            try:
                route, (status, headers, body) = self._route(environ, path)
            finally:
                self._server.active -= 1
            self._note(environ["REQUEST_METHOD"], route, status, time.monotonic() - started)
        if self._platform.draining:
            headers.append(("Connection", "close"))
        headers.append(("Content-Length", str(len(body))))
        start_response(REASONS[status], headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _route(self, environ: dict[str, Any], path: str) -> tuple[str, Reply]:
        try:
            plain = path.encode("latin-1").decode()
            operation, values = self._match(plain, environ["REQUEST_METHOD"])
        except MethodNotAllowed as error:
            allow = ", ".join(sorted((set(error.valid_methods or ())) - {"HEAD", "OPTIONS"}))
            return "", problem(405, "method_not_allowed", f"use {allow}", [("Allow", allow)])
        except (NotFound, RequestRedirect, UnicodeError):
            return "", problem(404, "path_unknown", "no such path")
        if environ["REQUEST_METHOD"] != operation.method:
            return "", problem(405, "method_not_allowed", f"use {operation.method}", [("Allow", operation.method)])
        return operation.template, operation.answer(environ, dict(values))

    def _note(self, method: str, route: str, status: int, seconds: float) -> None:
        name = route or "unknown"
        REQUESTS.labels(name, status).inc()
        LATENCY.labels(name).observe(seconds)
        # The template, never the path: ids stay out of the access log.
        log("access").info("request", method=method[:10], route=name, status=status, ms=round(seconds * 1000, 1))

    def _probe(self, path: str, query: str = "") -> Reply:
        if path == "/metrics":
            # Some of them, as Prometheus itself would ask: all of them take as long to print as a command does.
            names = parse_qs(query).get("name[]")
            shown = REGISTRY.restricted_registry(names) if names else REGISTRY
            return 200, [("Content-Type", CONTENT_TYPE_LATEST)], generate_latest(shown)
        if path == "/readyz" and self._platform.draining:
            return problem(503, "draining", "this replica is about to stop")
        if path == "/readyz" and self._platform.inbox and not self._platform.inbox.bound:
            # What neighbours say before the queue is there, this service would never hear.
            return problem(503, "not_listening", "the inbox is not there yet")
        return 200, [("Content-Type", "text/plain")], b"ok\n"
