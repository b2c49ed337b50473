"""All that can be said of a mail that could not be read as it stands: a closed set of sentences with figures in them.

A stored problem is the filled-in English sentence. `recognise` finds the sentence and its figures again, so that a
screen can say it in another language: look the pattern up in the catalogue, then fill it in with the figures.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from typing import NamedTuple


class Problem(StrEnum):
    """What was left out or could only be guessed. `{figures}` are numbers or names that the mail itself uses."""

    UNREADABLE = "The mail could not be read ({error}); this is its raw text."
    TOO_LARGE = "The mail is larger than {megabytes} MB; the rest is left out."

    HEADERS_TOO_LONG = "The headers are longer than {kilobytes} kB; the rest is read as text."
    HEADER_TOO_LONG = "A header is longer than {kilobytes} kB and was cut."
    HEADER_RUBBISH = "A line among the headers is not a header."
    TOO_MANY_RECIPIENTS = "The mail names more than {count} recipients; the rest is left out."

    TOO_DEEP = "Parts are nested more than {depth} deep; the rest is one attachment."
    TOO_MANY_PARTS = "The mail has more than {count} parts; the rest is left out."
    TOO_MANY_FILES = "The mail has more than {count} files; the rest is not unpacked."
    BOUNDARY_MISSING = "A multipart mail does not contain its boundary."
    BOUNDARY_REPEATED = "The mail repeats its boundary too often; the rest is left out."

    TEXT_TOO_LONG = "The text is longer than {count} characters and was cut."
    CHARSET_WRONG = "Text says it is {charset} but is {guess}."
    CHARSET_UNNAMED = "Text does not name its charset. Read as {guess}."
    CHARSET_UNKNOWN = "Charset {charset} is unknown. Read as {guess}."
    CHARSET_FORBIDDEN = "Charset {charset} is not allowed. Read as {guess}."
    CHARSET_DAMAGED = "Some characters are not valid {charset}."

    SMIME = "The mail is signed or encrypted with S/MIME; its content is the attachment."
    PGP = "The mail is encrypted with PGP; its content is the attachment."
    PGP_TEXT = "The text holds a message that is encrypted with PGP."
    TNEF_DAMAGED = "The winmail.dat attachment cannot be read."

    def filled(self, **figures: object) -> str:
        """The sentence with its figures."""
        return self.value.format(**figures)


class SenderProblem(StrEnum):
    """Why From does not name exactly one mailbox (`ParsedMail.sender_problem`)."""

    UNREADABLE = "The mail could not be read."
    MISSING = "There is no From field."
    REPEATED = "There is more than one From field."
    EMPTY = "From is empty."
    GROUP = "From holds a group instead of one address."
    SEVERAL = "From names more than one address."
    MALFORMED = "From is malformed."
    CONTRADICTORY = "From shows one address and gives another."
    INCOMPLETE = "From holds no complete address."


class Recognised(NamedTuple):
    """A problem of a stored sentence, and the figures in it by name."""

    problem: Problem
    figures: dict[str, str]


def recognise(sentence: str) -> Recognised | None:
    """Which problem a stored sentence is; None for a sentence that is none of them."""
    for problem in Problem:
        if match := _pattern(problem).fullmatch(sentence):
            return Recognised(problem, match.groupdict())
    return None


@cache
def _pattern(problem: Problem) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.{1,80})", re.escape(problem.value)))
