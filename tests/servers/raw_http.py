"""An HTTP server on a real socket that answers with the very bytes that a test gives it."""

import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import cast

#: Writes an answer to a request: `answer(write, is_closing)`. Bytes that are written go out at once.
Script = Callable[[Callable[[bytes], None], threading.Event], None]


@dataclass
class RawServer:
    """Each request, as it was sent, is in `requests`."""

    script: Script
    context: ssl.SSLContext | None = None
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    is_closing: threading.Event = field(default_factory=threading.Event)


def says(*lines: str, body: bytes = b"") -> Script:
    """An answer of header lines, of which the first is the status, and a body with its length."""
    head = "\r\n".join(["HTTP/1.1 " + lines[0], *lines[1:], f"Content-Length: {len(body)}"])
    return lambda write, is_closing: write(head.encode() + b"\r\n\r\n" + body)


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = cast("_Server", self.server).raw
        with suppress(OSError):  # a client that refuses us leaves in the handshake or in the middle of an answer
            if server.context is not None:
                self.connection = server.context.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb")
            server.requests.append(self._read_request())
            server.script(self.connection.sendall, server.is_closing)
        self.connection.close()

    def _read_request(self) -> bytes:
        head = b""
        while (line := self.rfile.readline()) not in {b"\r\n", b""}:
            head += line
        sizes = [line.split(b":")[1] for line in head.splitlines() if line.lower().startswith(b"content-length")]
        return head + b"\r\n" + self.rfile.read(int(sizes[0]) if sizes else 0)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    raw: RawServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is what these tests are about."""


@contextmanager
def serve(script: Script, *, context: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """Run it on a free port of 127.0.0.1. With `context` it speaks TLS."""
    raw = RawServer(script, context)
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.raw, raw.port = raw, server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield raw
        finally:
            raw.is_closing.set()
            server.shutdown()
            thread.join()
