"""Reads mail in a child process that can be killed (MAIL.md 6).

Parsers can be made to run for minutes, to eat all memory or to crash, and no signal stops a C extension inside our own
process. So the child does it, with limits on CPU, memory and time, and dies alone.
"""

import json
import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings

from helpdesk.crash_points import OF_THE_CHILD
from helpdesk.intake.child import LENGTH, LENGTHS, OUT_OF_MEMORY, READY
from helpdesk.models import InboundEvent
from mail_gateway.mail import Address, Attachment, Automatic, Kind, ParsedMail

log = logging.getLogger(__name__)
Key = TypeVar("Key")

#: Longer than the child's own CPU limit, so that a busy machine isn't mistaken for a bad mail.
WALL_SECONDS = 40.0
#: How long a child may take until it is ready for its first mail.
START_SECONDS = 60.0
#: Seconds; most mails are read in a tenth of it.
A_MOMENT = 0.1


class Unreadable(Exception):
    """The child could not read this mail; ``reason`` says how it ended."""

    def __init__(self, reason: InboundEvent.Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Reader:
    """A child that reads one mail after another; it is started when needed and again after it died.

    One thread uses a reader at a time.
    """

    def __init__(self, *, wall_seconds: float = WALL_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._child: subprocess.Popen[bytes] | None = None

    def read(self, raw: bytes) -> ParsedMail:
        """The mail, parsed and sanitised. Raises Unreadable; the child is fresh the next time."""
        answer = next(iter(self.read_all([(None, raw)])))[1]
        if isinstance(answer, Unreadable):
            raise answer
        return answer

    def read_all(
        self, mails: Iterable[tuple[Key, bytes]], *, meanwhile: Callable[[], None] | None = None
    ) -> Iterator[tuple[Key, ParsedMail | Unreadable]]:
        """Each mail with what became of it; the child reads the next one while the caller deals with this one.

        ``meanwhile`` is called when an answer takes longer than ``A_MOMENT``.
        """
        waiting: tuple[Key, bool] | None = None
        try:
            for key, raw in mails:
                if waiting is not None:
                    answer, done = self._receive(is_sent=waiting[1], meanwhile=meanwhile), waiting[0]
                    waiting = (key, self._send(raw))
                    yield done, answer
                else:
                    waiting = (key, self._send(raw))
            if waiting is not None:
                answer, done = self._receive(is_sent=waiting[1], meanwhile=meanwhile), waiting[0]
                waiting = None
                yield done, answer
        finally:
            if waiting is not None:  # the caller stopped early: an answer that nobody takes would be the next mail's
                self.close()

    @property
    def process(self) -> "subprocess.Popen[bytes] | None":
        """The child, while there is one."""
        return self._child

    def warm_up(self) -> None:
        """Start the child now if there is none; returns when it is ready."""
        self._start()

    def close(self) -> None:
        """End the child; the next mail starts a new one."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = subprocess.Popen(  # noqa: S603  # our own module, no shell
                [sys.executable, "-m", "helpdesk.intake.child", *_crash_points()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=settings.BASE_DIR,
                env={},  # no secret of the desk reaches the child
            )
            _wait_until_ready(self._child)
        return self._child

    def _send(self, raw: bytes) -> bool:
        """Hand ``raw`` to the child; False when it died meanwhile."""
        stdin = self._start().stdin
        assert stdin is not None  # noqa: S101  # a pipe was asked for
        try:
            stdin.write(LENGTH.pack(len(raw)) + raw)
            stdin.flush()
        except OSError:
            return False
        return True

    def _receive(self, *, is_sent: bool, meanwhile: Callable[[], None] | None) -> ParsedMail | Unreadable:
        child = self._child
        if child is None or child.stdout is None or not is_sent:
            return self._autopsy()
        if meanwhile is not None and not select.select([child.stdout], [], [], A_MOMENT)[0]:
            meanwhile()
        deadline = time.monotonic() + self._wall_seconds
        try:
            header = _read_until(child.stdout.fileno(), LENGTHS.size, deadline)
            text_size, content_size = LENGTHS.unpack(header)
            text = _read_until(child.stdout.fileno(), text_size, deadline)
            contents = _read_until(child.stdout.fileno(), content_size, deadline)
        except TimeoutError:
            self.close()
            return Unreadable(InboundEvent.Reason.TOO_SLOW, f"no answer within {self._wall_seconds:.0f} s")
        except EOFError:
            return self._autopsy()
        return decode(text, contents)

    def _autopsy(self) -> Unreadable:
        """Why the child died."""
        code = self._child.wait() if self._child is not None else None
        self.close()
        if code == -24:  # SIGXCPU
            return Unreadable(InboundEvent.Reason.TOO_SLOW, "it took more CPU time than a mail may")
        if code in {OUT_OF_MEMORY, -9}:  # by itself, or by the kernel
            return Unreadable(InboundEvent.Reason.TOO_MUCH_MEMORY, f"the reader ended with status {code}")
        return Unreadable(InboundEvent.Reason.CRASHED, f"the reader ended with status {code}")


def _wait_until_ready(child: subprocess.Popen[bytes]) -> None:
    """A busy machine takes seconds to start a Python: no mail is to blame for that, so its clock starts afterwards."""
    assert child.stdout is not None  # noqa: S101  # a pipe was asked for
    with suppress(TimeoutError, EOFError):  # the first mail will show what is wrong
        _read_until(child.stdout.fileno(), len(READY), time.monotonic() + START_SECONDS)


def _crash_points() -> list[str]:
    """The child reads no environment; what a test wants of it is said in its call."""
    name = settings.CRASH_AT.partition(":")[0]
    return [name] if name in OF_THE_CHILD else []


def _read_until(descriptor: int, size: int, deadline: float) -> bytes:
    """``size`` bytes from a pipe. Raises TimeoutError past ``deadline`` (monotonic), EOFError when it closes."""
    parts = []
    while size:
        if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError
        part = os.read(descriptor, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def decode(text: bytes, contents: bytes) -> ParsedMail:
    """The answer of the child as a value."""
    data: dict[str, Any] = json.loads(text)
    attachments, start = [], 0
    for each, size in zip(data["attachments"], data.pop("sizes"), strict=True):
        attachments.append(Attachment(**{**each, "content": contents[start : start + size]}))
        start += size
    for name in ("reply_to", "to", "cc"):
        data[name] = tuple(Address(**each) for each in data[name])
    for name in (
        "delivered_to",
        "in_reply_to",
        "references",
        "bounced_recipients",
        "authentication_results",
        "problems",
    ):
        data[name] = tuple(data[name])
    data["sender"] = Address(**data["sender"]) if data["sender"] else None
    data["from_shown"] = Address(**data["from_shown"])
    data["automatic"] = Automatic(kind=Kind(data["automatic"]["kind"]), reason=data["automatic"]["reason"])
    data["date"] = datetime.fromisoformat(data["date"]) if data["date"] else None
    data["attachments"] = tuple(attachments)
    return ParsedMail(**data)
