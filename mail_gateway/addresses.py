"""Mailboxes in headers: a lenient reader for display and a strict one for deciding who wrote.

`email.utils.parseaddr` and `email.policy.default` read `From: a@good.com <b@evil.com>` as a@good.com (CPython 3.11), so
neither is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mail_gateway.charsets import clean
from mail_gateway.encoded_words import decode_words
from mail_gateway.errors import Permanent
from mail_gateway.mail import Address
from mail_gateway.problems import SenderProblem

# An encoded word is one token, whatever commas and brackets its sender left in it; so is a quoted local part.
_REST = r'=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,2000}\?=|<[^<>]*>|[,;:]|\(|(?:[^",;:<>()=]|=(?!\?))+|.'
_TOKEN = re.compile(rf'"(?:[^"\\]|\\.)*"(?:@[^\s",;:<>()]+)?|{_REST}', re.DOTALL)
_TOKEN_WITHOUT_QUOTES = re.compile(rf'"|{_REST}', re.DOTALL)
_COMMENT_PIECE = re.compile(r"[()]|\\.|[^()\\]+|\\", re.DOTALL)
_COMMENT = re.compile(r"\([^()]*\)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ATOM = r"[^\s()<>\[\]:;@\\,.\"\x00-\x1f\x7f]+"
_MAILBOX = re.compile(
    rf"(?:{_ATOM}(?:\.{_ATOM})*|\"(?:[^\"\\\x00-\x1f]|\\[ -~])+\")"
    r"@(?:[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)*|\[[0-9a-fA-F:.]+\])"
)
# Bounded, so that a long run of letters without an @ is not searched from each of its letters.
_LOOSE_MAILBOX = re.compile(r"[^\s<>()\[\]\",;:@]{1,128}@[^\s<>()\[\]\",;:@]{1,255}")
_SPACED_DOT = re.compile(r"\s*\.\s*")
_NOT_IN_A_PATH = re.compile(r"[\x00-\x20\x7f<>]")
_MAX_LOCAL, _MAX_ADDRESS = 64, 254


def is_clean(addr: str) -> bool:
    """Whether `addr` is a complete, sendable mailbox (RFC 5321 lengths, RFC 6531 letters allowed)."""
    if not (addr.isprintable() and len(addr) <= _MAX_ADDRESS and addr.rpartition("@")[0]):
        return False
    return len(addr.rpartition("@")[0].encode()) <= _MAX_LOCAL and _MAILBOX.fullmatch(addr) is not None


@dataclass(slots=True)
class _Mailbox:
    """What stands between two commas: words of the phrase, the angle part, comments, and what was wrong."""

    words: list[str] = field(default_factory=list)
    angles: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    has_bare_at: bool = False
    has_defect: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.angles and not "".join(self.words).strip()


@dataclass(slots=True)
class _List:
    boxes: list[_Mailbox] = field(default_factory=lambda: [_Mailbox()])
    has_group: bool = False


def read_list(value: str, *, limit: int) -> list[Address]:
    """Every address of a To, Cc or Reply-To value, as well as it can be told. Groups are flattened."""
    found: list[Address] = []
    pending = ""
    for address in (address for box in _split(value).boxes for address in _addresses_of(box)):
        if not address.addr:
            # `Doe, John <john@example.org>` without quotes: the first half belongs to the name that follows.
            pending = f"{pending}{address.name}, " if address.name else pending
            continue
        is_second_half = bool(pending and address.name)
        found.append(Address(clean(pending + address.name), address.addr) if is_second_half else address)
        pending = ""
        if len(found) >= limit:
            break
    return found


def read_shown(value: str) -> Address:
    """The first address of a From value for display, with an empty `addr` if there is none."""
    found = read_list(value, limit=1)
    if found:
        return found[0]
    names = [_address_of(box).name for box in _split(value).boxes]
    return Address(clean(", ".join(name for name in names if name)), "")


def read_strict(value: str) -> tuple[Address | None, str]:
    """The one mailbox of a From value, or None and the reason why it cannot be trusted to be one."""
    parsed = _split(value)
    boxes = [box for box in parsed.boxes if not box.is_empty]
    if parsed.has_group:
        return None, SenderProblem.GROUP.value
    if not boxes:
        return None, SenderProblem.EMPTY.value
    if len(boxes) > 1:
        return None, SenderProblem.SEVERAL.value
    box = boxes[0]
    address = _address_of(box)
    if box.has_defect or len(box.angles) > 1:
        return None, SenderProblem.MALFORMED.value
    if box.angles and box.has_bare_at and "".join(box.words).strip().lower() != address.addr.lower():
        return None, SenderProblem.CONTRADICTORY.value
    if box.angles and "@" not in box.angles[0]:
        return None, SenderProblem.INCOMPLETE.value
    is_found_in_words = not box.angles and "".join(box.words).strip() != address.addr
    if is_found_in_words or not is_clean(address.addr):
        return None, SenderProblem.INCOMPLETE.value
    return address, ""


def _addresses_of(box: _Mailbox) -> list[Address]:
    """One address, or those that somebody has written with nothing but spaces between them."""
    words = "".join(box.words).split()
    if not box.angles and len(words) > 1 and all(map(is_clean, words)):
        return [Address("", word) for word in words]
    return [_address_of(box)]


def _address_of(box: _Mailbox) -> Address:
    phrase = _join(box.words)
    if box.angles:
        addr = _strip_route(box.angles[-1])
        if "@" not in addr and (match := _LOOSE_MAILBOX.search(decode_words(addr) + " " + phrase)):
            addr = match[0]
        name = phrase or _join(box.comments)
        return Address(clean(decode_words(name)), clean(addr, max_chars=_MAX_ADDRESS + 66))
    addr = "".join(box.words).strip()
    if addr.startswith("'") and addr.endswith("'"):
        addr = addr.strip("'")
    local, at, domain = addr.partition("@")
    if at and local.strip() and not any(map(str.isspace, local.strip())):
        # Spaces around dots and the @ are obsolete, not wrong (RFC 5322, 4.4).
        whole = f"{local.strip()}@{_SPACED_DOT.sub('.', domain.strip())}"
        addr = whole if is_clean(whole) else addr
    if is_clean(addr):
        return Address(clean(decode_words(_join(box.comments))), addr)
    decoded = decode_words(phrase)
    match = _LOOSE_MAILBOX.search(decoded) or _LOOSE_MAILBOX.search(re.sub(r"\s*([@.])\s*", r"\1", decoded))
    if match is None:
        return Address(clean(decoded), "")
    name = decoded.replace(match[0], " ") if decoded != match[0] else _join(box.comments)
    return Address(clean(decode_words(" ".join(name.split())).strip("<>'\" ")), clean(match[0]))


def _join(words: list[str]) -> str:
    return " ".join("".join(words).split())


def _strip_route(angle: str) -> str:
    """`<@relay:user@host>` is user@host (the obsolete route of RFC 5322, 4.4); white space inside is folding."""
    addr = "".join(_COMMENT.sub("", angle).split()) if '"' not in angle else angle.strip()
    addr = addr.removeprefix("mailto:")
    if addr.startswith("@") and ":" in addr:
        addr = addr.rpartition(":")[2]
    return addr


def _split(value: str) -> _List:
    """Cut a value at its commas, in one pass. An unclosed quote, bracket or comment is a defect and plain text."""
    result = _List()
    for lexeme in _tokens(value):
        box = result.boxes[-1]
        if lexeme in (",", ";"):
            if not box.is_empty:
                result.boxes.append(_Mailbox())
        elif lexeme == ":":
            # What stood before is the name of a group.
            result.has_group = True
            result.boxes[-1] = _Mailbox()
        elif lexeme[0] == lexeme[-1] == '"' and len(lexeme) > 1:
            # A quoted local part must keep its quotes; a quoted name must lose them.
            box.words.append(_ESCAPED.sub(r"\1", lexeme[1:-1]))
        elif lexeme[0] == "<" and len(lexeme) > 1:
            box.angles.append(lexeme[1:-1])
        elif lexeme[0] == "(" and len(lexeme) > 1:
            box.comments.append(lexeme[1:-1])
        elif lexeme in ("<", ">", '"', "("):
            box.has_defect = True
        else:
            box.has_bare_at = box.has_bare_at or "@" in lexeme
            box.has_defect = box.has_defect or (bool(box.angles) and bool(lexeme.strip()))
            box.words.append(lexeme)
    return result


def _tokens(value: str) -> Iterator[str]:
    """Quoted strings, angle parts, comments, separators and text. Linear: each unclosed opener is tried once."""
    position, comments_close = 0, ")" in value
    pattern = _TOKEN
    while match := pattern.match(value, position):
        lexeme, position = match[0], match.end()
        if lexeme == '"':
            pattern = _TOKEN_WITHOUT_QUOTES
        if lexeme == "(" and comments_close:
            end = _comment_end(value, match.start())
            comments_close = end > 0
            if end > 0:
                lexeme, position = value[match.start() : end], end
        yield lexeme


def _comment_end(value: str, start: int) -> int:
    """Offset after the comment that opens at `start`, or -1 if it never closes."""
    depth = 0
    for piece in _COMMENT_PIECE.finditer(value, start):
        depth += (piece[0] == "(") - (piece[0] == ")")
        if depth == 0:
            return piece.end()
    return -1


def ascii_address(address: str) -> str:
    """The address as a header may hold it, its domain in ASCII (IDNA); '' if there is no such form.

    A local part beyond ASCII has none: it would need SMTPUTF8 on the whole way, which few servers have.
    """
    if not is_clean(address):
        return ""
    try:
        found = wire_address(address)
    except Permanent:
        return ""
    return found if found.isascii() else ""


def wire_address(address: str) -> str:
    """The address as it may stand in an SMTP command: no character that could end it, the domain in ASCII.

    The domain goes out in its ASCII form (IDNA), since few servers know SMTPUTF8 and all know that.
    Raises Permanent.
    """
    if not address or _NOT_IN_A_PATH.search(address):
        raise Permanent(f"{address!r} is not an address that a server could take.")
    local, at, domain = address.rpartition("@")
    if not at or domain.isascii():
        return address
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError as error:
        raise Permanent(f"{address!r} has a domain that cannot exist.") from error
