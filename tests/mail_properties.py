"""What holds for every mail, whatever its bytes: the oracle of the property tests and of the fuzzer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from mail_gateway.addresses import is_clean
from mail_gateway.batch import as_json
from mail_gateway.mail import Limits, ParsedMail
from mail_gateway.problems import Problem, SenderProblem, recognise
from mail_gateway.tnef import SIGNATURE

# C0, C1, what separates lines, what turns the direction of text round, and lone surrogates.
_UNCLEAN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNCLEAN_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LIMITS = Limits()
_SENDER_PROBLEMS = {"", *(problem.value for problem in SenderProblem)}


def complaints(raw: bytes, mail: ParsedMail) -> list[str]:
    """Each property that does not hold, in words; empty for a mail that was read as it must be."""
    return [*_about_reading(mail), *_about_headers(mail), *_about_texts(mail), *_about_files(raw, mail)]


def _about_reading(mail: ParsedMail) -> Iterator[str]:
    for problem in mail.problems:
        found = recognise(problem)
        if found is None or found.problem is Problem.UNREADABLE:
            yield f"problem: {problem}"
    if len(mail.problems) > 2 * len(Problem):
        yield f"{len(mail.problems)} problems"
    json.dumps(as_json(mail), ensure_ascii=False).encode()


def _about_headers(mail: ParsedMail) -> Iterator[str]:
    if mail.sender_problem not in _SENDER_PROBLEMS or bool(mail.sender_problem) != (mail.sender is None):
        yield f"sender {mail.sender} with {mail.sender_problem!r}"
    if mail.sender is not None and not is_clean(mail.sender.addr):
        yield f"sender {mail.sender.addr!r} is no mailbox"
    people = [mail.from_shown, *mail.to, *mail.cc, *mail.reply_to]
    values = [mail.subject, mail.message_id, *mail.in_reply_to, *mail.references, *mail.delivered_to]
    values += [*mail.bounced_recipients, mail.bounced_message_id, *mail.authentication_results, *mail.problems]
    values += [value for each in people for value in (each.name, each.addr)]
    for each in mail.attachments:
        values += [each.filename, each.content_type, each.content_id]
        if "/" in each.filename or "\\" in each.filename or each.filename.strip(". ") != each.filename.strip(". "):
            yield f"file name {each.filename!r} is a path"
    for value in values:
        if _UNCLEAN.search(value):
            yield f"unclean value {value!r}"
        if len(value) > 2_000:
            yield f"value of {len(value)} characters"
    if max(len(mail.to), len(mail.cc), len(mail.reply_to)) > _LIMITS.recipients:
        yield "too many recipients"


def _about_texts(mail: ParsedMail) -> Iterator[str]:
    for text in (mail.text, mail.html, mail.reply_text):
        if found := _UNCLEAN_TEXT.search(text):
            yield f"text with {found[0]!r}"
        if len(text) > _LIMITS.text_chars:
            yield f"text of {len(text)} characters"
    # A mail may be nothing but a quotation; it can't be nothing and say something new.
    if mail.reply_text.strip() and not mail.text.strip():
        yield "new text without a text"


def _about_files(raw: bytes, mail: ParsedMail) -> Iterator[str]:
    if len(mail.attachments) > 2 * _LIMITS.parts:
        yield f"{len(mail.attachments)} files"
    # Rich text can be packed, and Latin-1 grows in UTF-8; everything else in a mail only shrinks when decoded.
    room = len(raw) * (20 if SIGNATURE in raw or b"eJ8+I" in raw else 1)
    if sum(len(each.content) for each in mail.attachments) > room:
        yield "more bytes in files than in the mail"
