"""Encoded words (RFC 2047) and extended parameters (RFC 2231), read as senders write them, not as they should."""

from __future__ import annotations

import binascii
import re
from urllib.parse import unquote_to_bytes

from mail_gateway import charsets

_ENCODED_WORD = re.compile(r"=\?([^?\s=]{1,60})\?([bBqQ])\?(.{0,4000}?)\?=", re.DOTALL)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
_VALUE_TOKEN = re.compile(r"\s*([^\s;,/]*(?:\s*/\s*[^\s;,]+)?)")
# A value may lack its closing quote, and an unquoted one may hold an encoded word with a semicolon in it. What stands
# between parameters is skipped, be it a semicolon, a comma, a comment or nothing; possessive, so that it stays linear.
_PARAMETER = re.compile(
    r"""(?<![^\s;,"()])([^\s=;,"()]++)\s*+=\s*+"""
    r"""(?:"((?:[^"\\]|\\.)*+)(?:"|\Z)|((?:=\?[^?\s]{1,60}\?[bBqQ]\?[^?]*+\?=|[^;])*+))""",
    re.DOTALL,
)
_ESCAPED = re.compile(r'\\(["\\])')
_SECTION = re.compile(r"(.+?)\*(\d{1,3})(\*?)")


def decode_words(value: str) -> str:
    """`value` with its encoded words decoded; what is malformed stays as it is."""
    if "=?" not in value:
        return value
    words = list(_ENCODED_WORD.finditer(value))
    if not words:
        return value
    out = [value[: words[0].start()]]
    charset, pending = words[0][1], b""
    for word, following in zip(words, [*words[1:], None], strict=True):
        if word[1].lower() != charset.lower():
            out.append(charsets.decode(pending, charset)[0])
            charset, pending = word[1], b""
        pending += _word_bytes(word[2], word[3])
        gap = value[word.end() : following.start() if following else len(value)]
        if following is None or gap.strip():
            # Words that touch may share a character between them, so their bytes are joined before decoding.
            out += [charsets.decode(pending, charset)[0], gap]
            pending = b""
    return "".join(out)


def _word_bytes(encoding: str, text: str) -> bytes:
    if encoding in "bB":
        clean = _NOT_BASE64.sub("", text)
        clean = clean[:-1] if len(clean) % 4 == 1 else clean
        return binascii.a2b_base64(clean + "=" * (-len(clean) % 4))
    return binascii.a2b_qp(text.encode("utf-8", "surrogateescape"), header=True)


def parse_parameters(value: str) -> tuple[str, dict[str, str]]:
    """The first token of a structured header, lower-cased, and its parameters by lower-cased name.

    RFC 2231 continuations and charsets are joined and decoded, RFC 2047 words inside values too (not allowed, common).
    """
    head = _VALUE_TOKEN.match(value)
    token = "".join(head[1].split()).lower() if head else ""
    start = head.end() if head else 0
    if "=" in token:
        token, start = "", 0  # only parameters
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(value, start):
        name = match[1].lower()
        text = _ESCAPED.sub(r"\1", match[2]) if match[2] is not None else _bare(match[3])
        if section := _SECTION.fullmatch(name):
            sections.setdefault(section[1], {}).setdefault(int(section[2]), (text, bool(section[3])))
        elif name.endswith("*"):
            sections.setdefault(name[:-1], {}).setdefault(0, (text, True))
        else:
            plain.setdefault(name, decode_words(text))
    for name, numbered in sections.items():
        plain[name] = _join_sections(numbered)
    return token, plain


def _bare(value: str) -> str:
    """An unquoted value: without a comment behind it, and without the quotes that senders believe to be some."""
    value = value.strip()
    if value.endswith(")"):
        value = value[: value.rfind("(")].rstrip() if " (" in value else value
    value = value.strip('"')
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == "'" else value


def _join_sections(numbered: dict[int, tuple[str, bool]]) -> str:
    """The value of `name*0*=...; name*1=...`: charset'language'percent-encoded, then plain or encoded sections."""
    ordered = [numbered[index] for index in sorted(numbered)]
    first, is_first_encoded = ordered[0]
    charset = ""
    if is_first_encoded and first.count("'") >= 2:
        charset, _, first = first.split("'", 2)
        ordered[0] = (first, True)
    if not any(is_encoded for _, is_encoded in ordered):
        return decode_words("".join(text for text, _ in ordered))
    data = b"".join(
        unquote_to_bytes(text) if is_encoded else text.encode("utf-8", "replace") for text, is_encoded in ordered
    )
    return decode_words(charsets.decode(data, charset)[0])
