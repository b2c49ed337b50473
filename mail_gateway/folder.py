"""Delivers mail into a folder, one file a mail: for a desk without a mail server, and for looking at what it says.

Guarantee: after `flush`, every mail that was put since is there whole and for good. Before it, or after a crash, each
is there whole or not at all. The same name put twice is one file.
"""

import os
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from mail_gateway.addresses import wire_address
from mail_gateway.crash_points import crash_point
from mail_gateway.errors import Temporary

# A file system writes what several threads wait for in one go: ten times the mails of one after another (measured on
# ext4: 230 a second alone, 2,500 with four).
_FLUSHING_THREADS = 4


@dataclass(slots=True)
class Folder:
    """with Folder(path) as folder:
        folder.put(name=..., mail_from=..., recipients=[...], raw=...)
        folder.flush()

    Mails that were not flushed are given up on leaving. Not for use by two threads.
    """

    path: Path
    _open: list[tuple[int, Path, Path]] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Make the folder if there is none. Raises Temporary."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._refused(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_up()

    def put(self, *, name: str, mail_from: str, recipients: Sequence[str], raw: bytes) -> None:
        """Write one mail, out of sight until `flush`. Readable by the owner alone.

        Like every final delivery (RFC 5321 4.4) it puts the envelope above the mail: Return-Path, and a Delivered-To
        for each recipient. Raises Permanent for an address that could break out of its line, and Temporary when the
        disk does not take it.
        """
        sender = wire_address(mail_from) if mail_from else ""
        envelope = [f"Return-Path: <{sender}>", *(f"Delivered-To: {wire_address(address)}" for address in recipients)]
        content = "".join(f"{line}\r\n" for line in envelope).encode() + raw
        hidden = self.path / f".{name}.{secrets.token_hex(4)}.part"
        try:
            descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._open.append((descriptor, hidden, self.path / name))
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(content)
        except OSError as error:
            self._forget(hidden)
            raise self._refused(error) from error

    def flush(self) -> None:
        """Make everything that was put since the last flush visible and safe. Raises Temporary: none of it counts."""
        if not self._open:
            return
        try:
            crash_point("folder.part-written")
            self._flush_contents([descriptor for descriptor, _, _ in self._open])
            for _, hidden, path in self._open:
                hidden.rename(path)
            crash_point("folder.named")
            self._flush_names()
        except OSError as error:
            raise self._refused(error) from error
        finally:
            self._give_up()

    @staticmethod
    def _flush_contents(descriptors: Sequence[int]) -> None:
        if len(descriptors) == 1:
            os.fsync(descriptors[0])
            return
        with ThreadPoolExecutor(min(_FLUSHING_THREADS, len(descriptors))) as threads:
            list(threads.map(os.fsync, descriptors))

    def _flush_names(self) -> None:
        """A rename is on the disk only after its folder is."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _give_up(self) -> None:
        """Close everything, and take away what has not got its name."""
        while self._open:
            self._forget(self._open[-1][1])

    def _forget(self, hidden: Path) -> None:
        if self._open and self._open[-1][1] == hidden:
            os.close(self._open.pop()[0])
        with suppress(OSError):
            hidden.unlink(missing_ok=True)

    def _refused(self, error: OSError) -> Temporary:
        return Temporary(f"The mail could not be written to {self.path}: {error.strerror or type(error).__name__}")
