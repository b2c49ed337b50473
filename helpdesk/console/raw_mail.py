"""Mail as bytes, shown and handed out without being believed."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse

from helpdesk.text import clean_text
from mail_gateway.headers import read_headers
from mail_gateway.mail import Limits
from mail_gateway.parse import parse

#: What a page shows of a mail's beginning; the rest is in the download.
PEEK_BYTES = 16 * 1024


#: Of a header block that nobody has read before: enough for what people know a mail by.
_GLANCE = Limits(header_block_bytes=PEEK_BYTES, header_bytes=2_000)


@dataclass(frozen=True, slots=True)
class Glance:
    """What people know a mail by, as it says itself; empty where it doesn't. ``date``: the sender's clock."""

    sender: str
    recipient: str
    subject: str
    date: datetime | None


def glance(beginning: bytes) -> Glance:
    """The telling headers of a mail whose first bytes these are, decoded within limits; works on any bytes."""
    headers, _body = read_headers(beginning, 0, len(beginning), _GLANCE, lambda _problem: None)
    return Glance(
        sender=headers.text("from", max_chars=200),
        recipient=headers.text("to", max_chars=200),
        subject=headers.text("subject", max_chars=300),
        date=headers.date(),
    )


@dataclass(frozen=True)
class Letter:
    """A mail of ours, taken apart for reading: its header lines as they stand, its text, its files by name and size."""

    headers: tuple[tuple[str, str], ...]
    text: str
    files: tuple[tuple[str, int], ...]


def letter_of(raw: bytes) -> Letter:
    """A finished mail of our own making, for the page about it."""
    mail = parse(raw)
    return Letter(
        headers=header_lines(raw),
        text=mail.text,
        files=tuple((file.filename, len(file.content)) for file in mail.attachments if not file.is_inline),
    )


def header_lines(raw: bytes) -> tuple[tuple[str, str], ...]:
    """The first header lines as (name, value), unfolded, not decoded, in their order. Works on any bytes."""
    block = clean_text(_decoded(raw[:PEEK_BYTES])).split("\n\n", 1)[0]
    lines: list[tuple[str, str]] = []
    for line in block.split("\n"):
        if line[:1] in {" ", "\t"} and lines:
            name, value = lines[-1]
            lines[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        lines.append((name.strip(), value.strip()) if colon else ("", line.strip()))
    return tuple(lines)


def peek(raw: bytes) -> str:
    """The beginning of any bytes as text, without reading their structure: for mail that readers crash on."""
    return clean_text(_decoded(raw[:PEEK_BYTES]))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        # Never fails and keeps every ASCII character; the last character may be half of one in the valid case.
        return raw.decode("utf-8", "replace")


def raw_download(raw: bytes, *, name: str) -> HttpResponse:
    """``raw`` as a file that no browser will render, sniff or run (MAIL.md 28)."""
    answer = HttpResponse(raw, content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = "private, no-store"
    return answer
