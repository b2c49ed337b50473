"""The mails of tests/mail, named after their quirk; their bytes are exact (.gitattributes)."""

from __future__ import annotations

from pathlib import Path

from mail_gateway.mail import ParsedMail
from mail_gateway.parse import parse

FOLDER = Path(__file__).resolve().parents[1] / "mail"
QUIRKS = sorted(path.stem for path in FOLDER.glob("*.eml"))


def raw(quirk: str) -> bytes:
    return (FOLDER / f"{quirk}.eml").read_bytes()


def parsed(quirk: str) -> ParsedMail:
    return parse(raw(quirk))
