"""Bulk evaluation of the parser: file names in, one line of JSON for each out, in order."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mail_gateway.mail import Address, Kind, ParsedMail
from mail_gateway.parse import parse

_USAGE = "usage: python -m mail_gateway.parse --batch | --parse FILE"


def main(arguments: Sequence[str]) -> int:
    """`--batch` or `--parse FILE`; the exit status is 2 for anything else."""
    if list(arguments) == ["--batch"]:
        for line in sys.stdin.buffer:
            if name := line.rstrip(b"\r\n"):
                _print(_answer(name.decode("utf-8", "surrogateescape")))
        return 0
    if len(arguments) == 2 and arguments[0] == "--parse":
        _print(_answer(arguments[1]))
        return 0
    sys.stderr.write(f"{_USAGE}\n")
    return 2


def _print(line: str) -> None:
    # Bytes, because the terminal's encoding must not decide what an evaluation reads.
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


def _answer(name: str) -> str:
    try:
        raw = Path(name).read_bytes()
    except (OSError, ValueError) as error:
        return json.dumps({"error": str(error)})
    return json.dumps(as_json(parse(raw)), ensure_ascii=False)


def as_json(mail: ParsedMail) -> dict[str, Any]:
    """The published fields of a parsed mail as JSON types."""
    return {
        "from": _address(mail.from_shown),
        "to": [_address(one) for one in mail.to],
        "cc": [_address(one) for one in mail.cc],
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "reply_text": mail.reply_text,
        "attachments": [
            {
                "filename": one.filename,
                "content_type": one.content_type,
                "size": len(one.content),
                "inline": one.is_inline,
            }
            for one in mail.attachments
        ],
        "is_auto_reply": mail.automatic.kind is Kind.AUTO_REPLY,
        "is_bounce": mail.automatic.kind in (Kind.BOUNCE, Kind.DELAY),
        "bounced_recipient": list(mail.bounced_recipients),
        "message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to[0] if mail.in_reply_to else "",
        "references": list(mail.references),
        "language": mail.language,
        "problems": list(mail.problems),
    }


def _address(address: Address) -> dict[str, str]:
    return {"name": address.name, "addr": address.addr}
