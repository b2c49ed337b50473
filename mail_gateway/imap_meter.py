"""How much one answer of an IMAP server may bring: imaplib keeps all of it in memory, and would do so without end."""

from typing import Any

from mail_gateway.errors import Temporary

#: Far more than any answer has that holds no mails: a search's is the longest, with at most 50,000 UIDs.
MOST_BYTES = 64 * 1024 * 1024


class Meter:
    """Counts what comes after each command of an imaplib line, which is kept quiet besides.

    `most` bytes may come; more raises Temporary, and the line is of no more use.
    """

    def __init__(self, line: Any) -> None:
        self.most = self._left = MOST_BYTES
        self._send, self._read, self._readline = line.send, line.read, line.readline
        line.send, line.read, line.readline = self._sent, self._counted_read, self._counted_readline
        # imapclient switches imaplib's tracing on, which then writes out every mail as text and throws that away.
        line.debug = 0

    def _sent(self, data: bytes) -> Any:
        self._left = self.most
        return self._send(data)

    def _counted_read(self, size: int) -> bytes:
        self._spend(size)  # before it is read: the server has said how much comes
        return bytes(self._read(size))

    def _counted_readline(self) -> bytes:
        line = bytes(self._readline())
        self._spend(len(line))
        return line

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise Temporary(f"One answer of the server is longer than {self.most // 1024} kB.")
