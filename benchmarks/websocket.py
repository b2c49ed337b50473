"""Just enough of a WebSocket client (RFC 6455) to listen to a screen's hints: text frames in, pongs out."""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket
import struct
from collections.abc import Mapping
from types import TracebackType

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA


class WebSocket:
    """One open socket. Raises ConnectionError when the server refuses or hangs up, TimeoutError when it is silent."""

    def __init__(self, *, port: int, path: str, cookies: Mapping[str, str], timeout_s: float) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._stream = self._socket.makefile("rb")
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        lines = {
            "Host": f"127.0.0.1:{port}",
            "Origin": f"http://127.0.0.1:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        self._expect_switch(accept=base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode())

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._socket.close()

    def receive(self) -> str:
        """The next text message; pings are answered on the way."""
        while True:
            first, second = self._read(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", self._read(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", self._read(8))
            payload = self._read(size)
            match first & 0x0F:
                case opcode if opcode == _TEXT:
                    return payload.decode()
                case opcode if opcode == _PING:
                    self._send(_PONG, payload)
                case opcode if opcode == _CLOSE:
                    raise ConnectionError("the server closed the socket")

    def send(self, text: str) -> None:
        self._send(_TEXT, text.encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        mask = secrets.token_bytes(4)
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
        body = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self._socket.sendall(bytes([0x80 | opcode]) + size + mask + body)

    def _expect_switch(self, *, accept: str) -> None:
        status = self._stream.readline().decode("latin-1").strip()
        headers = {}
        while line := self._stream.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if " 101 " not in f"{status} " or headers.get("sec-websocket-accept") != accept:
            raise ConnectionError(f"no socket: {status}")

    def _read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise ConnectionError("the server hung up")
        return data
