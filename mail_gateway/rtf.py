"""Rich text as Outlook carries it: unpacked (MS-OXRTFCP), and as the HTML (MS-OXRTFEX) or the text that is in it."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from mail_gateway import charsets

_PRESET = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor "
    rb"MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_PACKED, _PLAIN, _RING = b"LZFu", b"MELA", 4096
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,9})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)|.", re.DOTALL
)
_MAX_TOKENS, _MAX_DEPTH = 500_000, 200
_HIDDEN = frozenset(
    b"fonttbl colortbl stylesheet info pict object header footer headerl headerr footerl footerr listtable "
    b"listoverridetable rsidtbl generator themedata datastore xmlnstbl filetbl".split()
)
_SPOKEN: dict[bytes, str] = {
    b"par": "\n", b"line": "\n", b"tab": "\t", b"row": "\n", b"cell": "\t", b"emdash": "—", b"endash": "–",
    b"bullet": "•", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”", b"page": "\n", b"sect": "\n",
}  # fmt: skip
_SYMBOLS = {b"~": "\xa0", b"_": "-", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n"}


def unpack(data: bytes, *, max_bytes: int) -> bytes:
    """The RTF of a PR_RTF_COMPRESSED value, as far as it can be read; at most `max_bytes`."""
    if len(data) < 16:
        return b""
    size, magic = struct.unpack_from("<I", data, 4)[0], data[8:12]
    size = min(size, max_bytes)
    if magic == _PLAIN:
        return data[16 : 16 + size]
    if magic != _PACKED:
        return b""
    # The ring buffer of the specification is the end of what was written, if the preset text counts as written.
    out, position = bytearray(_PRESET), 16
    end = len(_PRESET) + size
    while position < len(data) and len(out) < end:
        flags, position = data[position], position + 1
        for bit in range(8):
            if flags >> bit & 1:
                token = int.from_bytes(data[position : position + 2], "big")
                position += 2
                distance = (len(out) - (token >> 4)) % _RING
                if position > len(data) or distance == 0 or distance > len(out):
                    return bytes(out[len(_PRESET) :])
                for _ in range((token & 15) + 2):
                    out.append(out[-distance])
            else:
                out += data[position : position + 1]
                position += 1
    return bytes(out[len(_PRESET) : end])


@dataclass(slots=True)
class _Group:
    """What a brace opens; inherited by the groups inside."""

    is_hidden: bool = False
    is_tag: bool = False
    skip_after_unicode: int = 1


class _Reader:
    """Collects the text of one document, or its HTML if it was made from HTML."""

    def __init__(self, rtf: bytes) -> None:
        self.has_html = b"\\fromhtml" in rtf[:4_000]
        self.charset = "windows-1252"
        self.out: list[str] = []
        self.bytes = bytearray()
        self.groups = [_Group()]
        self.is_rtf_only = False
        self.to_skip = 0
        for number, match in enumerate(_TOKEN.finditer(rtf)):
            if number >= _MAX_TOKENS:
                break
            self._read(match)
        self._flush()

    def _flush(self) -> None:
        if self.bytes:
            self.out.append(charsets.decode(bytes(self.bytes), self.charset)[0])
            self.bytes.clear()

    def _say(self, text: str) -> None:
        group = self.groups[-1]
        if group.is_hidden or (self.is_rtf_only and not group.is_tag):
            return
        self._flush()
        self.out.append(text)

    def _say_bytes(self, data: bytes) -> None:
        skipped = min(self.to_skip, len(data))
        self.to_skip -= skipped
        group = self.groups[-1]
        if not (group.is_hidden or (self.is_rtf_only and not group.is_tag)):
            self.bytes += data[skipped:]

    def _read(self, match: re.Match[bytes]) -> None:
        word, number, code, symbol, brace, text = match.groups()
        if text is not None:
            self._say_bytes(text)
        elif code is not None:
            self._say_bytes(bytes([int(code, 16)]))
        elif word is not None:
            self._word(word, int(number) if number else None)
        elif brace is not None:
            self._brace(brace)
        elif symbol == b"*":
            self.groups[-1].is_hidden = True
        elif symbol is not None and symbol in _SYMBOLS:
            self._say(_SYMBOLS[symbol])

    def _brace(self, brace: bytes) -> None:
        self.to_skip = 0
        if brace == b"}":
            if len(self.groups) > 1:
                self.groups.pop()
        elif len(self.groups) < _MAX_DEPTH:
            above = self.groups[-1]
            self.groups.append(_Group(above.is_hidden, above.is_tag, above.skip_after_unicode))

    def _word(self, word: bytes, number: int | None) -> None:
        group = self.groups[-1]
        if word == b"htmltag" and self.has_html:
            group.is_hidden, group.is_tag = False, True
        elif word == b"htmlrtf":
            self.is_rtf_only = number != 0 and self.has_html
        elif word in _HIDDEN or (word == b"mhtmltag" and self.has_html):
            group.is_hidden = True
        elif word == b"ansicpg" and number:
            self.charset = charsets.label_of_code_page(number)
        elif word == b"uc":
            group.skip_after_unicode = min(number or 0, 8)
        elif word == b"u" and number is not None:
            self._say(chr(number % 0x10000))
            self.to_skip = group.skip_after_unicode
        elif word in _SPOKEN:
            self._say(_SPOKEN[word])


def read(rtf: bytes) -> tuple[str, str]:
    """(text, HTML) of a document; one of them is ''. Never raises; linear."""
    reader = _Reader(rtf)
    # Characters beyond the first plane come as two surrogates.
    found = "".join(reader.out).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return ("", found) if reader.has_html else (found, "")
