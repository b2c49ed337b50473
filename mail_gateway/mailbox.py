"""One open folder on an IMAP server (RFC 3501): the only user of imapclient.

The folder is opened read-only unless imported mails are to be cleared away, and mails are fetched with BODY.PEEK[], so
that reading changes no flag. Only UIDs name mails. Works with bare IMAP4rev1: IDLE, MOVE and UIDPLUS are used where
they are offered, ESEARCH and CONDSTORE are not needed.
"""

import re
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, Self

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, IMAPClientReadOnlyError, LoginError
from imapclient.imap_utf7 import decode as decode_utf7

from mail_gateway.bearer import MECHANISM, TokenRefused, TokenSource, initial_response, with_token
from mail_gateway.errors import LoginRefused, Permanent, Temporary
from mail_gateway.imap_folders import Folder, read_folder
from mail_gateway.imap_meter import Meter
from mail_gateway.pulse import Pulse
from mail_gateway.tls import Security, make_context

_TRUNCATED_BYTES = 262_144
_BATCH_MAILS, _BATCH_BYTES = 50, 16 * 1024 * 1024
# imaplib gives up on a line above 1 MB. A UID has at most 10 digits, so the answer to one search stays below that.
_SEARCHED_MAILS = 50_000
_IDLE_SLICE_S = 0.5
_LONGEST_QUOTE = 500
# RFC 5530: the server could not check the login just now, or is busy. All other refusals are the account's fault.
_NOT_NOW = re.compile(r"\[(UNAVAILABLE|INUSE|SERVERBUG|LIMIT|TRYAGAIN)\b")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BYTES_REPR = re.compile(r"""\bb(['"])(.*?)\1""")


@dataclass(frozen=True)
class ImapAccount:
    """Where a mailbox lies and how to open it. `timeout_s` limits each wait for the server.

    With `bearer` the login is by its tokens (XOAUTH2), and `password` is not used. `ca_file`: see `mail_gateway.tls`.
    """

    host: str
    port: int
    security: Security
    username: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    timeout_s: float = 30.0
    ca_file: Path | None = None
    bearer: TokenSource | None = None


@dataclass(frozen=True)
class Fetched:
    """One mail of the mailbox.

    `size` is the server's figure in bytes. `is_truncated`: the mail is larger than the cap, `raw` holds only
    its first 256 kB, the rest stays on the server. `received_at` is the server's INTERNALDATE, aware,
    UTC; None if it has none.
    """

    uid: int
    uidvalidity: int
    raw: bytes
    size: int
    is_truncated: bool
    received_at: datetime | None


class Mailbox:
    """A login with one folder open. Every method raises the errors of `mail_gateway.errors`, and no others."""

    def __init__(self, account: ImapAccount, *, is_writable: bool = False, pulse: Pulse | None = None) -> None:
        """Connect, log in and open the folder, for reading only unless `is_writable`."""
        self._account = account
        self._is_writable = is_writable
        self._pulse = pulse or Pulse()
        if account.bearer is None:
            self._client = _open(account)
        else:
            self._client = with_token(account.bearer, lambda token: _open(account, token=token))
        try:
            with _as_gateway_errors(account, "the login failed"):
                self.is_idle_supported = bool(self._client.has_capability("IDLE"))
            self._pulse.hold(self.cut)
            self.refresh()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with suppress(IMAPClientError, OSError, ValueError):
                self._client.logout()
        self.close()

    def close(self) -> None:
        """Drop the line without a word. Never raises."""
        self._pulse.hold(None)
        with suppress(IMAPClientError, OSError):
            self._client.shutdown()

    def cut(self) -> None:
        """End the line from another thread: whatever waits for the server there fails. Never raises."""
        with suppress(OSError, AttributeError):
            self._client.socket().shutdown(socket.SHUT_RDWR)

    def has(self, capability: str) -> bool:
        """Whether the server offers an extension."""
        with _as_gateway_errors(self._account, "the server did not say what it offers"):
            return bool(self._client.has_capability(capability))

    def folders(self) -> list[Folder]:
        """The folders that can be opened, in the server's order."""
        with _as_gateway_errors(self._account, "the folders could not be listed"):
            self._client.folder_encode = False
            try:
                listed = self._client.list_folders()
            finally:
                self._client.folder_encode = True
            return [folder for flags, _, name in listed if (folder := read_folder(flags, _decoded(name))) is not None]

    def refresh(self) -> None:
        """Open the folder again: `total` and `uidvalidity` are as of now."""
        with _as_gateway_errors(self._account, "the folder could not be opened"):
            try:
                found = self._client.select_folder(self._account.folder, readonly=not self._is_writable)
            except IMAPClientReadOnlyError:  # all that this account may do there
                self._is_writable = False
                found = self._client.select_folder(self._account.folder, readonly=True)
            self.total = int(found.get(b"EXISTS", 0))
            self.uidvalidity = int(found.get(b"UIDVALIDITY", 0))
            self._uidnext = int(found.get(b"UIDNEXT", 0))
        if not self.uidvalidity:
            raise Permanent(f"{self._account.host} gives its mails no lasting numbers (no UIDVALIDITY).")

    def next_uid(self) -> int:
        """The lowest UID that the next mail can have, as of the last `refresh`."""
        return self._uidnext or max(self.uids_after(0), default=0) + 1  # optional in older servers

    def uids_after(self, last_uid: int, *, is_undeleted: bool = False) -> list[int]:
        """The UIDs above `last_uid`, ascending, as of the last `refresh`; those without the flag \\Deleted only."""
        # `n:*` means "up to the last mail" and so always names one, even below n (RFC 3501 6.4.8).
        return self._search(["UID", f"{last_uid + 1}:*", *(["UNDELETED"] if is_undeleted else [])], above=last_uid)

    def uids_from(self, day: date) -> list[int]:
        """The UIDs of the mails that came on `day` or later, by the server's own calendar, ascending."""
        return self._search(["SINCE", day], above=0)

    def times(self, uids: Sequence[int]) -> dict[int, datetime]:
        """When the server received mails, where it knows."""
        found = self._fetch(uids, "INTERNALDATE") if uids else {}
        return {uid: items[b"INTERNALDATE"] for uid, items in found.items() if items.get(b"INTERNALDATE")}

    def _search(self, criteria: list[Any], *, above: int) -> list[int]:
        """Search a window of mails at a time, from the newest down.

        Windows are counted in message numbers, and an expunge by someone else only lowers those: going down, it can
        show a mail twice but never hide one.
        """
        found: set[int] = set()
        for top in range(self.total, 0, -_SEARCHED_MAILS):
            window = f"{max(1, top - _SEARCHED_MAILS + 1)}:{top}"
            self._pulse.beat()
            with _as_gateway_errors(self._account, "the search failed"):
                uids = {int(uid) for uid in self._client.search([window, *criteria])}
            found |= {uid for uid in uids if uid > above}
            if above and not any(uid > above for uid in uids):
                break
        return sorted(found)

    def fetch(self, uids: Sequence[int], *, max_bytes: int) -> Iterator[list[Fetched]]:
        """The mails of ascending `uids`, in their order, in batches that fit into memory.

        A mail above `max_bytes` comes truncated. A mail that was deleted meanwhile is left out. One that the server
        still lists but does not hand over raises Temporary, after all mails before it.
        """
        self._client.meter.most = 4 * max(max_bytes, _BATCH_BYTES)  # some servers say less than they send
        for start in range(0, len(uids), _BATCH_MAILS):
            wanted = uids[start : start + _BATCH_MAILS]
            sizes = self._fetch(wanted, "RFC822.SIZE", "INTERNALDATE")
            for group in _grouped(wanted, sizes, max_bytes=max_bytes):
                is_truncated = _size(sizes, group[0]) > max_bytes
                yield from self._fetch_group(group, sizes, is_truncated=is_truncated)

    def _fetch_group(self, uids: Sequence[int], sizes: "Items", *, is_truncated: bool) -> Iterator[list[Fetched]]:
        item, key = "BODY.PEEK[]", b"BODY[]"
        if is_truncated:
            item, key = f"BODY.PEEK[]<0.{_TRUNCATED_BYTES}>", b"BODY[]<0>"
        bodies = self._fetch(uids, item)
        mails: list[Fetched] = []
        for uid in uids:
            raw = bodies.get(uid, {}).get(key)
            if raw is None:
                if self.is_listed(uid):
                    yield mails
                    raise Temporary(f"{self._account.host} lists the mail with UID {uid} but does not hand it over.")
                continue
            received_at = sizes.get(uid, {}).get(b"INTERNALDATE")
            received_at = received_at.astimezone(UTC) if received_at else None
            mails.append(Fetched(uid, self.uidvalidity, raw, _size(sizes, uid), is_truncated, received_at))
        yield mails

    def _fetch(self, uids: Sequence[int], *items: str) -> "Items":
        self._pulse.beat()
        with _as_gateway_errors(self._account, "the line failed in the middle of a fetch"):
            answer: Items = self._client.fetch(list(uids), list(items))
            return answer

    def is_listed(self, uid: int) -> bool:
        """Whether the folder still has this mail."""
        with _as_gateway_errors(self._account, "the search failed"):
            return uid in self._client.search(["UID", str(uid)])

    def wait_for_news(self, *, seconds: float, stop: Event) -> None:
        """IDLE (RFC 2177) until the server tells of new mail, `stop` is set, or `seconds` are over."""
        with _as_gateway_errors(self._account, "the line failed while waiting for mail"):
            self._client.idle()
            deadline = time.monotonic() + seconds
            while not stop.is_set() and not self._pulse.is_nudged() and (left := deadline - time.monotonic()) > 0:
                self._pulse.beat()
                began_at, slice_s = time.monotonic(), min(left, _IDLE_SLICE_S)
                responses = self._client.idle_check(timeout=slice_s)
                if any(response[0] == b"BYE" for response in responses):
                    raise Temporary(f"{self._account.host}:{self._account.port}: the server has ended the line (BYE).")
                # imapclient tells a closed line as an early empty answer; the next command finds out.
                is_early = time.monotonic() - began_at < slice_s / 2
                if any(_is_news(response) for response in responses) or (is_early and not responses):
                    break
            self._client.idle_done()

    @contextmanager
    def changing(self, what_failed: str) -> Iterator[Any]:
        """The client, for commands that change something; a "no" of the server is Permanent."""
        if not self._is_writable:
            raise Permanent(f"{self._account.host}:{self._account.port}: {what_failed}: the folder is read-only.")
        self._pulse.beat()
        with _as_gateway_errors(self._account, what_failed):
            try:
                yield self._client
            except IMAPClientAbortError:
                raise
            except IMAPClientError as error:
                raise Permanent(_sentence(self._account, what_failed, error)) from error


Items = dict[int, dict[bytes, Any]]


class _Client(IMAPClient):  # type: ignore[misc]
    """An IMAPClient that hears news which came together with the answer to IDLE.

    They lie in the read buffer already, where polling the socket does not see them.
    """

    def _poll_socket(self, sock: socket.socket, timeout: float | None = None) -> list[Any]:
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            if buffered := self._imap.file.peek(1):
                return [buffered]
        events: list[Any] = super()._poll_socket(sock, timeout)
        return events


def _connect(account: ImapAccount) -> IMAPClient:
    context = None if account.security == "none" else make_context(ca_file=account.ca_file)
    client = _Client(
        account.host,
        account.port,
        ssl=account.security == "tls",
        ssl_context=context,
        timeout=SocketTimeout(account.timeout_s, account.timeout_s),
    )
    try:
        client.normalise_times = False  # aware times instead of the host's local ones
        client.meter = Meter(client._imap)
        if account.security == "starttls":
            if not client.has_capability("STARTTLS"):
                # A server that forgot it and an attacker who removed it look alike: never go on in plain text.
                raise Temporary(f"{account.host} does not offer STARTTLS, and nothing is sent in plain text.")
            client.starttls(context)
    except BaseException:
        with suppress(OSError):
            client.shutdown()
        raise
    return client


def _open(account: ImapAccount, *, token: str | None = None) -> IMAPClient:
    """A line that is logged in."""
    with _as_gateway_errors(account, "cannot connect"):
        client = _connect(account)
    try:
        with _as_gateway_errors(account, "the login failed"):
            if token is None:
                _log_in(client, account)
            else:
                _log_in_by_token(client, account, token)
    except BaseException:
        with suppress(IMAPClientError, OSError):
            client.shutdown()
        raise
    return client


def _log_in(client: IMAPClient, account: ImapAccount) -> None:
    if _CONTROL.search(account.username + account.password + account.folder):
        raise LoginRefused("The user name, password or folder holds a control character.")
    try:
        if client.has_capability("AUTH=PLAIN"):  # takes every letter, and needs no quoting
            client.plain_login(account.username, account.password)
        elif (account.username + account.password).isascii() and not set(account.username) & set(' "\\(){%*'):
            client.login(account.username, account.password)
        else:
            raise LoginRefused(f"{account.host} has no login method for the letters of this name or password.")
    except LoginError as error:
        raise _refusal(account, error, LoginRefused) from error


def _log_in_by_token(client: IMAPClient, account: ImapAccount, token: str) -> None:
    # A refused token is answered by a challenge that tells why; an empty answer to it brings the final NO.
    answers = iter([initial_response(account.username, token).encode()])
    if not client.has_capability(f"AUTH={MECHANISM}"):
        raise LoginRefused(f"{account.host} offers no login with a token ({MECHANISM}).")
    try:
        client.sasl_login(MECHANISM, lambda _challenge: next(answers, b""))
    except LoginError as error:
        raise _refusal(account, error, TokenRefused) from error


def _refusal(account: ImapAccount, error: LoginError, family: type[LoginRefused]) -> Temporary | LoginRefused:
    if isinstance(error.__context__, IMAPClientAbortError):  # the line died, nobody judged the password
        return Temporary(_sentence(account, "the line failed in the login", error))
    return (Temporary if _NOT_NOW.search(str(error)) else family)(_sentence(account, "the login was refused", error))


def _decoded(name: bytes | str) -> str:
    """A folder's name from modified UTF-7 (RFC 3501 5.1.3); '' when nobody can read it."""
    try:
        return str(decode_utf7(name))
    except UnicodeError:
        return ""


def _is_news(response: tuple[Any, ...]) -> bool:
    return len(response) > 1 and response[1] == b"EXISTS"


def _size(sizes: Items, uid: int) -> int:
    size = sizes.get(uid, {}).get(b"RFC822.SIZE")
    return size if isinstance(size, int) else 0


def _grouped(uids: Sequence[int], sizes: Items, *, max_bytes: int) -> Iterator[list[int]]:
    """Neighbours that are fetched together: not too much at once, and mails above the cap alone."""
    group: list[int] = []
    held = 0
    for uid in uids:
        size = _size(sizes, uid)
        if group and (held + size > _BATCH_BYTES or size > max_bytes or held > max_bytes):
            yield group
            group, held = [], 0
        group.append(uid)
        held += size
    if group:
        yield group


@contextmanager
def _as_gateway_errors(account: ImapAccount, what_failed: str) -> Iterator[None]:
    """Turn what imapclient, ssl and sockets raise into Temporary."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message
        raise Temporary(f"{account.host}: its certificate is not valid: {reason}. Nothing was sent.") from error
    except (IMAPClientError, OSError) as error:
        raise Temporary(_sentence(account, what_failed, error)) from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        # imapclient trusts the form of answers, and trips over some that are none.
        raise Temporary(_sentence(account, f"{what_failed}, the answer is not IMAP", error)) from error


def _sentence(account: ImapAccount, what_failed: str, error: Exception) -> str:
    words = _BYTES_REPR.sub(r"\2", str(error)) or type(error).__name__
    shown = "".join(letter if letter.isprintable() else " " for letter in words)
    return f"{account.host}:{account.port}: {what_failed}: {' '.join(shown.split())[:_LONGEST_QUOTE]}"
