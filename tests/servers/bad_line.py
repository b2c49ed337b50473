"""A proxy that is a bad line to a server of sockets: it cuts, stalls, and lets frames of the client come twice."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass
class BadLine:
    """Listens on ``port`` once started and leads to one of ``targets``; ``cut``, ``stall`` and ``double`` are
    chances for each frame or chunk."""

    targets: Sequence[int]
    seed: int
    cut: float = 0.01
    stall: float = 0.03
    double: float = 0.1
    longest_stall_s: float = 1.0
    is_calm: bool = False
    cuts: int = 0
    doubled: int = 0
    port: int = 0
    _random: random.Random = field(init=False)
    _server: asyncio.Server | None = None

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._random.choice(self.targets))
        except OSError:
            writer.close()
            return
        ways = [
            asyncio.create_task(self._upstream(reader, far_writer)),
            asyncio.create_task(self._downstream(far_reader, writer)),
        ]
        with suppress(asyncio.CancelledError):  # the play is over
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for each in (writer, far_writer):
            each.transport.abort()
        await asyncio.gather(*ways, return_exceptions=True)

    async def _upstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readuntil(b"\r\n\r\n"))
        while True:
            frame = await _frame(reader)
            await self._trouble()
            writer.write(frame)
            if not self.is_calm and self._random.random() < self.double:
                self.doubled += 1
                writer.write(frame)
            await writer.drain()

    async def _downstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(4096):
            await self._trouble()
            writer.write(chunk)
            await writer.drain()

    async def _trouble(self) -> None:
        if self.is_calm:
            return
        chance = self._random.random()
        if chance < self.cut:
            self.cuts += 1
            raise ConnectionResetError
        if chance < self.cut + self.stall:
            await asyncio.sleep(self._random.random() * self.longest_stall_s)


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """One masked frame of a client, as it came."""
    head = await reader.readexactly(2)
    size, more = head[1] & 0x7F, b""
    if size == 126:
        more = await reader.readexactly(2)
        (size,) = struct.unpack(">H", more)
    elif size == 127:
        more = await reader.readexactly(8)
        (size,) = struct.unpack(">Q", more)
    return head + more + await reader.readexactly(4 + size)
