"""Daphne with a limit on bodies: it would write any amount of bytes to the disk before it asks anybody."""

from typing import Any

from daphne import http_protocol, server
from django.conf import settings

_TOO_LARGE = (
    b"HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain\r\nContent-Length: 24\r\nConnection: close\r\n\r\n"
    b"That is more than fits.\n"
)


class Request(http_protocol.WebRequest):  # type: ignore[misc]  # daphne has no types
    """A request that is refused as soon as it says, or shows, that it is too large."""

    is_refused = False
    _received = 0

    def gotLength(self, length: int | None) -> None:  # noqa: N802  # Twisted's name
        super().gotLength(length)
        if length is not None and length > settings.MAX_BODY_BYTES:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802  # Twisted's name
        self._received += len(data)
        if self.is_refused:
            return
        if self._received > settings.MAX_BODY_BYTES:  # in chunks, without a length
            self._refuse()
        else:
            super().handleContentChunk(data)

    def process(self) -> Any:
        return None if self.is_refused else super().process()

    def _refuse(self) -> None:
        self.is_refused = True
        self.channel.transport.write(_TOO_LARGE)
        self.channel.loseConnection()


class _Factory(http_protocol.HTTPFactory):  # type: ignore[misc]
    def buildProtocol(self, address: Any) -> Any:  # noqa: N802  # Twisted's name
        protocol = super().buildProtocol(address)
        protocol.requestFactory = Request
        return protocol


def limit_bodies() -> None:
    """Daphne's servers of this process refuse bodies over ``settings.MAX_BODY_BYTES``: it has no setting for that."""
    server.HTTPFactory = _Factory
