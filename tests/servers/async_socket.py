"""A WebSocket client (RFC 6455) for many connections at once: text frames both ways, and nothing that hides a fault."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import struct
from collections.abc import Mapping
from typing import Any

_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA


class Lost(ConnectionError):
    """The connection is over; `code` is what the server said, 0 when it said nothing."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(str(code))
        self.code = code


class AsyncSocket:
    """One open socket. Raises Lost."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, *, port: int, path: str, headers: Mapping[str, str] | None = None) -> AsyncSocket:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            key = base64.b64encode(secrets.token_bytes(16)).decode()
            lines = {
                "Host": f"127.0.0.1:{port}",
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": key,
                **(headers or {}),
            }
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
            answer = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Lost from error
        if b" 101 " not in answer.split(b"\r\n", 1)[0] + b" ":
            writer.close()
            raise Lost
        return cls(reader, writer)

    async def say(self, frame: Mapping[str, Any]) -> None:
        await self._send(_TEXT, json.dumps(frame).encode())

    async def hear(self) -> dict[str, Any]:
        """The next frame."""
        while True:
            first, second = await self._read(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", await self._read(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", await self._read(8))
            payload = await self._read(size)
            match first & 0x0F:
                case opcode if opcode == _TEXT:
                    frame: dict[str, Any] = json.loads(payload)
                    return frame
                case opcode if opcode == _PING:
                    await self._send(_PONG, payload)
                case opcode if opcode == _CLOSE:
                    raise Lost(struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 0)

    def close(self) -> None:
        self._writer.close()

    async def _send(self, opcode: int, payload: bytes) -> None:
        mask = secrets.token_bytes(4)
        if len(payload) < 126:
            head = bytes([0x80 | opcode, 0x80 | len(payload)])
        else:
            head = bytes([0x80 | opcode, 0x80 | 126]) + struct.pack(">H", len(payload))
        key = (mask * (len(payload) // 4 + 1))[: len(payload)]
        body = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")
        try:
            self._writer.write(head + mask + body)
            await self._writer.drain()
        except OSError as error:
            raise Lost from error

    async def _read(self, size: int) -> bytes:
        try:
            return await self._reader.readexactly(size)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Lost from error
