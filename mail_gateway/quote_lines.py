"""What one line of a mail is, and where a program began to quote: the marks that `quotes` looks for.

Every pattern is applied to one line (or a few joined ones) of bounded length and takes time linear in it.
"""

from __future__ import annotations

import re
from enum import Enum

from mail_gateway import quote_words

MAX_LINE_CHARS = 500
_ATTRIBUTION_LINES = 4
_MAX_MARK_CHARS = 200

_VERB = re.compile(rf"(?<!\w)(?:{quote_words.VERBS})(?!\w)|{quote_words.GLUED_VERBS}", re.IGNORECASE)
_VERB_END = re.compile(rf"(?:(?<!\w)(?:{quote_words.VERBS})|{quote_words.GLUED_VERBS})$", re.IGNORECASE)
_WORD_OPENING = re.compile(
    rf"[\"*_\s(–-]*+(?:(?:{quote_words.OPENINGS})\.?\s|(?:{quote_words.WEEKDAYS})\w*\.?,?\s)(?=.{{0,40}}\d)",
    re.IGNORECASE,
)
_NUMBER_OPENING = re.compile(r"[\"*_\s(–-]*(?:\d{1,2}[./:-]\d|\d{4}[-./年년]\s?\d|\d{1,2}\.? \w{3,}|\d{4}\.)")
_ADDRESS = re.compile(r"[\w.+=-]{1,64}@[\w-]{1,63}\.[\w.-]{1,100}")
_ADDRESS_ONLY = re.compile(rf"[^<>]{{0,60}}<{_ADDRESS.pattern}>\s*$")
_TIME = re.compile(r"\d{1,2}[:.h]\d{2}|[時时시点點]")
_DATE = re.compile(r"\d{1,2}[./ -]|\d{4}")
_FULL_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|\d{1,2}[./-]\d{1,2}[./-]\d{2}|\d{1,2}\. ?\w{3,12}")
_DATED_ADDRESS = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2} (?:\d{1,2}:\d{2} GMT[+-]\d\d:?\d\d\s+)?\S.{0,200}$")
_SIGNED_NAME = re.compile(
    r"[-~][A-ZÀ-ÞА-Я][\w.'-]*+(?: (?:de|van|von|der|da|di|la|el|af|av|ten|den)| [A-ZÀ-ÞА-Я][\w.'-]*+){0,4}\s*$"
)
_HEADER = re.compile(
    r"[\s>*_|]*+(?:"
    + "|".join(f"(?P<{kind}>{names})" for kind, names in quote_words.HEADERS.items())
    + r")[ \u00a0]?[*_]*+[ \u00a0]?[:：](?!//)",
    re.IGNORECASE,
)
_NEXT_HEADER = re.compile(
    r"(?<=[\s*>])(?=\S)(?:"
    + "|".join(f"(?P<{kind}>{names})" for kind, names in quote_words.HEADERS.items())
    + r")[*_]?[:：]\s",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(quote_words.ORIGINAL, re.IGNORECASE)
_FORWARDED = re.compile(quote_words.FORWARDED, re.IGNORECASE)
_DASHED = re.compile(r"[\s>*_]*+-{2,}+(.*?)-{2,}+[\s*]*+$")
_DASHES_BEFORE = re.compile(r"[\s>*_]*+-{2,}+(.*)$")
_REPLY_ABOVE = re.compile(r"[\s>]*+[-#=*_~ ]{2,}+.{0,60}?reply (?:above|below) th?is line.{0,60}$", re.IGNORECASE)

_RULE = re.compile(r"\s*+(?:[-_=~*]\s?){4,}+$")
_FOOTER_RULE = re.compile(r"\s*+_{2,}+\s*$")
_QUOTE = re.compile(r"\s{0,3}(?:[A-Za-z]{1,3})?[>＞](?!\))")
_QUOTE_PREFIX = re.compile(r"(?:\s{0,3}(?:[A-Za-z]{1,3})?[>＞])+\s?")
_SIGNATURE = re.compile(r"\s?(?:--|––|-- -)[ \t\u00a0]*$")
_DEVICE = re.compile(rf"[\s\[(<*_-]*+(?:{quote_words.DEVICE})[\])>*_]*\s*$", re.IGNORECASE)
# The greeting in any case, the name behind it with a capital (or in a script that has none).
_GREETING = re.compile(
    rf"(?i:{quote_words.GREETINGS}|{quote_words.GREETED})(?!\w)"
    rf"(?:[ \u00a0](?:(?i:{quote_words.GREETED})|[^\Wa-zà-þа-я\d_][\w.'’-]{{0,30}})){{0,4}}\s?[,!.:]{{0,2}}\s*$"
)
_SHORT_ANSWER = re.compile(rf"(?:{quote_words.ANSWERS})(?!\w)", re.IGNORECASE)
_NAME_AND_COMMA = re.compile(r"[\w.'’-]{1,30}(?: [\w.'’-]{1,30}){0,2},\s*$")


class Line(Enum):
    """What one line is."""

    EMPTY = "empty"
    TEXT = "text"
    GREETING = "greeting"
    QUOTE = "quote"
    RULE = "rule"
    FOOTER_RULE = "footer-rule"
    SIGNATURE = "signature"
    DEVICE = "device"
    SIGNED_NAME = "signed-name"
    ORIGINAL = "original"
    FORWARDED = "forwarded"


def classify(line: str) -> Line:
    """The kind of a line, looked at alone."""
    if not line or line.isspace():
        return Line.EMPTY
    line = line[:MAX_LINE_CHARS]
    if _QUOTE.match(line):
        return Line.QUOTE
    if _SIGNATURE.match(line):
        return Line.SIGNATURE
    if ("-" in line or ":" in line) and len(line) < _MAX_MARK_CHARS and (mark := _separator(line)):
        return mark
    if _RULE.match(line) or _FOOTER_RULE.match(line):
        return Line.FOOTER_RULE if _FOOTER_RULE.match(line) else Line.RULE
    if _SIGNED_NAME.match(line):
        return Line.SIGNED_NAME
    if len(line) < _MAX_MARK_CHARS and _DEVICE.match(line):
        return Line.DEVICE
    if len(line) < 80 and (_GREETING.match(line) or _NAME_AND_COMMA.match(line)) and not _SHORT_ANSWER.match(line):
        return Line.GREETING
    return Line.TEXT


def _separator(line: str) -> Line | None:
    """The "-----Original Message-----" and "Begin forwarded message:" between a new text and an old mail."""
    if dashed := _DASHED.match(line):
        words = dashed[1]
        if _FORWARDED.search(words):
            return Line.FORWARDED
        # Zoho writes "---- On Tue, 3 Nov 2026 ann@x.example wrote ----".
        is_told = _VERB.search(words) and _DATE.search(words)
        return Line.ORIGINAL if is_told or _ORIGINAL.search(words) else None
    if _REPLY_ABOVE.match(line):
        return Line.ORIGINAL
    words = line.strip(" \t>*_")
    return Line.FORWARDED if words.endswith((":", "：")) and _FORWARDED.match(words) else None


def quoted(line: str) -> str:
    """What stands behind the marks of a quoted line."""
    match = _QUOTE_PREFIX.match(line)
    return line[match.end() :].strip() if match else line.strip()


def header_kinds(line: str) -> set[str]:
    """The kinds of all headers in one line; HTML without line breaks gives "From: a@x.example To: Bob Sent: ..."."""
    if not (first := header_kind(line)):
        return set()
    line = line[:MAX_LINE_CHARS]
    if "@" not in line or line.count(":") < 3:
        return {first}
    return {first, *(match.lastgroup or "" for match in _NEXT_HEADER.finditer(line))}


def header_kind(line: str) -> str:
    """'from', 'sent', 'to', 'cc', 'subject' or 'other' if the line is a mail header as programs quote it; else ''."""
    match = _HEADER.match(line[:MAX_LINE_CHARS]) if ":" in line or "：" in line else None
    return match.lastgroup or "" if match else ""


def attribution_start(lines: list[str], end: int, floor: int, *, is_quote_next: bool) -> int:
    """First index of the "On ... wrote:" that ends at `end`, or -1. Looks back at most 3 lines, not before `floor`.

    What stands before marked quotes needs less to be taken for one.
    """
    last = lines[end][:MAX_LINE_CHARS].rstrip(" *_\t\u00a0")
    has_colon = last.endswith((":", "："))
    if not has_colon and not _VERB_END.search(last):
        is_dated = bool(_DATED_ADDRESS.match(last.strip())) and (is_quote_next or "GMT" in last)
        return end if is_dated else -1
    joined = ""
    for start in range(end, _farthest(lines, end, floor) - 1, -1):
        joined = f"{lines[start].strip()} {joined}"
        opening = _opening(joined)
        if opening and _is_told(joined, has_colon=has_colon, is_quote_next=is_quote_next):
            above = lines[start - 1] if start > floor else ""
            is_cut_in_two = opening == "number" and len(above) < MAX_LINE_CHARS and _opening(above) == "word"
            return start - 1 if is_cut_in_two else start
    return _name_first_start(lines, end, floor, is_quote_next=is_quote_next) if has_colon else -1


def _farthest(lines: list[str], end: int, floor: int) -> int:
    """Index of the first line that may belong to the attribution that ends at `end`."""
    chars, start = 0, end
    for index in range(end, max(floor, end - _ATTRIBUTION_LINES + 1) - 1, -1):
        chars += len(lines[index])
        if not lines[index].strip() or chars > MAX_LINE_CHARS or _QUOTE.match(lines[index]):
            break
        start = index
    return start


def _name_first_start(lines: list[str], end: int, floor: int, *, is_quote_next: bool) -> int:
    """First index of "Ann Lahti <ann@x.example> wrote on Tuesday:", wherever it is broken; -1 if it is none."""
    joined, farthest = "", _farthest(lines, end, floor)
    for start in range(end, farthest - 1, -1):
        joined = f"{lines[start].strip()} {joined}"
        if not _VERB.search(joined):
            continue
        is_timed = bool(_TIME.search(joined)) and (is_quote_next or bool(_FULL_DATE.search(joined)))
        if is_timed or _ADDRESS.search(joined):
            first = start
            while first > farthest and (joined.startswith("<") or _ADDRESS_ONLY.match(lines[first - 1])):
                first -= 1
                joined = lines[first].strip()
            return first
    return -1


def _opening(text: str) -> str:
    if _WORD_OPENING.match(text):
        return "word"
    return "number" if _NUMBER_OPENING.match(text) else ""


def _is_told(text: str, *, has_colon: bool, is_quote_next: bool) -> bool:
    """Whether a text that opens like an attribution says who wrote when."""
    has_verb, has_address, has_time = (bool(one.search(text)) for one in (_VERB, _ADDRESS, _TIME))
    if not has_colon:
        return has_verb and has_address and (has_time or is_quote_next)
    if has_address:
        return has_verb or has_time
    if not has_verb:
        return False
    # "On 3 November your clerk wrote:" is a sentence of somebody, unless a quote follows or the minute is told.
    return bool(_DATE.search(text)) if is_quote_next else has_time and bool(_FULL_DATE.search(text))
