"""Content-Transfer-Encodings (RFC 2045, 6) undone, as leniently as senders need it: nothing here raises."""

from __future__ import annotations

import binascii
import re

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(code for code in range(256) if code not in _ALPHABET)
_SPACES = b" \t\r\n\v\f"
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/]{40}")
_PADDING = re.compile(rb"[=\s]*+")
# Some encoders pad each line; no real mail has more lines than this.
_MAX_PIECES = 200_000
_SOFT_BREAK = re.compile(rb"=[ \t]++(?=\r?\n)")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_BASE64 = frozenset(("base64", "base-64", "x-base64", "base_64"))
_QUOTED_PRINTABLE = frozenset(("quoted-printable", "quoted", "quotedprintable", "quoted_printable", "qp"))
_UUENCODE = frozenset(("x-uuencode", "uuencode", "x-uue", "uue", "x-uu"))


def is_encoded(encoding: str) -> bool:
    """Whether `encoding` changes bytes, other than 7bit, 8bit, binary and names that nobody knows."""
    return encoding in _BASE64 or encoding in _QUOTED_PRINTABLE


def decode(data: bytes, encoding: str, *, is_text: bool = False) -> bytes:
    """Undo an encoding. Unknown encodings and undecodable data come back unchanged.

    With `is_text`, what does not belong to the encoding is text too: a footer that a list server put behind base64,
    or a whole text whose encoding is a lie.
    """
    if encoding in _BASE64:
        return _decode_base64_text(data) if is_text else decode_base64(data)
    if encoding in _QUOTED_PRINTABLE:
        return binascii.a2b_qp(_SOFT_BREAK.sub(b"=", data))
    if encoding in _UUENCODE:
        return decode_uu(data)
    return data


def decode_base64(data: bytes) -> bytes:
    """All of it, also when several encoders' outputs were put together; characters beyond the alphabet are skipped."""
    return _split_base64(data)[0]


def _split_base64(data: bytes) -> tuple[bytes, bytes]:
    """The decoded bytes, and what follows the padding without being base64."""
    out: list[bytes] = []
    position = 0
    while position < len(data) and len(out) < _MAX_PIECES:
        pad = data.find(b"=", position)
        piece = data[position : pad if pad >= 0 else len(data)]
        clean = piece.translate(None, _NOT_BASE64)
        is_whole = clean == piece.translate(None, _SPACES)
        if out and clean and not (is_whole and (pad >= 0 or len(clean) % 4 == 0)):
            return b"".join(out), data[position:]
        out.append(_decode_groups(clean))
        padding = _PADDING.match(data, pad) if pad >= 0 else None
        position = padding.end() if padding else len(data)
    return b"".join(out), b""


def _decode_groups(clean: bytes) -> bytes:
    clean = clean[:-1] if len(clean) % 4 == 1 else clean
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def _decode_base64_text(data: bytes) -> bytes:
    decoded, rest = _split_base64(data)
    has_foreign = bool(data.translate(None, _ALPHABET + b"=" + _SPACES))
    if has_foreign and not _BASE64_RUN.search(data) and not _is_readable(decoded):
        return data
    start = len(rest) - len(rest.lstrip())
    # A word on the last line of base64 is damage; lines of their own are somebody's footer.
    is_footer = data[: len(data) - len(rest) + start].endswith(b"\n")
    return decoded + b"\n" + rest if rest.strip() and is_footer else decoded


def _is_readable(decoded: bytes) -> bool:
    try:
        return not _CONTROL.search(decoded.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def decode_uu(data: bytes) -> bytes:
    """The content between `begin` and `end`; lines that cannot be decoded are left out."""
    out = []
    for line in data.splitlines():
        if line.startswith(b"begin ") or not line.strip():
            continue
        if line.rstrip() == b"end":
            break
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Encoders that pad their last group wrongly: take the bytes that the length character announces.
            count = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                out.append(binascii.a2b_uu(line[:count]))
            except binascii.Error:
                continue
    return b"".join(out)


_YENC_ESCAPE = re.compile(rb"=(.)", re.DOTALL)
_YENC_TABLE = bytes((code - 42) % 256 for code in range(256))


def decode_yenc(data: bytes) -> bytes:
    """The lines between `=ybegin` and `=yend`, without them (yenc.org draft 1.3)."""
    joined = data.replace(b"\r", b"").replace(b"\n", b"")
    return _YENC_ESCAPE.sub(lambda match: bytes([(match[1][0] - 64) % 256]), joined).translate(_YENC_TABLE)
