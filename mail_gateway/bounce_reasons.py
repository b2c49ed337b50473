"""Why a mail came back: the far server's own words, their status code, and whether the address itself is at fault.

One reading for both ways to hear of it: a delivery report (RFC 3464), and the refusal of a server while a mail is
handed over (RFC 5321, 4.2). Codes are those of RFC 3463.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mail_gateway import charsets
from mail_gateway.mail import ParsedMail

_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_LOOK_AT_BYTES, _MAX_LINES, _LONGEST = 64 * 1024, 400, 400
_FIELD = re.compile(r"^(Action|Status|Diagnostic-Code|Remote-MTA):[ \t]*(.*(?:\n[ \t]+.*){0,20})", re.I | re.MULTILINE)
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.])(?:smtp;|:|\s|^)\s*([45]\d\d)[ -]", re.IGNORECASE)
_RECIPIENT_REFUSED = re.compile(r"answered to recipient ", re.IGNORECASE)
#: Of the permanent codes those that tell of the mail, the sender or the moment, and not of the address.
_NOT_THE_ADDRESS = re.compile(r"5\.(?:2\.[23]|3\.\d+|4\.[1257]|5\.\d+|6\.\d+|7\.\d+)")


@dataclass(frozen=True, slots=True)
class Reason:
    """``words`` are one line of the far server, '' if it gave none; ``status`` is like `5.1.1`, or ''."""

    words: str = ""
    status: str = ""
    is_about_recipient: bool = True

    @property
    def is_address_at_fault(self) -> bool:
        """Whether further mail would come back as well; a full mailbox or a refused content says no such thing."""
        if not self.is_about_recipient:
            return False
        if self.status:
            return self.status.startswith("5.") and _NOT_THE_ADDRESS.fullmatch(self.status) is None
        return _code(self.words).startswith("5")


def of_report(mail: ParsedMail) -> Reason:
    """The reason that a bounce gives: in its delivery-status, else in the first line that holds a code."""
    for attachment in mail.attachments:
        if attachment.content_type in _STATUS_TYPES:
            text = attachment.content[:_LOOK_AT_BYTES].decode("utf-8", "replace")
            found = _of_fields(charsets.clean_body(text))
            if found.words or found.status:
                return found
    for line in mail.text[:_LOOK_AT_BYTES].splitlines()[:_MAX_LINES]:
        if status := _ENHANCED.search(line):
            return Reason(_short(line), status[0])
        if _code(line):
            return Reason(_short(line))
    return Reason(_short(" ".join(mail.text[: 2 * _LONGEST].split())))


def of_refusal(words: str) -> Reason:
    """The reason in the answer of a server that we handed a mail to (the text of a `mail_gateway.errors.Permanent`).

    Only what it says of a recipient can be about the address; the rest is about this mail.
    """
    is_about_recipient = _RECIPIENT_REFUSED.search(words) is not None
    return Reason(_short(words), status_in(words), is_about_recipient)


def status_in(words: str) -> str:
    """The enhanced status code in ``words``, or ''."""
    found = _ENHANCED.search(words)
    return found[0] if found else ""


def _of_fields(text: str) -> Reason:
    """The first group of fields that tells of a failure."""
    for group in re.split(r"\n[ \t]*\n", text):
        fields = {name.lower(): " ".join(value.split()) for name, value in _FIELD.findall(group)}
        if fields.get("action", "failed").lower() != "failed" or not fields.keys() & {"status", "diagnostic-code"}:
            continue
        words = fields.get("diagnostic-code", "")
        kind, separator, rest = words.partition(";")
        words = rest.strip() if separator and len(kind) < 20 else words
        told, field = _ENHANCED.search(words), _ENHANCED.search(fields.get("status", ""))
        # Some servers write 5.0.0 beside a diagnostic that knows better.
        best = field if field and not (told and field[0].endswith(".0.0")) else told
        status = best[0] if best else ""
        return Reason(_short(words if told or not status else f"{status} {words}".strip()), status)
    return Reason()


def _code(words: str) -> str:
    found = _REPLY_CODE.search(words)
    return found[1] if found else ""


def _short(words: str) -> str:
    return charsets.clean(words, max_chars=_LONGEST)
