"""`python -m ops.mailsink PORT FOLDER`: an SMTP server that keeps each mail as a readable file. Stands for the outside."""

from __future__ import annotations

import asyncio
import email
import email.policy
import signal
import sys
import time
from pathlib import Path
from typing import Any

from aiosmtpd.controller import UnthreadedController


class Sink:
    """Writes every mail to FOLDER/<time>-<n>.eml. A file FOLDER/refuse with a reply line makes it answer that instead; while
    there is a file FOLDER/hold, it does not answer at all."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        while (self._folder / "hold").exists():
            await asyncio.sleep(0.05)
        refuse = self._folder / "refuse"
        if refuse.exists():
            return refuse.read_text().strip()
        self._count += 1
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        head = "".join(f"{name}: {message[name]}\n" for name in ("Message-ID", "Date", "From", "To", "Subject"))
        body = message.get_body(("plain",))
        text = body.get_content() if body else ""
        part = self._folder / f".{self._count}.part"
        part.write_text(f"{head}\n{text}")
        part.rename(self._folder / f"{time.time():.6f}-{self._count:06d}.eml")
        return "250 kept"


async def main(port: int, folder: Path) -> None:
    """Serve until SIGTERM."""
    folder.mkdir(parents=True, exist_ok=True)
    loop = asyncio.get_running_loop()
    controller = UnthreadedController(Sink(folder), hostname="127.0.0.1", port=port, loop=loop)
    server = await controller._create_server()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
