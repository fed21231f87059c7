"""`python -m shared.runtime.runner bookings`: one replica of one service, until SIGTERM has drained it."""

from __future__ import annotations

import gc
import os
import signal
import warnings

# Until it is ready there is nothing to drain. As process 1 of a container it would not even hear it otherwise.
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

# The collector begins after every 700 objects otherwise, a batch makes more: it took a tenth of a replica's CPU.
gc.set_threshold(10_000, 50, 100)
os.environ.setdefault("PYPINYIN_NO_PHRASES", "1")
# The thread pool hashes passwords, 19 MB each: two at a time keep memory and the other core free.
os.environ.setdefault("EVENTLET_THREADPOOL_SIZE", "2")
warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")
warnings.filterwarnings("ignore", message="EdDSA is deprecated")  # its new name is not spoken everywhere yet

import eventlet

eventlet.monkey_patch()

from eventlet.support import greendns


class AskedAnew(greendns.ResolverProxy):
    """Remembers no address: a container that is started again may have another one, and the name server of an engine says that
    the one before holds for ten minutes."""

    def clear(self) -> None:
        super().clear()
        self._resolver.cache = None


greendns.resolver = AskedAnew(hosts_resolver=greendns.HostsResolver())

import importlib
import sys
import time
from typing import Any

from nameko.containers import ServiceContainer

from shared.broker import topology
from shared.runtime.platform import Provided
from shared.settings import Settings
from shared.telemetry import configure, log

EDGE_NOTICE_SECONDS = 1.5  # seconds in which the edge sees that this replica takes no more
DRAIN_SECONDS = {"consumer": 7.0, "requests": 7.0, "relay": 5.0, "container": 3.0}


def wait_for_broker(uri: str) -> None:
    """Return once the broker takes connections; says every few seconds that it is still waiting."""
    pause = 0.1
    while True:
        try:
            with topology.connection(uri, connect_timeout=3) as connection:
                topology.connect(connection)
                return
        except Exception as error:  # refused, unreachable, not ready, or access not granted yet
            log("runner").warning("waiting_for_broker", error=type(error).__name__)
            time.sleep(pause)
            pause = min(pause * 1.6, 1.0)


def drain(container: ServiceContainer, platform: Any) -> None:
    """Stop without losing a request or an event: each step has a limit, all together stay under 25 s."""
    log("runner").info("draining")
    platform.draining = True
    time.sleep(EDGE_NOTICE_SECONDS)
    if platform.inbox is not None:
        platform.inbox.cancel(DRAIN_SECONDS["consumer"])
    platform.server.quiet(DRAIN_SECONDS["requests"])
    flushed = platform.flush(DRAIN_SECONDS["relay"])
    platform.relay.stopping = True
    log("runner").info("drained", flushed=flushed)
    with eventlet.Timeout(DRAIN_SECONDS["container"], False):
        container.stop()


def main(name: str) -> None:
    """Run the service until it is told to stop."""
    settings = Settings.load(name)
    configure(name, settings.log_level, settings.shows_exceptions)
    module = importlib.import_module(f"services.{name}.service")
    service = next(c for c in vars(module).values() if isinstance(c, type) and getattr(c, "name", "") == name)
    wait_for_broker(settings.amqp_uri)
    config = {"settings": settings, "AMQP_URI": settings.amqp_uri, "max_workers": settings.workers}
    container = ServiceContainer(service, config)
    platform = next(e for e in container.extensions if type(e).__name__ == "Platform")
    platform.setup()
    for extension in container.dependencies:
        extension.setup()
    platform.prepare_database()
    for extension in container.dependencies:
        if isinstance(extension, Provided):
            extension.build()
    told = eventlet.event.Event()

    def stop(signum: int, frame: Any) -> None:
        if not told.ready():
            eventlet.hubs.get_hub().schedule_call_global(0, told.send, None)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    container.start()
    gc.freeze()  # what is loaded stays: nobody need look through it again
    log("runner").info("ready", listen=settings.listen)
    eventlet.spawn(_watch, container, told)
    told.wait()
    drain(container, platform)
    sys.stdout.flush()
    os._exit(0)


def _watch(container: ServiceContainer, told: Any) -> None:
    try:
        container.wait()
    except BaseException as error:  # the container died of an error that nobody caught
        log("runner").critical("container_died", error=type(error).__name__)
        sys.stdout.flush()
        os._exit(71)


if __name__ == "__main__":
    main(sys.argv[1])
