"""The workload that every desk was measured with, from outside the repository (../shared/measure or LUOTSI_MEASURE)."""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.progress import say

FOLDER = Path(os.environ.get("LUOTSI_MEASURE", Path(__file__).resolve().parents[2] / "shared" / "measure"))

MAILBOX = "support@luotsi.example"
COMMON_WORD = "invoice"


def tool(name: str) -> Any:
    """A module of the shared folder, e.g. `make_mail`. Ends the program with a sentence when the folder is missing."""
    if not (FOLDER / f"{name}.py").is_file():
        say(f"The workload is missing: no {name}.py in {FOLDER}. Set LUOTSI_MEASURE to the folder that holds it.")
        raise SystemExit(2)
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    return importlib.import_module(name)


def make_mails(folder: Path, *, count: int, seed: int = 1) -> list[bytes]:
    """Write `count` mails and their manifest into `folder`; returns the raw mails in the order they were made."""
    options = argparse.Namespace(
        n=count,
        out=str(folder),
        seed=seed,
        to=MAILBOX,
        refs=None,
        tag_only=False,
        only=None,
        prefix="m",
        lf=False,
        maildir=False,
    )
    tool("make_mail").Maker(options).run()
    return [path.read_bytes() for path in sorted(folder.glob("m*.eml"))]


@dataclass(frozen=True)
class BulkRow:
    """One ticket of the bulk set: what the customer wrote, and the answer."""

    number: int
    subject: str
    name: str
    address: str
    question: str
    answer: str
    created_unix: int
    is_open: bool


def bulk_rows(*, first: int, count: int) -> Iterator[BulkRow]:
    for n, subject, name, address, question, answer, created, is_open in tool("bulk_rows").rows(count, start=first):
        yield BulkRow(
            n,
            subject,
            name,
            address,
            question.replace("\\n", "\n"),
            answer.replace("\\n", "\n"),
            created,
            bool(is_open),
        )


def rare_word(number: int) -> str:
    """The word that only bulk ticket `number` holds."""
    return str(tool("bulk_rows").needle(number))


@dataclass(frozen=True)
class Account:
    """What verify.py found when it compared the stored messages with the manifest."""

    tickets: int
    lost: int
    doubled: int
    damaged: int
    report: str


StoredMessage = tuple[str, int, bool, str, str]
"""(message id, ticket id, opened the ticket, subject, text)"""


def verify(folder: Path, messages: Iterable[StoredMessage], attachments: Mapping[str, list[str]]) -> Account:
    """Compare what is stored with the manifest in `folder`; attachments are SHA-256 digests by Message-ID.

    verify.py prints its counts, so they are read off its report: "N mails; M stored messages; T tickets", then a
    dictionary of fates, and one of damages.
    """
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        tool("verify").check(str(folder), messages, attachments)
    report = output.getvalue()
    tickets = re.search(r"; (\d+) tickets", report)
    fates, damages = (
        re.search(r"^  (\{.*\})$", report, re.MULTILINE),
        re.search(r"damage: (\{.*\})$", report, re.MULTILINE),
    )
    if not (tickets and fates and damages):
        raise ValueError(f"verify.py has changed its report:\n{report}")
    fate: dict[str, int] = ast.literal_eval(fates[1])
    damage: dict[str, int] = ast.literal_eval(damages[1])
    return Account(
        tickets=int(tickets[1]),
        lost=fate.get("lost", 0),
        doubled=fate.get("duplicated", 0),
        damaged=sum(damage.values()),
        report=report,
    )
