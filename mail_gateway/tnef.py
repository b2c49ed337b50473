"""winmail.dat: what Outlook packs into a TNEF attachment (MS-OXTNEF).

A damaged file gives what stands before the damage. Reads in one pass, keeps no copies but of what it returns.
"""

from __future__ import annotations

import mimetypes
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from mail_gateway import charsets, rtf
from mail_gateway.mail import Attachment

SIGNATURE = b"\x78\x9f\x3e\x22"
_BODY, _ATTACH_DATA, _ATTACH_TITLE, _ATTACH_BEGINS = 0x800C, 0x800F, 0x8010, 0x9002
_TRANSPORT_NAME, _MESSAGE_PROPERTIES, _ATTACH_PROPERTIES, _CODE_PAGE = 0x9001, 0x9003, 0x9005, 0x9007
# Properties by their number (MS-OXPROPS)
_SUBJECT, _TEXT, _RTF, _HTML, _INTERNET_CODE_PAGE = 0x0037, 0x1000, 0x1009, 0x1013, 0x3FDE
_DISPLAY_NAME, _CONTENT, _NAME, _LONG_NAME, _MIME_TYPE, _CONTENT_ID = 0x3001, 0x3701, 0x3704, 0x3707, 0x370E, 0x3712
# Types of values: their sizes, those with a length of their own, and the flag of many values
_FIXED_SIZES = {0x0B: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x14: 8, 0x40: 8, 0x48: 16}
_STRING, _UNICODE, _OBJECT, _BINARY, _MANY = 0x1E, 0x1F, 0x0D, 0x0102, 0x1000
_MESSAGE_OBJECT = bytes.fromhex("0703020000000000c000000000000046")
_MAX_RTF_BYTES, _MAX_PROPERTIES, _MAX_DEPTH, _MAX_FILES = 4_000_000, 10_000, 5, 1_000


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The content of one winmail.dat; texts are '' when it has none."""

    text: str
    html: str
    attachments: tuple[Attachment, ...]


@dataclass(slots=True)
class _File:
    names: dict[int, str] = field(default_factory=dict)
    content: bytes = b""
    content_type: str = ""
    content_id: str = ""
    inside: Unpacked | None = None


def unpack(data: bytes, *, depth: int = 0) -> Unpacked | None:
    """What is inside, as far as it can be read; None if it is no TNEF at all."""
    if not data.startswith(SIGNATURE):
        return None
    reader = _Reader(depth=depth)
    for name, value in _attributes(data):
        reader.take(name, value)
    return reader.result()


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and value of each attribute; the checksums are nobody's business but the writer's."""
    position = len(SIGNATURE) + 2
    while position + 9 <= len(data):
        _, name, _, size = struct.unpack_from("<BHHI", data, position)
        position += 9
        if size > len(data) - position:
            return
        yield name, data[position : position + size]
        position += size + 2


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Number, type and first value of each property. Stops at the first that does not fit."""
    try:
        count, position = struct.unpack_from("<I", data)[0], 4
        for _ in range(min(count, _MAX_PROPERTIES)):
            kind, number = struct.unpack_from("<HH", data, position)
            position += 4
            if number >= 0x8000:
                position += _size_of_name(data, position)
            values = 1
            is_sized = kind & ~_MANY in (_STRING, _UNICODE, _OBJECT, _BINARY)
            if kind & _MANY or is_sized:
                values = struct.unpack_from("<I", data, position)[0]
                position += 4
            first = b""
            for index in range(min(values, _MAX_PROPERTIES)):
                size = _FIXED_SIZES.get(kind & ~_MANY, 4)
                if is_sized:
                    size = struct.unpack_from("<I", data, position)[0]
                    position += 4
                if size > len(data) - position:
                    return
                first = data[position : position + size] if index == 0 else first
                position += size + -size % 4
            yield number, kind & ~_MANY, first
    except struct.error:
        return  # cut in the middle


def _size_of_name(data: bytes, position: int) -> int:
    """Bytes of the name of a named property: a GUID and a number or a text."""
    if struct.unpack_from("<I", data, position + 16)[0] == 0:
        return 24
    size: int = struct.unpack_from("<I", data, position + 20)[0]
    return 24 + size + -size % 4


class _Reader:
    """Collects the files and the texts of one container."""

    def __init__(self, *, depth: int) -> None:
        self.depth = depth
        self.charset = "windows-1252"
        self.subject = self.text = self.html = ""
        self.files: list[_File] = []

    def take(self, name: int, value: bytes) -> None:
        if name == _CODE_PAGE and len(value) >= 4:
            self.charset = charsets.label_of_code_page(struct.unpack_from("<I", value)[0])
        elif name == _BODY:
            self.text = self.text or self._string(_STRING, value)
        elif name == _MESSAGE_PROPERTIES:
            self._take_message(value)
        elif name == _ATTACH_BEGINS:
            if len(self.files) < _MAX_FILES:
                self.files.append(_File())
        elif name in (_ATTACH_TITLE, _ATTACH_DATA, _TRANSPORT_NAME, _ATTACH_PROPERTIES):
            self._take_file(name, value)

    def _take_message(self, value: bytes) -> None:
        html, packed, charset = b"", b"", self.charset
        for number, kind, data in _properties(value):
            if number == _TEXT:
                self.text = self._string(kind, data)
            elif number == _SUBJECT:
                self.subject = self._string(kind, data)
            elif number == _HTML:
                html = data if kind == _BINARY else self._string(kind, data).encode()
                charset = charset if kind == _BINARY else "utf-8"
            elif number == _RTF:
                packed = data
            elif number == _INTERNET_CODE_PAGE and len(data) == 4:
                charset = charsets.label_of_code_page(struct.unpack("<I", data)[0])
        if html:
            self.html = charsets.decode(html.rstrip(b"\0"), charset)[0]
        elif packed:
            text, self.html = rtf.read(rtf.unpack(packed, max_bytes=_MAX_RTF_BYTES))
            self.text = self.text or text

    def _take_file(self, name: int, value: bytes) -> None:
        if not self.files:
            self.files.append(_File())
        file = self.files[-1]
        if name == _ATTACH_DATA:
            file.content = value
        elif name == _ATTACH_PROPERTIES:
            self._take_file_properties(file, value)
        else:
            file.names[name] = self._string(_STRING, value)

    def _take_file_properties(self, file: _File, value: bytes) -> None:
        for number, kind, data in _properties(value):
            if number in (_LONG_NAME, _NAME, _DISPLAY_NAME):
                file.names[number] = self._string(kind, data)
            elif number == _MIME_TYPE:
                file.content_type = self._string(kind, data).lower()
            elif number == _CONTENT_ID:
                file.content_id = self._string(kind, data).strip("<> ")
            elif number == _CONTENT and kind == _OBJECT:
                file.content = data[len(_MESSAGE_OBJECT) :]
                if data.startswith(_MESSAGE_OBJECT) and self.depth < _MAX_DEPTH:
                    file.inside = unpack(file.content, depth=self.depth + 1)
            elif number == _CONTENT:
                file.content = file.content or data

    def _string(self, kind: int, data: bytes) -> str:
        """A text value without the zero that ends it."""
        if kind == _UNICODE:
            return data.decode("utf-16-le", "replace").partition("\0")[0]
        return charsets.decode(data.partition(b"\0")[0], self.charset)[0]

    def result(self) -> Unpacked:
        attachments: list[Attachment] = []
        for file in self.files:
            attachments.append(_attachment(file))
            attachments += file.inside.attachments if file.inside else ()
        return Unpacked(self.text, self.html, tuple(attachments[:_MAX_FILES]))


def _attachment(file: _File) -> Attachment:
    names = (file.names.get(key, "") for key in (_LONG_NAME, _TRANSPORT_NAME, _ATTACH_TITLE, _NAME, _DISPLAY_NAME))
    name = next((clean for name in names if (clean := charsets.clean_filename(name))), "")
    content, content_type = file.content, file.content_type
    if file.inside is not None:
        # A message inside has no form of its own that another program could open; its text has.
        is_html = bool(file.inside.html)
        content = (file.inside.html if is_html else file.inside.text).encode("utf-8", "replace")
        content_type = "text/html" if is_html else "text/plain"
    content_type = charsets.clean(content_type, max_chars=200)
    guess = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Attachment(
        name, content_type if "/" in content_type else guess, content, is_inline=False,
        content_id=charsets.clean(file.content_id, max_chars=500),
    )  # fmt: skip
