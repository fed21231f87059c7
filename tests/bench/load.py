"""A lean HTTP load over keep-alive connections: closed-loop for capacity, open-loop for latency."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Result:
    """What the callers saw. `sent` maps a reservation's id to when its command was due."""

    seconds: float = 0.0
    sent: dict[str, float] = field(default_factory=dict)
    failures: int = 0
    replies: list[float] = field(default_factory=list)


class Connection:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        """Status and body of one POST."""
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        assert self._reader is not None
        self._writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        status = int((await self._reader.readline()).split()[1])
        length = 0
        while (line := await self._reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, await self._reader.readexactly(length)


def _id(body: bytes) -> str:
    return body.partition(b'"id":')[2].strip().partition(b'"')[2].partition(b'"')[0].decode()


async def _one(connection: Connection, head: bytes, body: bytes, due: float, result: Result) -> None:
    try:
        status, reply = await connection.post(head, body)
    except (OSError, asyncio.IncompleteReadError, IndexError):
        result.failures += 1
        return
    if status == 201:
        result.sent[_id(reply)] = due
        result.replies.append(time.time() - due)
    else:
        result.failures += 1


async def _closed(port: int, head: bytes, bodies: Iterator[bytes], width: int, seconds: float) -> Result:
    result, started = Result(), time.monotonic()

    async def caller() -> None:
        connection = Connection(port)
        while time.monotonic() - started < seconds:
            await _one(connection, head, next(bodies), time.time(), result)

    await asyncio.gather(*(caller() for _ in range(width)))
    result.seconds = time.monotonic() - started
    return result


async def _open(port: int, head: bytes, bodies: Iterator[bytes], rate: float, seconds: float) -> Result:
    result, idle = Result(), [Connection(port) for _ in range(200)]
    running: set[asyncio.Task[None]] = set()
    started, start = time.monotonic(), time.time()

    async def send(due: float) -> None:
        connection = idle.pop() if idle else Connection(port)
        await _one(connection, head, next(bodies), due, result)
        idle.append(connection)

    for n in range(int(rate * seconds)):
        # A command is due by the clock, whether earlier ones have been answered or not.
        if (wait := started + n / rate - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(send(start + n / rate))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    result.seconds = time.monotonic() - started
    return result


def closed(port: int, head: bytes, bodies: Iterator[bytes], width: int, seconds: float) -> Result:
    """`width` callers, each with one command at a time."""
    return asyncio.run(_closed(port, head, bodies, width, seconds))


def open_loop(port: int, head: bytes, bodies: Iterator[bytes], rate: float, seconds: float) -> Result:
    """Commands come by the clock; latency counts from when each was due."""
    return asyncio.run(_open(port, head, bodies, rate, seconds))
