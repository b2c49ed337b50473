"""Real mails under open licences, tests/mail/<corpus>/*.eml, and what has to be read out of each.

A folder holds the mails, the `LICENCE` they come under, and `expected.json`: file name to expected values. The values
are those of `READERS`; a mail names only what its origin or a person has decided.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mail_gateway import html_text
from mail_gateway.mail import Kind, ParsedMail
from mail_gateway.parse import parse

FOLDER = Path(__file__).parent / "mail"
CORPORA = sorted(path.parent.name for path in FOLDER.glob("*/expected.json"))

READERS: dict[str, Callable[[ParsedMail], Any]] = {
    "from_addr": lambda mail: mail.from_shown.addr,
    "from_name": lambda mail: mail.from_shown.name,
    "to": lambda mail: [each.addr for each in mail.to],
    "cc": lambda mail: [each.addr for each in mail.cc],
    "subject": lambda mail: mail.subject,
    "message_id": lambda mail: mail.message_id,
    "in_reply_to": lambda mail: list(mail.in_reply_to),
    "text": lambda mail: squashed(mail.text),
    "html_text": lambda mail: squashed(html_text.to_text(mail.html)),
    "attachments": lambda mail: [each.filename for each in mail.attachments],
    "problems": lambda mail: list(mail.problems),
    "reply_text": lambda mail: mail.reply_text,
    "kind": lambda mail: mail.automatic.kind.value,
    "is_bounce": lambda mail: mail.automatic.kind in (Kind.BOUNCE, Kind.DELAY),
    "is_auto_reply": lambda mail: mail.automatic.kind is Kind.AUTO_REPLY,
    "bounced_recipients": lambda mail: list(mail.bounced_recipients),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail and the values expected of it, by the names of `READERS`."""

    corpus: str
    name: str
    expected: dict[str, Any]

    @property
    def raw(self) -> bytes:
        return (FOLDER / self.corpus / self.name).read_bytes()


def samples(corpus: str) -> list[Sample]:
    """Every mail of a corpus; all its files are named, and all that is named is there."""
    folder = FOLDER / corpus
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    assert sorted(expected) == sorted(path.name for path in folder.glob("*.eml"))
    assert (folder / "LICENCE").exists()
    return [Sample(corpus, name, values) for name, values in expected.items()]


def misread(chosen: Iterable[Sample]) -> dict[str, dict[str, tuple[Any, Any]]]:
    """By file name, each value that came out differently: (expected, read)."""
    found: dict[str, dict[str, tuple[Any, Any]]] = {}
    for sample in chosen:
        mail = parse(sample.raw)
        for field, value in sample.expected.items():
            if (got := READERS[field](mail)) != value:
                found.setdefault(sample.name, {})[field] = (value, got)
    return found


def squashed(text: str) -> str:
    """Text without white space, which programs that render or fold mail disagree about."""
    return re.sub(r"[\s\u200b\u00a0\ufeff]+", "", unicodedata.normalize("NFC", text))
