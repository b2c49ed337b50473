"""Delivery reports: RFC 3464 and the free-form ones of the big servers.

A report must look like one in two independent ways (who sent it, what it says), so that a person who forwards or
describes a bounce stays a person. Nothing here is proof: whether a bounce concerns a mail of ours is decided by the MAC
in the return path or in the returned Message-ID.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mail_gateway import bounce_texts, charsets
from mail_gateway.headers import Headers
from mail_gateway.mail import Sign
from mail_gateway.mime import Part

_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_RETURNED_TYPES = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global")
_RECIPIENT_FIELD = re.compile(r"^(?:Original|Final|X-Actual)-Recipient:[ \t]*(.+)$", re.IGNORECASE | re.MULTILINE)
_ACTION_FIELD = re.compile(r"^Action:[ \t]*([\w-]+)", re.IGNORECASE | re.MULTILINE)
_STATUS_FIELD = re.compile(r"^Status:[ \t]*([245])\.\d", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID = re.compile(r"^[>\s]*Message-ID:\s*<([^<>\s]{1,990})>", re.IGNORECASE | re.MULTILINE)
_RETURNED_TO = re.compile(r"^[> \t]*(?:To|X-Envelope-To|Envelope-To):(.*(?:\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
# The JSON of Amazon SES, plain or as a string inside the JSON of SNS.
_SES_NOTICE = re.compile(r"\\?\"notificationType\\?\"\s*:\s*\\?\"Bounce\\?\"")
_SES_RECIPIENT = re.compile(r"\\?\"bouncedRecipients\\?\"\s*:\s*\[([^\]]{0,5000})\]")
_ADDRESS_FIELD = re.compile(r"[^\s<>()@]{1,128}@[^\s<>()@]{1,255}")
_PASSED_ON = re.compile(r"\s*(?:fwd?|wg|vs|vb|tr|rv|enc|i|doorst|pd|vl)\s*:", re.IGNORECASE)
_LIST_ROLE = re.compile(r"-(?:bounces?|owner|request|admin)(?:\+[^@]*)?@")
_DOMAIN = r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
_REWRITTEN = tuple(
    re.compile(pattern.replace("DOMAIN", _DOMAIN), re.IGNORECASE)
    for pattern in (
        r"SRS0[-+=][^@=]{1,64}=[^@=]{1,16}=(?P<domain>DOMAIN)=(?P<local>[^@]{1,128})@.{1,255}",
        r"SRS1[-+=][^@=]{1,64}=[^@=]{1,255}=[-+=][^@=]{1,64}=[^@=]{1,16}=(?P<domain>DOMAIN)=(?P<local>[^@]{1,128})@.{1,255}",
        r"(?:prvs|btv1)=[^@=]{1,32}=(?P<local>[^@=]{1,128})@(?P<domain>DOMAIN)",
        r"[^@]{0,128}?bounces?(?:[-+.]\w{0,64}\d\w{0,64})?[-+](?P<local>[^@=+]{1,128})=(?P<domain>DOMAIN)@.{1,255}",
        r"(?P<local>[^@%=]{1,128})%(?P<domain>DOMAIN)@.{1,255}",
    )
)
_MAX_RECIPIENTS = 50
_LOOK_AT_BYTES = 64 * 1024
_MAX_LINES, _MAX_LINE_CHARS = 400, 300


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a delivery report says.

    `is_bounce`: the server gave up; `is_delay`: it is still trying. `message_id` is that of the returned mail.
    `recipients` names whom it did not reach in every form that the report knows: as a forwarder or a relay rewrote the
    address, and as it was before.
    """

    is_bounce: bool = False
    is_delay: bool = False
    reason: Sign = Sign.NONE
    recipients: tuple[str, ...] = ()
    message_id: str = ""


_NONE = Bounce()


def read_bounce(root: Part, *, subject: str, text: str) -> Bounce:
    """What a delivery report says; an empty `Bounce` for any other mail."""
    status = _status_text(root) if _may_report(root, subject) else ""
    if not status and _is_from_mail_system(root.headers):
        # A gateway that wraps the report it received; a report that a person attaches does not count.
        inner = [part.children[0] for part in root.walk() if part.children and part.children[0].is_embedded]
        status = next((found for part in inner if (found := _status_text(part))), "")
    if status:
        return _standard(root, status, subject, text)
    return _free_form(root, subject, text)


def _may_report(root: Part, subject: str) -> bool:
    """Whether a mail with a delivery-status part may be a report; programs of people attach the parts of one singly."""
    signs = _signs(root.headers, subject)
    is_report = root.content_type == "multipart/report" or root.parameters.get("report-type", "") == "delivery-status"
    return is_report or signs.is_system or signs.has_null_sender or (signs.has_subject and not signs.is_answer)


def _status_text(root: Part) -> str:
    """The delivery-status fields of the report; '' if there are none."""
    for part in root.walk():
        if part.content_type in _STATUS_TYPES:
            return _text_of(part)
    if root.content_type == "multipart/report" or root.parameters.get("report-type", "") == "delivery-status":
        # Servers that label their status as text.
        for part in root.walk():
            if part.content_type.startswith("text/") and _RECIPIENT_FIELD.search(found := _text_of(part)):
                return found
    return ""


def _text_of(part: Part) -> str:
    text = part.content()[:_LOOK_AT_BYTES].decode("utf-8", "replace")
    return charsets.clean_body(text)


def _standard(root: Part, status: str, subject: str, text: str) -> Bounce:
    """An RFC 3464 report: one group of fields for each recipient."""
    failed: list[str] = []
    delayed: list[str] = []
    other = False
    for group in re.split(r"\n[ \t]*\n", status):
        addresses = [found for value in _RECIPIENT_FIELD.findall(group) if (found := _field_address(value))]
        action_match, status_match = _ACTION_FIELD.search(group), _STATUS_FIELD.search(group)
        if not (addresses or action_match):
            continue
        action = action_match[1].lower() if action_match else ""
        code = status_match[1] if status_match else ""
        if action == "delayed" or (not action and code == "4"):
            delayed += addresses
        elif action in ("delivered", "relayed", "expanded") or code == "2":
            other = True
        else:
            failed += addresses or [""]
    if not (failed or delayed) and other:
        return _NONE
    is_delay = bool(delayed) and not failed
    if not failed and not delayed:
        is_delay = _is_delay(subject, text)
    known = [address for address in (failed or delayed) if address]
    returned = _returned(root, "")
    recipients = known or _failed_field(root.headers) or _recipients_in_text(root.headers, text, returned)
    return Bounce(not is_delay, is_delay, Sign.DELIVERY_STATUS, _unique(recipients), _message_id(returned))


def _field_address(value: str) -> str:
    """The address of a recipient field, "rfc822; ann@x.example"; '' if it is none, as where a pipe or a file failed."""
    literal = value.rpartition(";")[2].strip().strip("<>")
    if _ADDRESS_FIELD.fullmatch(literal):
        # Taken as it is: the name may be anything (RFC 2047 words, RFC 6533).
        return literal
    return next(iter(_addresses(value)), "")


def _failed_field(headers: Headers) -> list[str]:
    return _addresses(headers.text("x-failed-recipients"))


def _free_form(root: Part, subject: str, text: str) -> Bounce:
    headers = root.headers
    if text.startswith("{") and _SES_NOTICE.search(text[:_LOOK_AT_BYTES]):
        listed = _SES_RECIPIENT.search(text[:_LOOK_AT_BYTES])
        bounced = _unique(_addresses(listed[1]) if listed else [])
        return Bounce(is_bounce=True, reason=Sign.SES_NOTIFICATION, recipients=bounced)
    signs = _signs(headers, subject)
    if not signs.any:
        # Nearly every mail ends here, before the costly look at its words.
        return _NONE
    report, inline_return = bounce_texts.report_of(text)
    returned = _returned(root, inline_return)
    reason = _verdict(signs, report, is_report=root.content_type == "multipart/report", has_returned=bool(returned))
    if not reason:
        return _NONE
    is_delay = _is_delay(subject, report)
    recipients = _failed_field(headers) or _recipients_in_text(headers, report, returned)
    return Bounce(not is_delay, is_delay, reason, _unique(recipients), _message_id(returned))


@dataclass(frozen=True, slots=True)
class _Signs:
    """What headers and subject tell about a report that carries no delivery-status."""

    has_failed_field: bool
    is_system: bool
    is_daemon: bool
    has_null_sender: bool
    has_subject: bool
    is_answer: bool

    @property
    def any(self) -> bool:
        return self.has_failed_field or self.is_system or self.has_null_sender or self.has_subject


def _signs(headers: Headers, subject: str) -> _Signs:
    sender = headers.shown_sender()
    subject = subject[:300]
    return _Signs(
        has_failed_field="x-failed-recipients" in headers,
        is_system=_is_from_mail_system(headers),
        is_daemon="daemon" in f"{sender.name}{sender.addr}".lower(),
        has_null_sender=headers.text("return-path") == "<>",
        has_subject=not _PASSED_ON.match(subject)
        and bool(bounce_texts.SUBJECT.match(subject) or bounce_texts.SUBJECT_INSIDE.search(subject)),
        # fml, a list server, refers to the mail that it refuses.
        is_answer=("in-reply-to" in headers or "references" in headers) and "x-mlserver" not in headers,
    )


def _verdict(signs: _Signs, report: str, *, is_report: bool, has_returned: bool) -> Sign:
    """What makes a mail a report, or `Sign.NONE`. One sign alone never does, but for the field of Exim."""
    if signs.has_failed_field:
        return Sign.FAILED_RECIPIENTS
    if signs.is_system and (signs.has_subject or is_report):
        return Sign.MAIL_SYSTEM
    if not (bounce_texts.FAILED.search(report) or bounce_texts.DELAYED.search(report)):
        return Sign.NONE
    looks_made = has_returned or bool(bounce_texts.TITLE.search(report))
    if signs.is_daemon or (signs.is_system and (looks_made or signs.has_null_sender)):
        return Sign.MAIL_SYSTEM
    if signs.has_null_sender and (signs.has_subject or has_returned):
        return Sign.NULL_SENDER
    # People answer reports, and quote them: "Re: Undeliverable: Invoice".
    return Sign.SUBJECT if signs.has_subject and looks_made and not signs.is_answer else Sign.NONE


def _is_from_mail_system(headers: Headers) -> bool:
    sender = headers.shown_sender()
    return bool(
        bounce_texts.SYSTEM_ADDRESS.match(sender.addr)
        or bounce_texts.SYSTEM_NAME.search(sender.name)
        or bounce_texts.SYSTEM_ADDRESS.match(headers.text("return-path").strip("<> "))
    )


def _is_delay(subject: str, report: str) -> bool:
    has_given_up = bool(bounce_texts.GAVE_UP.search(subject) or bounce_texts.GAVE_UP.search(report))
    is_late = bounce_texts.DELAYED.search(report) or bounce_texts.DELAY_SUBJECT.search(subject)
    return bool(is_late) and not has_given_up


def _returned(root: Part, inline: str) -> str:
    """The text of the returned mail or its headers: a part of its own, or what stands below the report."""
    for part in root.walk():
        if part.content_type in _RETURNED_TYPES:
            return _text_of(part)
    return inline


def _message_id(returned: str) -> str:
    match = _MESSAGE_ID.search(returned)
    return match[1] if match else ""


def _recipients_in_text(headers: Headers, report: str, returned: str) -> list[str]:
    """Who did not get the mail: named by the report, else the To of the returned mail."""
    bare = bounce_texts.BARE_RECIPIENT.search(report[: _MAX_LINES * _MAX_LINE_CHARS])
    report = _lines_with_addresses(report)
    # The report goes to the sender and comes from the server: neither is whom it is about.
    sender = headers.shown_sender().addr.lower()
    parties = {address.addr.lower() for address in headers.addresses("to", limit=20)} | {sender}
    parties |= {_LIST_ROLE.sub("@", party) for party in parties}
    for pattern in bounce_texts.RECIPIENTS:
        found = [one for one in pattern.findall(report)[:_MAX_RECIPIENTS] if _is_candidate(one, parties)]
        if found:
            return found
    if listed := _RETURNED_TO.search(returned):
        return _addresses(listed[1])
    if bare:
        # A provider that leaves out its own domain.
        return [f"{bare[1]}@{sender.rpartition('@')[2]}"]
    loose = [one for one in bounce_texts.ANY_ADDRESS.findall(report) if _is_candidate(one, parties)]
    # Last, somebody who wrote to himself.
    own = [one for pattern in bounce_texts.RECIPIENTS for one in pattern.findall(report) if _is_candidate(one, set())]
    return (loose or own)[:1]


def _lines_with_addresses(report: str) -> str:
    """The lines that hold an @ and the one before each, cut to a length that no server exceeds."""
    lines = [line[:_MAX_LINE_CHARS] for line in report.split("\n")[:_MAX_LINES]]
    kept: list[str] = []
    for index, line in enumerate(lines):
        # "... to the following recipients:" may stand two lines above the address.
        if any("@" in near for near in lines[index : index + 3]):
            kept.append(line)
    return "\n".join(kept)


def _is_candidate(address: str, parties: set[str]) -> bool:
    return address.lower().rstrip(".") not in parties and not bounce_texts.SYSTEM_ADDRESS.match(address)


def _addresses(value: str) -> list[str]:
    return bounce_texts.ANY_ADDRESS.findall(value[:_LOOK_AT_BYTES])


def _unique(addresses: list[str]) -> tuple[str, ...]:
    clean = [charsets.clean(one, max_chars=320).rstrip(".") for one in addresses[:_MAX_RECIPIENTS]]
    return tuple(dict.fromkeys(form for address in clean for form in (address, _as_before(address))))


def _as_before(address: str) -> str:
    """An address as it was before a forwarder (SRS), a signer (BATV), a list (VERP) or a relay (%) rewrote it."""
    for pattern in _REWRITTEN:
        if match := pattern.fullmatch(address):
            return f"{match['local']}@{match['domain']}"
    return address
