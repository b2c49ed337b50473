"""Bytes to text: an allow-list of charsets, honest fall-backs, and the cleaning of short values.

Labels are read as browsers read them (WHATWG Encoding Standard): `iso-8859-1` means windows-1252, `gb2312` means
GB18030 and so on, because that is what senders mean by them. Python's own codec look-up is never asked about a label
from a mail: it knows `unicode_escape`, `utf-7` and `rot13`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from mail_gateway.problems import Problem

_ALIASES = {
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 x-unicode20utf8 utf-8-sig utf_8 utf8mb4 cp65001 65001",
    "utf-16": "utf-16 utf16 ucs-2 iso-10646-ucs-2 unicode csunicode",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "utf-32": "utf-32",
    "ascii": "us-ascii ascii ansi_x3.4-1968 ansi_x3.4-1986 iso646-us 646 cp367 ibm367 us 7bit",
    "cp1252": "windows-1252 cp1252 cp-1252 x-cp1252 x-ansi ansi iso-8859-1 iso8859-1 iso_8859-1 iso88591 latin1 "
    "latin-1 l1 cp819 ibm819 iso_8859-1:1987 iso-ir-100 8859_1 1252 8bit",
    "iso8859-2": "iso-8859-2 iso8859-2 iso_8859-2 latin2 l2 iso-ir-101",
    "iso8859-3": "iso-8859-3 iso8859-3 latin3",
    "iso8859-4": "iso-8859-4 iso8859-4 latin4",
    "iso8859-5": "iso-8859-5 iso8859-5 cyrillic",
    "cp1256": "windows-1256 cp1256",
    "iso8859-6": "iso-8859-6 iso8859-6 arabic iso-8859-6-i iso-8859-6-e",
    "cp1253": "windows-1253 cp1253 1253",
    "iso8859-7": "iso-8859-7 iso8859-7 greek iso_8859-7",
    "cp1255": "windows-1255 cp1255",
    "iso8859-8": "iso-8859-8 iso8859-8 iso-8859-8-i iso-8859-8-e hebrew logical visual",
    "cp1254": "windows-1254 cp1254 iso-8859-9 iso8859-9 latin5 l5",
    "iso8859-10": "iso-8859-10 iso8859-10 latin6",
    "cp874": "iso-8859-11 iso8859-11 tis-620 tis620 windows-874 cp874 874",
    "iso8859-13": "iso-8859-13 iso8859-13",
    "iso8859-14": "iso-8859-14 iso8859-14",
    "iso8859-15": "iso-8859-15 iso8859-15 latin9 l9 iso_8859-15",
    "iso8859-16": "iso-8859-16 iso8859-16",
    "cp1250": "windows-1250 cp1250 cp-1250 1250",
    "cp1251": "windows-1251 cp1251 cp-1251 1251 win-1251",
    "cp1257": "windows-1257 cp1257",
    "cp1258": "windows-1258 cp1258",
    "cp437": "cp437 ibm437 437",
    "cp850": "cp850 ibm850 850",
    "cp852": "cp852 ibm852 852",
    "cp866": "cp866 ibm866 866",
    "koi8-r": "koi8-r koi8 koi koi8_r cskoi8r",
    "koi8-u": "koi8-u koi8-ru",
    "mac-roman": "macintosh mac x-mac-roman macroman csmacintosh",
    "mac-cyrillic": "x-mac-cyrillic",
    "gb18030": "gb18030 gb2312 gbk x-gbk gb_2312-80 gb-2312 cp936 euc-cn gb2312_charset chinese csgb2312 936",
    "hz": "hz-gb-2312 hz",
    "big5hkscs": "big5 big5-hkscs cn-big5 x-x-big5 csbig5 cp950 950",
    "cp949": "euc-kr ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 korean cp949 windows-949 uhc iso-ir-149 euckr",
    "iso2022_kr": "iso-2022-kr",
    "euc_jis_2004": "euc-jp x-euc-jp cseucpkdfmtjapanese eucjp ujis",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji csshiftjis windows-31j cp932 ms932 932",
    "iso2022_jp_ext": "iso-2022-jp csiso2022jp iso-2022-jp-ms cp50220 cp50221 iso-2022-jp-1 iso-2022-jp-2 "
    "iso-2022-jp-3",
}
_CODECS = {alias: codec for codec, names in _ALIASES.items() for alias in names.split()}
_WESTERN_STYLE = frozenset(codec for codec in _ALIASES if codec.startswith(("cp125", "iso8859")))
_JIS_X_0208 = re.compile(rb"\x1b\$[@B]")
_DETECT_BYTES, _MAX_GUESSES = 16 * 1024, 40
# Labels that would let a sender smuggle markup past a filter that reads the bytes as ASCII.
_FORBIDDEN = frozenset({"utf-7", "utf7", "unicode-1-1-utf-7", "unicode_escape", "raw_unicode_escape", "x-user-defined"})

_DROPPED = dict.fromkeys(
    (
        *(*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)),
        # Arabic letter mark, zero-width space, directional marks, embeddings, overrides, isolates, byte order mark
        *(0x061C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF),
        *range(0xFFF9, 0xFFFC),
    )
)
_HEADER_TABLE: dict[int, str | None] = {**_DROPPED, 0x09: " ", 0x0A: " ", 0x0D: " ", 0x2028: " ", 0x2029: " "}
_BODY_TABLE: dict[int, str | None] = {
    **{code: None for code in _DROPPED if not 0x200B <= code <= 0x206F and code != 0x061C},
    **dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)]),
    0x2028: "\n",
    0x2029: "\n",
}
_MAX_NAME = 200
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNWANTED = re.compile(f"[{''.join(map(re.escape, map(chr, _BODY_TABLE)))}\ud800-\udfff]")
_UTF8_PAIR = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")


def codec_of(label: str) -> str:
    """The Python codec for a charset label of a mail, or '' if the label is unknown or not allowed."""
    name = label.strip().strip("\"'").lower().partition("*")[0]
    return _CODECS.get(name) or _CODECS.get(name.replace("_", "-")) or _CODECS.get(name.replace("-", "_"), "")


def label_of_code_page(number: int) -> str:
    """The charset label of a Windows code page; '' or an unknown label for one that no mail should use."""
    known = {20127: "us-ascii", 20866: "koi8-r", 21866: "koi8-u", 51932: "euc-jp", 51949: "euc-kr", 54936: "gb18030"}
    if 28591 <= number <= 28605:
        return f"iso-8859-{number - 28590}"
    return known.get(number, f"cp{number}")


def decode(data: bytes, label: str) -> tuple[str, str]:
    """Text of `data`, which the mail says is in charset `label` ('' when it says nothing), and a problem or ''."""
    codec = codec_of(label)
    if data.startswith(b"\xef\xbb\xbf") and codec in ("", "ascii", "utf-8", "cp1252"):
        return data[3:].decode("utf-8", "replace"), ""
    if codec in ("", "ascii"):
        return _decode_unlabelled(data, label)
    if codec in _WESTERN_STYLE and _is_multibyte_utf8(data):
        return data.decode("utf-8"), Problem.CHARSET_WRONG.filled(charset=_shown(label), guess="UTF-8")
    if codec.startswith(("utf-16", "utf-32")):
        return _decode_wide(data, label, codec)
    try:
        return data.decode(codec), ""
    except UnicodeDecodeError:
        return _decode_damaged(data, label, codec)


def _decode_wide(data: bytes, label: str, codec: str) -> tuple[str, str]:
    """UTF-16 and UTF-32, whose label often stayed on text that was converted to something else on the way."""
    has_mark = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" not in data and not has_mark and (data.isascii() or len(data) % 2):
        text, guess = _detect(data)
        return text, Problem.CHARSET_WRONG.filled(charset=_shown(label), guess=guess)
    if codec == "utf-16" and not has_mark:
        # Without a mark the order is told by where the zeros of Latin letters are; RFC 2781 says big-endian.
        codec = "utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be"
    text = data.decode(codec, "replace")
    return text, Problem.CHARSET_DAMAGED.filled(charset=_shown(label)) if "\ufffd" in text else ""


def decode_header_bytes(data: bytes, hint: str = "") -> str:
    """Text of a raw header value, which should be ASCII or UTF-8 (RFC 6532) and often is neither."""
    if data.isascii() and b"\x1b" not in data:
        return data.decode("ascii")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        codec = codec_of(hint)
        if codec not in ("", "ascii", "utf-8"):
            try:
                return data.decode(codec)
            except UnicodeDecodeError:
                pass  # the body's charset was only a hint; detection comes next
        replaced = data.decode("utf-8", "replace")
        return replaced if _is_nearly_utf8(data, replaced) else _detect(data)[0]


def clean(value: str, *, max_chars: int = 2_000) -> str:
    """One safe line of at most `max_chars`: no control characters, no bidirectional overrides, NFC."""
    if not (value.isascii() and value.isprintable()):
        value = _SURROGATE.sub("\ufffd", value).translate(_HEADER_TABLE)
        value = _composed(value)
    value = value.strip()
    if len(value) > max_chars:
        value = value[: max_chars - 1].rstrip() + "…"
    return value


def clean_filename(name: str) -> str:
    """The last component of a path, without control characters; '' for a name of dots only."""
    name = clean(name, max_chars=_MAX_NAME * 4).replace("\\", "/").rstrip("/").rpartition("/")[2]
    if len(name) > _MAX_NAME:
        stem, dot, extension = name.rpartition(".")
        is_short = bool(dot) and len(extension) < 12
        name = f"{stem[: _MAX_NAME - len(extension) - 1]}.{extension}" if is_short else name[:_MAX_NAME]
    return "" if not name.strip(". ") else name


def clean_body(text: str) -> str:
    """Text with LF line ends and without control characters, bidirectional overrides and lone surrogates; NFC."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii() and not _ASCII_CONTROL.search(text):
        return text
    # Looking costs a tenth of translating, and nearly every text has nothing to translate.
    if _UNWANTED.search(text):
        text = _SURROGATE.sub("\ufffd", text).translate(_BODY_TABLE)
    return _composed(text)


def _composed(text: str) -> str:
    """NFC. Marks beyond 30 on one letter are left out (UAX 15, stream-safe): normalising them takes n² steps."""
    if text.isascii():
        return text
    marks = "".join(letter for letter in set(text) if unicodedata.combining(letter))
    if marks:
        text = re.sub(f"([{marks}]{{30}})[{marks}]+", r"\1", text)
    return unicodedata.normalize("NFC", text)


_ASCII_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _is_multibyte_utf8(data: bytes) -> bool:
    """Whether 8-bit data is valid UTF-8: next to impossible by accident for text in another charset."""
    if data.isascii() or not _UTF8_PAIR.search(data):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decode_unlabelled(data: bytes, label: str) -> tuple[str, str]:
    if data.isascii() and b"\x1b" not in data:
        known = not label or codec_of(label)
        return data.decode("ascii"), "" if known else _refusal(label, "ASCII")
    try:
        if b"\x1b" not in data:
            return data.decode("utf-8"), "" if not label or codec_of(label) else _refusal(label, "UTF-8")
    except UnicodeDecodeError:
        pass  # not UTF-8: look at the bytes
    text, guess = _detect(data)
    if label and not codec_of(label):
        return text, _refusal(label, guess)
    return text, Problem.CHARSET_UNNAMED.filled(guess=guess)


def _refusal(label: str, guess: str) -> str:
    problem = Problem.CHARSET_FORBIDDEN if label.strip().lower() in _FORBIDDEN else Problem.CHARSET_UNKNOWN
    return problem.filled(charset=_shown(label), guess=guess)


def _shown(label: str) -> str:
    return clean(label, max_chars=40) or "?"


def _decode_damaged(data: bytes, label: str, codec: str) -> tuple[str, str]:
    """`data` is not valid in its own charset: keep the label if it is nearly right, else look at the bytes."""
    if codec == "iso2022_jp_ext":
        try:
            # Circled numbers and the like: no sender declares them, JIS X 0213 has them where NEC had put them.
            return _JIS_X_0208.sub(b"\x1b$(Q", data).decode("iso2022_jp_2004"), ""
        except UnicodeDecodeError:
            pass  # really damaged
    replaced = data.decode(codec, "replace")
    if codec == "cp1252":
        # The five holes of windows-1252 are the only way to get here; they are C1 controls in ISO 8859-1.
        return replaced, ""
    broken = replaced.count("\ufffd")
    if codec != "utf-8" and broken * 20 <= len(replaced):
        return replaced, Problem.CHARSET_DAMAGED.filled(charset=_shown(label))
    if codec == "utf-8" and _is_nearly_utf8(data, replaced):
        return replaced, Problem.CHARSET_DAMAGED.filled(charset="UTF-8")
    text, guess = _detect(data)
    return text, Problem.CHARSET_WRONG.filled(charset=_shown(label), guess=guess)


def _is_nearly_utf8(data: bytes, replaced: str) -> bool:
    """Whether most of what is not ASCII is good UTF-8: a character or two were cut or damaged on the way."""
    return replaced.count("\ufffd") * 4 <= len(_UTF8_PAIR.findall(data))


def _detect(data: bytes) -> tuple[str, str]:
    """Text by the charset that the bytes look like, and its name. Never fails: windows-1252 takes anything."""
    try:
        if b"\x1b" not in data:
            return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass  # ask the detector
    name = _guess(data)
    if codec := codec_of(name):
        try:
            return data.decode(codec), name
        except UnicodeDecodeError:
            pass  # a guess from the beginning that the rest disproves
    return data.decode("cp1252", "replace"), "windows-1252"


@dataclass(slots=True)
class _Guesses:
    left: int
    latest: str = ""


_guesses: ContextVar[_Guesses | None] = ContextVar("guesses", default=None)


@contextmanager
def few_guesses() -> Iterator[None]:
    """Around the reading of one mail: a guess takes milliseconds, and a mail may have thousands of short values.

    After 40 guesses the latest one counts for the rest.
    """
    token = _guesses.set(_Guesses(left=_MAX_GUESSES))
    try:
        yield
    finally:
        _guesses.reset(token)


def _guess(data: bytes) -> str:
    """The charset that the detector takes `data` for; '' if it has no idea."""
    guesses = _guesses.get() or _Guesses(left=1)
    if guesses.left > 0:
        # Costs 36 MB when loaded, so only a mail that needs it pays.
        import chardet  # noqa: PLC0415

        guesses.left -= 1
        guesses.latest = str(chardet.detect(data[:_DETECT_BYTES])["encoding"] or "").lower()
    return guesses.latest
