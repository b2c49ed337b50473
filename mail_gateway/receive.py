"""Takes mail in by SMTP (RFC 5321) or LMTP (RFC 2033).

Guarantee: a mail is answered with 250 only after `accept` returned for it. So a mail that was confirmed is stored,
and one that could not be stored stays with its sender, who tries again. A line that dies between the two makes the
sender repeat a mail that was stored: `accept` has to swallow repeats.
"""

import asyncio
import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Literal

from mail_gateway.smtp_session import Accept, Desk, Envelope, IsRecipient, Limits, LmtpSession, SmtpSession

__all__ = ["Accept", "Envelope", "IsRecipient", "Limits", "Protocol", "Receiver", "start"]

Protocol = Literal["smtp", "lmtp"]

# aiosmtpd writes every command, with the addresses of people, at INFO.
logging.getLogger("mail.log").setLevel(logging.WARNING)


class Receiver:
    """A running receiver. `port` is the one it listens on."""

    def __init__(self, desk: Desk, *, host: str, port: int, protocol: Protocol) -> None:
        self._desk = desk
        self._session = LmtpSession if protocol == "lmtp" else SmtpSession
        self._loop = asyncio.new_event_loop()
        self._is_stopping = asyncio.Event()
        self._grace_s = 0.0
        bound: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(host, port, bound), name=f"{protocol}-receiver")
        self._thread.start()
        try:
            self.port = bound.result()
        except BaseException:
            self._thread.join()
            desk.pool.shutdown()
            raise

    def stop(self, *, grace_s: float = 10.0) -> None:
        """Stop listening, let mails that are being stored get their answer, end all other sessions with 421.

        Sessions that are still open after `grace_s` are cut. Returns when no thread of this receiver runs any
        more; an `accept` that has begun is never abandoned. A second call does nothing.
        """
        if self._thread.is_alive():
            self._grace_s = grace_s
            self._loop.call_soon_threadsafe(self._is_stopping.set)
            self._thread.join()
        self._desk.pool.shutdown(wait=True)

    def _run(self, host: str, port: int, bound: Future[int]) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(host, port, bound))

    async def _serve(self, host: str, port: int, bound: Future[int]) -> None:
        try:
            server = await self._loop.create_server(lambda: self._session(self._desk), host, port)
        except OSError as error:
            bound.set_exception(error)
            return
        bound.set_result(server.sockets[0].getsockname()[1])
        async with server:
            await self._is_stopping.wait()
            self._desk.is_closing = True
        await self._end_sessions()

    async def _end_sessions(self) -> None:
        for session in tuple(self._desk.sessions):
            session.say_goodbye()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace_s):
                await self._desk.wait_until_empty()
        for session in tuple(self._desk.sessions):
            session.abort()
        await asyncio.sleep(0)


def start(
    *,
    host: str,
    port: int,
    accept: Accept,
    is_recipient: IsRecipient,
    max_bytes: int,
    protocol: Protocol = "smtp",
    limits: Limits | None = None,
    accept_threads: int = 4,
    server_name: str = "mail",
) -> Receiver:
    """Listen on `host` and `port` (0: any free one) in a thread of its own.

    `is_recipient` and `accept` are called on a pool of `accept_threads` threads. `accept` returned: 250. It raised
    Permanent: 554 with the error's text, so that text must be fit for strangers. It raised anything else: 451, and
    the sender tries again. `max_bytes` is announced and enforced with 552. `server_name` is all that strangers
    learn about this host. Raises OSError if it cannot listen there.
    """
    desk = Desk(
        accept=accept,
        is_recipient=is_recipient,
        pool=ThreadPoolExecutor(accept_threads, thread_name_prefix=f"{protocol}-accept"),
        limits=limits or Limits(),
        max_bytes=max_bytes,
        server_name=server_name,
    )
    return Receiver(desk, host=host, port=port, protocol=protocol)
