"""An `OutgoingMail` to the bytes that go on the wire (RFC 5322, 2045, 2047, 2231; automatic mail by RFC 3834).

Headers are written here instead of by `email`: its writers fold long Message-IDs into encoded words and, on Python 3.10
to 3.12, turn a line break in a parsed value into a new header.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import datetime
from urllib.parse import quote

from mail_gateway.addresses import ascii_address
from mail_gateway.mail import Address, Attachment, OutgoingMail

_LINE_CHARS, _ENCODED_WORD_BYTES = 76, 42
_MAX_REFERENCES, _MAX_ID_CHARS = 30, 990
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ATOM_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_MESSAGE_ID = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")
_FOREIGN_ID = re.compile(r"[!-;=?-~]+")
_MEDIA_TYPE = re.compile(r"[a-z0-9][\w.+-]{0,100}/[a-z0-9][\w.+-]{0,100}", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def compose(mail: OutgoingMail) -> bytes:
    """The mail with CRLF line ends, ASCII throughout; the same input gives the same bytes.

    Raises ValueError for control characters in a header value, an address that is incomplete or not ASCII before its
    @, a malformed Message-ID of our own, a naive date, no recipient, or an automatic mail with more than one.
    """
    if not mail.to:
        raise ValueError("A mail needs a recipient.")
    if mail.automatic and len(mail.to) + len(mail.cc) != 1:
        raise ValueError("An automatic mail goes to exactly one recipient.")
    lines = [line for name, value in _fields(mail) for line in _fold(name, value)]
    body = _body(mail)
    return "\r\n".join(lines).encode("ascii") + b"\r\n" + body


def _fields(mail: OutgoingMail) -> list[tuple[str, list[str]]]:
    """Names and values; a value is a list of words that a line may break between."""
    fields = [
        ("From", _address(mail.sender)),
        ("To", _addresses(mail.to)),
        ("Cc", _addresses(mail.cc)),
        ("Reply-To", _address(mail.reply_to) if mail.reply_to else []),
        ("Subject", _words(_checked("Subject", mail.subject))),
        ("Date", _date(mail.date).split()),
        ("Message-ID", [_id(mail.message_id)]),
        ("In-Reply-To", _foreign_ids((mail.in_reply_to,))),
        ("References", _foreign_ids(_shortened(mail.references))),
    ]
    if mail.automatic:
        fields += [("Auto-Submitted", [mail.automatic]), ("X-Auto-Response-Suppress", ["All"])]
    if mail.language:
        if not _LANGUAGE.fullmatch(mail.language):
            raise ValueError(f"{mail.language!r} is no language tag.")
        fields.append(("Content-Language", [mail.language]))
    fields.append(("MIME-Version", ["1.0"]))
    return [(name, value) for name, value in fields if value or name == "Subject"]


def _shortened(references: tuple[str, ...]) -> tuple[str, ...]:
    """The first and the latest references: readers thread by either end, and some servers refuse long headers."""
    if len(references) <= _MAX_REFERENCES:
        return references
    return (references[0], *references[1 - _MAX_REFERENCES :])


def _checked(name: str, value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError(f"{name} holds a control character.")
    return value


def _id(message_id: str) -> str:
    if len(message_id) > _MAX_ID_CHARS or not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError(f"{message_id[:80]!r} is no Message-ID.")
    return f"<{message_id}>"


def _foreign_ids(message_ids: tuple[str, ...]) -> list[str]:
    """Message-IDs that others made. One that no header can hold is left out: a reply must not fail on it."""
    for one in message_ids:
        _checked("A Message-ID", one)
    return [f"<{one}>" for one in message_ids if len(one) <= _MAX_ID_CHARS and _FOREIGN_ID.fullmatch(one)]


def _addresses(addresses: tuple[Address, ...]) -> list[str]:
    words: list[str] = []
    for address in addresses:
        if words:
            words[-1] += ","
        words += _address(address)
    return words


def _address(address: Address) -> list[str]:
    name = _checked("A display name", address.name).strip()
    addr = ascii_address(address.addr)
    if not addr:
        raise ValueError(f"{address.addr[:80]!r} is no mail address.")
    if not name:
        return [addr]
    if not name.isascii() or "=?" in name:
        return [*_encoded_words(name), f"<{addr}>"]
    if not _ATOM_PHRASE.fullmatch(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    return [*name.split(" "), f"<{addr}>"]


def _words(text: str) -> list[str]:
    """Unstructured text: as it is if it is plain and foldable ASCII, else as encoded words."""
    words = text.split(" ")
    if text.isascii() and "=?" not in text and all(0 < len(word) < _LINE_CHARS for word in words):
        return words
    return _encoded_words(text) if text else []


def _encoded_words(text: str) -> list[str]:
    """RFC 2047 words of whole characters, each at most 75 long."""
    words: list[str] = []
    chunk = b""
    for character in text:
        data = character.encode("utf-8")
        if len(chunk) + len(data) > _ENCODED_WORD_BYTES:
            words.append(_encoded_word(chunk))
            chunk = b""
        chunk += data
    return [*words, _encoded_word(chunk)]


def _encoded_word(chunk: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(chunk).decode('ascii')}?="


def _fold(name: str, words: list[str]) -> list[str]:
    """Lines of at most 76 characters where the words allow it."""
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > _LINE_CHARS and line.strip() and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return [*lines, line]


def _date(date: datetime) -> str:
    if date.tzinfo is None:
        raise ValueError("The date has no time zone.")
    # strftime would write the names in the language of the process.
    return (
        f"{_DAYS[date.weekday()]}, {date.day:02} {_MONTHS[date.month - 1]} {date.year:04} "
        f"{date:%H:%M:%S} {date.strftime('%z')[:5]}"
    )


def _body(mail: OutgoingMail) -> bytes:
    """The content headers of the whole mail, a blank line and the content."""
    body = _text_part("plain", mail.text)
    if mail.html:
        body = _multipart("alternative", [body, _text_part("html", mail.html)], mail.message_id)
    if mail.attachments:
        body = _multipart("mixed", [body, *map(_attachment_part, mail.attachments)], mail.message_id)
    return body


def _text_part(subtype: str, text: str) -> bytes:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text if text.endswith("\n") else text + "\n"
    data = text.replace("\n", "\r\n").encode("utf-8", "replace")
    longest = max(map(len, data.split(b"\r\n")))
    if data.isascii() and longest <= _LINE_CHARS + 2:
        encoding = "7bit"
    elif sum(byte > 0x7F for byte in data) * 3 < len(data):
        encoding = "quoted-printable"
        data = binascii.b2a_qp(data, istext=True)
    else:
        encoding = "base64"
        data = _base64_lines(data)
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode("ascii") + data


def _attachment_part(attachment: Attachment) -> bytes:
    # A message or multipart type must not be base64 (RFC 2046, 5.2.1): as opaque bytes it arrives unchanged.
    is_opaque = attachment.content_type.lower().startswith(("message/", "multipart/"))
    is_known = _MEDIA_TYPE.fullmatch(attachment.content_type) and not is_opaque
    content_type = attachment.content_type if is_known else "application/octet-stream"
    lines = [f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64"]
    disposition = "inline" if attachment.is_inline else "attachment"
    lines.append(f"Content-Disposition: {disposition}{_filename(attachment.filename)}")
    if attachment.content_id:
        content_id = _checked("A Content-ID", attachment.content_id)
        if not (content_id.isascii() and content_id.isprintable()) or set(content_id) & set("<> "):
            raise ValueError(f"{content_id[:80]!r} is no Content-ID.")
        lines.append(f"Content-ID: <{content_id}>")
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + _base64_lines(attachment.content)


def _filename(name: str) -> str:
    """The filename parameter on lines of its own: quoted if ASCII and short, else by RFC 2231 in numbered sections."""
    if not _checked("A file name", name):
        return ""
    if name.isascii() and len(name) <= 60:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f';\r\n filename="{escaped}"'
    encoded = f"utf-8''{quote(name, safe='')}"
    sections: list[str] = []
    while encoded:
        cut = 55
        # A section must not cut through a %XX.
        while cut > 52 and "%" in encoded[cut - 2 : cut]:
            cut -= 1
        sections.append(encoded[:cut])
        encoded = encoded[cut:]
    if len(sections) == 1:
        return f";\r\n filename*={sections[0]}"
    return "".join(f";\r\n filename*{number}*={section}" for number, section in enumerate(sections))


def _base64_lines(data: bytes) -> bytes:
    encoded = base64.b64encode(data)
    return b"".join(encoded[start : start + 76] + b"\r\n" for start in range(0, len(encoded), 76))


def _multipart(subtype: str, parts: list[bytes], seed: str) -> bytes:
    # Fixed by the Message-ID, so that composing twice gives the same bytes, and as unguessable as its MAC.
    digest = hashlib.sha256(f"{subtype}\x00{seed}".encode()).hexdigest()[:24]
    boundary = f"=_{subtype}_{digest}"
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n\r\n'.encode("ascii")
    delimiter = f"--{boundary}\r\n".encode("ascii")
    end = f"--{boundary}--\r\n".encode("ascii")
    return head + b"".join(delimiter + part + (b"" if part.endswith(b"\r\n") else b"\r\n") for part in parts) + end
