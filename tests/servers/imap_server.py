"""A small IMAP server on a real socket, with the faults that a test asks for and the extensions that it names."""

import re
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import cast

from mail_gateway.imap import ImapAccount

_RANGE = re.compile(r"(\d+)(?::(\d+|\*))?")


@dataclass
class ImapServer:
    """`mails` by UID. Faults, all off by default:

    `login_answer` instead of OK. `cuts_at[verb]`: how often the line dies at that command; for FETCH, in the middle
    of the mail. `recent` UIDs are those without a time that SINCE finds. `lost` UIDs are listed but never handed over,
    `vanished` ones go away between search and fetch. `answers[verb]` is said instead of the right untagged answer,
    `refusals[verb]` instead of the tagged OK. At a command of `silent_at` the server falls silent and keeps the line
    open. `idles_with` is said in IDLE. The folder is `is_read_only` if told so. `times` are INTERNALDATEs.

    `sizes` are said instead of the real ones. `deleted` UIDs carry that flag; `folders` maps the other folders to the
    UIDs that were put there.
    """

    mails: dict[int, bytes] = field(default_factory=dict)
    capabilities: str = "IMAP4rev1"
    uidvalidity: int = 7
    login_answer: str = ""
    cuts_at: dict[str, int] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    vanished: set[int] = field(default_factory=set)
    recent: set[int] = field(default_factory=set)
    answers: Mapping[str, str] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    silent_at: set[str] = field(default_factory=set)
    idles_with: str = ""
    is_read_only: bool = False
    times: Mapping[int, str] = field(default_factory=dict)
    sizes: Mapping[int, int] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    folders: dict[str, list[int]] = field(default_factory=dict)
    speaks: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    commands: list[str] = field(default_factory=list)
    logins: int = 0
    has_idled: threading.Event = field(default_factory=threading.Event)

    def account(self, *, password: str = "secret", timeout_s: float = 5.0) -> ImapAccount:
        """The way in: without TLS."""
        return ImapAccount("127.0.0.1", self.port, "none", "support", password, timeout_s=timeout_s)

    def cuts(self, verb: str) -> bool:
        """Whether the line dies at this command; counts it."""
        left = self.cuts_at.get(verb, 0)
        self.cuts_at[verb] = max(0, left - 1)
        return left > 0

    def counted(self, word: str) -> int:
        """How many commands held this word."""
        return sum(word in command for command in self.commands)


class _CutError(Exception):
    pass


class _Session(socketserver.StreamRequestHandler):
    script: ImapServer

    def handle(self) -> None:
        self.script = cast("_Server", self.server).script
        if self.script.cuts("GREETING"):
            return
        self._say(f"* OK [CAPABILITY {self.script.capabilities}] ready")
        while line := self.rfile.readline():
            tag, _, command = line.decode().rstrip("\r\n").partition(" ")
            self.script.commands.append(command)
            verb = command.removeprefix("UID ").split(" ")[0].upper()
            if verb != "FETCH" and self.script.cuts(verb):
                return
            if verb in self.script.silent_at:
                self.script.speaks.wait(60)
                return
            done = self._obey(verb, command)
            self._say(f"{tag} {done or f'OK {verb} done'}")
            if verb == "LOGOUT":
                return

    def _obey(self, verb: str, command: str) -> str:
        """Say the untagged answers; the tagged one when it is not OK."""
        if verb in self.script.refusals:
            return self.script.refusals[verb]
        if verb in self.script.answers:
            self._say(self.script.answers[verb])
            return ""
        steps: dict[str, Callable[[str], str]] = {
            "CAPABILITY": self._capability,
            "LOGIN": self._login,
            "EXAMINE": self._open,
            "SELECT": self._open,
            "LIST": self._list,
            "CREATE": self._create,
            "COPY": self._copy,
            "MOVE": self._move,
            "STORE": self._store,
            "EXPUNGE": self._expunge,
            "SEARCH": self._search,
            "FETCH": self._fetch,
            "IDLE": self._idle,
            "LOGOUT": lambda _: self._say("* BYE"),
        }
        return steps[verb](command) if verb in steps else "BAD unknown command"

    def _capability(self, _command: str) -> str:
        return self._say(f"* CAPABILITY {self.script.capabilities}")

    def _login(self, _command: str) -> str:
        self.script.logins += 1
        return self.script.login_answer

    def _open(self, command: str) -> str:
        self._say(f"* {len(self.script.mails)} EXISTS")
        if self.script.uidvalidity:
            self._say(f"* OK [UIDVALIDITY {self.script.uidvalidity}] valid")
        is_read_only = command.startswith("EXAMINE") or self.script.is_read_only
        return f"OK [{'READ-ONLY' if is_read_only else 'READ-WRITE'}] done"

    def _list(self, _command: str) -> str:
        for name in ("INBOX", *self.script.folders):
            self._say(f'* LIST (\\HasNoChildren) "/" "{name}"')
        return ""

    def _create(self, command: str) -> str:
        self.script.folders.setdefault(command.partition(" ")[2].strip('"'), [])
        return ""

    def _copy(self, command: str) -> str:
        _, _, uids, folder = command.split(" ", 3)
        if folder.strip('"') not in self.script.folders:
            return "NO [TRYCREATE] no such folder"
        self.script.folders[folder.strip('"')] += [uid for uid in map(int, uids.split(",")) if uid in self.script.mails]
        return ""

    def _move(self, command: str) -> str:
        refusal = self._copy(command)
        if not refusal:
            self._remove(set(map(int, command.split(" ")[2].split(","))))
        return refusal

    def _store(self, command: str) -> str:
        self.script.deleted |= set(map(int, command.split(" ")[2].split(","))) & set(self.script.mails)
        return ""

    def _expunge(self, command: str) -> str:
        named = set(map(int, command.split(" ")[2].split(","))) if command.startswith("UID") else self.script.deleted
        self._remove(named & self.script.deleted)
        return ""

    def _remove(self, uids: set[int]) -> None:
        for uid in uids:
            self.script.mails.pop(uid, None)
            self.script.deleted.discard(uid)

    def _search(self, command: str) -> str:
        numbers, uids = sorted(self.script.mails), set(self.script.mails)
        for word in re.split(r"(?=UID |SINCE |UNDELETED)", command.partition("SEARCH ")[2]):
            if word.startswith("UNDELETED"):
                uids -= self.script.deleted
            elif word.startswith("SINCE "):
                uids &= self._since(word.removeprefix("SINCE ").strip())
            elif word.startswith("UID "):
                uids &= _members(word[4:], numbers, last=max(numbers, default=0))
            elif word.strip():
                places = _members(word, range(1, len(numbers) + 1), last=len(numbers))
                uids &= {numbers[place - 1] for place in places}
        self._say(" ".join(["* SEARCH", *map(str, sorted(uids, reverse=True))]))
        for uid in self.script.vanished:
            self.script.mails.pop(uid, None)
        return ""

    def _since(self, day: str) -> set[int]:
        """Those of that day or later in the server's own calendar, and all `recent` ones whose time nobody knows."""
        first = datetime.strptime(day, "%d-%b-%Y").date()  # noqa: DTZ007  # a day without a zone, as IMAP has it
        known = {
            uid: parsedate_to_datetime(time.replace("-", " ", 2)).date() for uid, time in self.script.times.items()
        }
        return {uid for uid, received in known.items() if received >= first} | (self.script.recent - set(known))

    def _fetch(self, command: str) -> str:
        _, _, uids, items = command.split(" ", 3)
        for uid in map(int, uids.split(",")):
            raw = self.script.mails.get(uid)
            if raw is None or ("BODY" in items and uid in self.script.lost):
                continue
            if "BODY" not in items:
                time = f' INTERNALDATE "{self.script.times[uid]}"' if uid in self.script.times else ""
                self._say(f"* 1 FETCH (UID {uid} RFC822.SIZE {self.script.sizes.get(uid, len(raw))}{time})")
                continue
            part = re.search(r"<0\.(\d+)>", items)
            shown = raw[: int(part[1])] if part else raw
            is_cut = self.script.cuts("FETCH")
            head = f"* 1 FETCH (UID {uid} BODY[]{'<0>' if part else ''} {{{len(shown)}}}\r\n".encode()
            self.wfile.write(head + (shown[: len(shown) // 2] if is_cut else shown + b")\r\n"))
            if is_cut:
                raise _CutError
        return ""

    def _idle(self, _command: str) -> str:
        self._say("+ idling")
        self.script.has_idled.set()
        if self.script.idles_with:
            self._say(self.script.idles_with)
        if self.script.cuts("IDLING") or not self.rfile.readline():
            raise _CutError
        return ""

    def _say(self, line: str) -> str:
        self.wfile.write(f"{line}\r\n".encode())
        return ""


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    script: ImapServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A line that the script cut is what these tests are about."""


def _members(sequence: str, existing: "range | list[int]", *, last: int) -> set[int]:
    """What a sequence set names: `n:*` always includes the last, even below n (RFC 3501 6.4.8)."""
    found = _RANGE.search(sequence)
    assert found is not None
    first = int(found[1])
    end = last if found[2] == "*" else int(found[2] or first)
    return {number for number in existing if min(first, end) <= number <= max(first, end)}


@contextmanager
def serve_imap(script: ImapServer) -> Iterator[ImapServer]:
    """Run the server on a free port of 127.0.0.1."""
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.script = script
        script.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield script
        finally:
            script.speaks.set()
            with suppress(OSError):
                server.shutdown()
            thread.join()
