"""A Redis of one's own, on a free port: what is done to it reaches nobody else."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.servers.desk_process import free_port, until


@dataclass
class Redis:
    """A running server."""

    port: int

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def say(self, *commands: str) -> str:
        """Inline commands, and what it answers to them."""
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout=10)) as line:
            line.sendall("".join(f"{each}\r\n" for each in (*commands, "QUIT")).encode())
            parts = []
            while part := line.recv(4096):
                parts.append(part)
        return b"".join(parts).decode()

    def forget_everything(self) -> None:
        """All keys go, and every subscriber is thrown out."""
        answer = self.say("FLUSHALL", "CLIENT KILL TYPE pubsub")
        assert answer.startswith("+OK"), answer

    def is_up(self) -> bool:
        with suppress(OSError):
            return "+PONG" in self.say("PING")
        return False


@contextmanager
def redis_server(folder: Path) -> Iterator[Redis]:
    """One that keeps nothing on the disk, and is gone afterwards."""
    running = Redis(free_port())
    command = ["redis-server", "--port", str(running.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([*command, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    try:
        until(running.is_up)
        yield running
    finally:
        process.kill()
        process.wait()
