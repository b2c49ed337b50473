"""Bytes of a mail to a `ParsedMail`. Never raises, always returns something that can be shown.

`python -m mail_gateway.parse --batch` answers each file name on standard input with one line of JSON;
`--parse FILE` does one file.
"""

from __future__ import annotations

import re

from mail_gateway import automatic, bodies, bounces, charsets, languages, quotes
from mail_gateway.automatic import Automatic
from mail_gateway.headers import Headers
from mail_gateway.mail import Address, Attachment, Kind, Limits, ParsedMail, Sign
from mail_gateway.mime import Part, parse_tree
from mail_gateway.problems import Problem, SenderProblem

__all__ = ["Address", "Attachment", "Limits", "ParsedMail", "parse"]


_LIMITS = Limits()
_LINE_END = re.compile(rb"\r\r\n|\r\n|\r|\n")


def parse(raw: bytes, *, limits: Limits = _LIMITS) -> ParsedMail:
    """Read one mail. What could not be read, or was left out, is said in `problems`."""
    try:
        with charsets.few_guesses():
            return _parse(raw, limits)
    except Exception as error:  # noqa: BLE001 - the promise of this function; the problem is shown to people
        return _unreadable(raw, limits, error)


def _parse(raw: bytes, limits: Limits) -> ParsedMail:
    problems: list[str] = []
    is_truncated = len(raw) > limits.raw_bytes
    if is_truncated:
        raw = raw[: limits.raw_bytes]
        problems.append(Problem.TOO_LARGE.filled(megabytes=limits.raw_bytes // 1024 // 1024))
    raw = _with_usual_line_ends(raw)
    root, tree_problems = parse_tree(raw, limits=limits)
    headers = root.headers
    headers.charset_hint = bodies.first_charset(root)
    body = bodies.read_body(root, limits=limits)
    problems += [*tree_problems, *body.problems]
    return _assemble(root, headers, body, problems, limits, is_truncated=is_truncated or body.is_truncated)


def _with_usual_line_ends(raw: bytes) -> bytes:
    """LF or CRLF for the line ends of old Macs, and of gateways that wrote each CR twice."""
    first = _LINE_END.search(raw)
    if first is None or first[0] in (b"\n", b"\r\n"):
        return raw
    if first[0] == b"\r":
        return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return raw.replace(b"\r\r\n", b"\r\n")


def _assemble(
    root: Part, headers: Headers, body: bodies.Body, problems: list[str], limits: Limits, *, is_truncated: bool
) -> ParsedMail:
    sender, sender_problem = headers.sender()
    subject = headers.text("subject", max_chars=1_000)
    reply_text = quotes.new_text(body.text)
    bounce = bounces.read_bounce(root, subject=subject, text=body.text)
    return ParsedMail(
        sender=sender,
        from_shown=headers.shown_sender(),
        sender_problem=sender_problem,
        reply_to=headers.addresses("reply-to", limit=limits.recipients),
        to=_recipients(headers, "to", limits, problems),
        cc=_recipients(headers, "cc", limits, problems),
        delivered_to=_delivered_to(headers, limits),
        subject=subject,
        date=headers.date(),
        message_id=headers.message_id(),
        in_reply_to=headers.message_ids("in-reply-to"),
        references=headers.message_ids("references"),
        text=body.text,
        html=body.html,
        reply_text=reply_text,
        attachments=tuple(body.attachments),
        automatic=automatic.classify(root, subject=subject, bounce=bounce),
        bounced_recipients=bounce.recipients,
        bounced_message_id=bounce.message_id,
        authentication_results=tuple(headers.as_written("authentication-results")[:20]),
        language=languages.detect(subject, reply_text),
        problems=tuple(problems),
        is_truncated=is_truncated,
        suppression=automatic.suppression(headers),
    )


def _recipients(headers: Headers, name: str, limits: Limits, problems: list[str]) -> tuple[Address, ...]:
    found = headers.addresses(name, limit=limits.recipients + 1)
    problem = Problem.TOO_MANY_RECIPIENTS.filled(count=limits.recipients)
    if len(found) > limits.recipients and problem not in problems:
        problems.append(problem)
    return found[: limits.recipients]


def _delivered_to(headers: Headers, limits: Limits) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in ("delivered-to", "x-original-to", "resent-to", "envelope-to", "x-envelope-to"):
        for address in headers.addresses(name, limit=limits.recipients):
            found.setdefault(address.addr)
    return tuple(found)


def _unreadable(raw: bytes, limits: Limits, error: Exception) -> ParsedMail:
    """The raw text itself, so that an agent can still see what came."""
    nobody = Address("", "")
    text = charsets.clean_body(raw[: limits.text_chars].decode("latin-1"))
    problem = Problem.UNREADABLE.filled(error=type(error).__name__)
    return ParsedMail(
        sender=None, from_shown=nobody, sender_problem=SenderProblem.UNREADABLE.value, reply_to=(), to=(), cc=(),
        delivered_to=(), subject="", date=None, message_id="", in_reply_to=(), references=(), text=text, html="",
        reply_text=text, attachments=(), automatic=Automatic(Kind.PERSON, Sign.UNREADABLE), bounced_recipients=(),
        bounced_message_id="", authentication_results=(), language="", problems=(problem,), is_truncated=False,
    )  # fmt: skip


if __name__ == "__main__":
    import sys

    from mail_gateway.batch import main

    sys.exit(main(sys.argv[1:]))
