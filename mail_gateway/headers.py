"""The one door to the headers of a mail: no other module reads a raw header value.

Names are lower-cased, values stay bytes until somebody asks, and every decoded value leaves through `charsets.clean`.
Nothing here raises, whatever the bytes are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from mail_gateway import addresses
from mail_gateway.charsets import clean, decode_header_bytes
from mail_gateway.encoded_words import decode_words, parse_parameters
from mail_gateway.mail import Address, Limits
from mail_gateway.problems import Problem, SenderProblem

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
_BLOCK_END = re.compile(rb"\r?\n\r?\n")
_ENVELOPE_LINE = re.compile(rb">?From [^\n]*\n?")
_FOLD = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_ANGLE_ID = re.compile(r"<\s*([^<>]{1,2000}?)\s*>")
_MESSAGE_ID_BYTES, _REFERENCES = 998, 100
_RUBBISH_LINES = 3
_DATE = re.compile(
    r"(\d{1,2})[ -]+([A-Za-z]{3})[a-z.]*[ -]+(\d{4}|\d{2})[ ,]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?"
    r"(?:\s*([+-]\d{2}:?\d{2})\b|\s+\(?([A-Z]{1,5})\b)?"
)
_MONTHS = {
    name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)
}
_ZONE_HOURS = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7} | {
    "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9
}  # fmt: skip


class Headers:
    """The fields of one header block in their order."""

    __slots__ = ("_fields", "_max_bytes", "_names", "charset_hint")

    def __init__(self, fields: list[tuple[str, bytes]], *, max_bytes: int) -> None:
        self._fields = fields
        self._names = frozenset(name for name, _ in fields)
        self._max_bytes = max_bytes
        # The charset of the first text part: the best guess for raw 8-bit headers that are not UTF-8.
        self.charset_hint = ""

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def names(self) -> list[str]:
        """Every field name, lower-cased, in order and with repetitions."""
        return [field for field, _ in self._fields]

    def count(self, name: str) -> int:
        return sum(field == name for field, _ in self._fields)

    def _unfolded(self, name: str) -> list[str]:
        if name not in self._names:
            return []
        return [self._to_text(value) for field, value in self._fields if field == name]

    def _to_text(self, value: bytes) -> str:
        text = decode_header_bytes(value[: self._max_bytes], self.charset_hint)
        return _FOLD.sub(" ", text).strip() if "\n" in text or "\r" in text else text.strip()

    def text(self, name: str, *, max_chars: int = 2_000) -> str:
        """The last field of that name (as RFC 8621, 4.1.3 has it), decoded and clean; '' if there is none."""
        if name not in self._names:
            return ""
        for field, value in reversed(self._fields):
            if field == name:
                return clean(decode_words(self._to_text(value)), max_chars=max_chars)
        return ""

    def texts(self, name: str) -> list[str]:
        """All fields of that name, decoded and clean."""
        return [clean(decode_words(value)) for value in self._unfolded(name)]

    def as_written(self, name: str) -> list[str]:
        """All fields of that name, clean, encoded words left as they are: RFC 2047 allows none in structured fields.

        Decoded, they would smuggle in the separators of such a field: an envelope sender can look like one.
        """
        return [clean(value) for value in self._unfolded(name)]

    def token(self, name: str) -> str:
        """The first word of a structured field in lower case, without comments and parameters; '' if there is none."""
        value = self.text(name, max_chars=500)
        while (start := value.find("(")) != -1 and (end := value.find(")", start)) != -1:
            value = value[:start] + " " + value[end + 1 :]
        words = value.partition(";")[0].split()
        return words[0].lower().strip("\"'") if words else ""

    def content_type(self, default: str) -> tuple[str, dict[str, str]]:
        """The media type, lower-cased, and its parameters; an unreadable type is text/plain (RFC 2045, 5.2)."""
        values = self._unfolded("content-type")
        if not values or not values[0]:
            return default, {}
        token, parameters = parse_parameters(values[0])
        main, _, sub = token.partition("/")
        if not (main and sub):
            token = {"multipart": "multipart/mixed", "html": "text/html"}.get(main, "text/plain")
        return clean(token, max_chars=200), parameters

    def disposition(self) -> tuple[str, dict[str, str]]:
        """The Content-Disposition ('' if absent) and its parameters."""
        found = [parse_parameters(value) for value in self._unfolded("content-disposition")[:10]]
        if len(found) == 1:
            return found[0]
        tokens = [token for token, _ in found if token]
        joined = {name: value for _, parameters in reversed(found) for name, value in parameters.items() if value}
        return "attachment" if "attachment" in tokens else "".join(tokens[:1]), joined

    def addresses(self, name: str, *, limit: int) -> tuple[Address, ...]:
        """The addresses of all fields of that name, at most `limit`."""
        found: list[Address] = []
        for value in self._unfolded(name):
            found += addresses.read_list(value, limit=limit - len(found))
        return tuple(found)

    def sender(self) -> tuple[Address | None, str]:
        """The one mailbox of the one From field, or None and why not."""
        values = self._unfolded("from")
        if len(values) != 1:
            return None, (SenderProblem.REPEATED if values else SenderProblem.MISSING).value
        return addresses.read_strict(values[0])

    def shown_sender(self) -> Address:
        """The best guess at who the mail claims to be from, for display only."""
        values = [*self._unfolded("from"), *self._unfolded("sender")]
        found = [addresses.read_shown(value) for value in values]
        return next((address for address in found if address.addr), found[0] if found else Address("", ""))

    def _id_values(self, name: str) -> list[str]:
        """Programs that write mail with Python send long ids as encoded words, which RFC 2047 forbids."""
        return [decode_words(value) if "=?" in value else value for value in self._unfolded(name)]

    def message_ids(self, name: str) -> tuple[str, ...]:
        """The Message-IDs of a field, without angle brackets: at most 100, the first one and the latest."""
        found: list[str] = []
        for value in self._id_values(name):
            ids = _ANGLE_ID.findall(value) or [word.strip("<>,;") for word in value.split() if "@" in word]
            found += map(_as_id, ids)
        found = [one for one in found if one]
        return tuple(found if len(found) <= _REFERENCES else [found[0], *found[1 - _REFERENCES :]])

    def message_id(self) -> str:
        """The Message-ID without angle brackets; '' if there is none."""
        values = self._id_values("message-id")
        if not values:
            return ""
        ids = _ANGLE_ID.findall(values[0])
        return _as_id(ids[0] if ids else values[0].strip("<> "))

    def date(self) -> datetime | None:
        """The Date field in UTC; None if it is absent or unreadable. A missing or unknown zone counts as UTC."""
        values = self._unfolded("date")
        match = _DATE.search(values[0][:200]) if values else None
        if match is None:
            return None
        year = int(match[3])
        year += (2000 if year < 50 else 1900) if len(match[3]) == 2 else 0
        offset = (match[7] or "").replace(":", "")
        minutes = int(offset[1:3]) * 60 + int(offset[3:]) if offset else _ZONE_HOURS.get(match[8] or "", 0) * 60
        try:
            zone = timezone(timedelta(minutes=-minutes if offset.startswith("-") else minutes))
            month = _MONTHS[match[2].lower()]
            clock = int(match[4]), int(match[5]), min(int(match[6] or 0), 59)
            return datetime(year, month, int(match[1]), *clock, tzinfo=zone).astimezone(UTC)
        except (KeyError, ValueError, OverflowError):
            return None


def read_headers(raw: bytes, start: int, end: int, limits: Limits, note: Callable[[str], None]) -> tuple[Headers, int]:
    """The header block that begins at `start`, and where the body begins. `note` takes what was wrong with it."""
    blank = 1 if raw[start : min(end, start + 1)] == b"\n" else 2 if raw[start : min(end, start + 2)] == b"\r\n" else 0
    if blank:
        return Headers([], max_bytes=limits.header_bytes), start + blank
    cut = min(end, start + limits.header_block_bytes)
    found = _BLOCK_END.search(raw, start, cut)
    block_end, body = (found.start(), found.end()) if found else (cut, cut)
    if found is None and cut < end:
        note(Problem.HEADERS_TOO_LONG.filled(kilobytes=limits.header_block_bytes // 1024))
    fields, stop = _read_fields(raw, start, block_end, note)
    if stop < block_end:
        body = stop
    if any(len(value) > limits.header_bytes for _, value in fields):
        note(Problem.HEADER_TOO_LONG.filled(kilobytes=limits.header_bytes // 1024))
    return Headers(fields, max_bytes=limits.header_bytes), body


def _as_id(value: str) -> str:
    """At most one line of bytes (RFC 5322, 2.1.1), whatever letters: databases index no more."""
    cleaned = clean(value, max_chars=_MESSAGE_ID_BYTES)
    return cleaned.encode()[:_MESSAGE_ID_BYTES].decode(errors="ignore")


def _read_fields(raw: bytes, start: int, end: int, note: Callable[[str], None]) -> tuple[list[tuple[str, bytes]], int]:
    """The fields between the offsets, and where they stop: at `end`, or at the first line that belongs to the body."""
    fields: list[tuple[str, bytes]] = []
    position = start
    while position < end:
        match = _FIELD.match(raw, position, end)
        if match is None:
            following = _next_field(raw, position, end)
            if following < 0:
                break
            if position > start or not _ENVELOPE_LINE.match(raw, position, end):
                note(Problem.HEADER_RUBBISH.value)
            position = following
            continue
        fields.append((match[1].decode("ascii").lower(), match[2]))
        position = match.end()
    return fields, position


def _next_field(raw: bytes, position: int, end: int) -> int:
    """Offset of the header that follows a line or two of rubbish; -1 if the body begins here."""
    for _ in range(_RUBBISH_LINES):
        position = -1 if raw.startswith(b"--", position) else raw.find(b"\n", position, end)
        if position < 0:
            return -1
        position += 1
        if _FIELD.match(raw, position, end):
            return position
    return -1
