"""Every text that a person reads is there in Finnish too, and the compiled catalogue that the desk loads is current.

All of it in Python (Babel), so that neither `make run` nor `make check` needs gettext's programs.
"""

from __future__ import annotations

import re
import tomllib
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "helpdesk" / "locale"
LANGUAGES = ["fi"]
"""English is the language of the source."""


def catalogue(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "django.po").open("rb") as stream:
        return read_po(stream, locale=language)


def texts_of_the_source() -> set[tuple[str | None, str]]:
    """(context, text) of everything marked for translation; for a plural the singular stands."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"]["mappings"]
    methods = [(mapping["pattern"], mapping["method"]) for mapping in mappings]
    options = {mapping["pattern"]: mapping for mapping in mappings}
    words = re.findall(r"^KEYWORDS := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    keywords = {**DEFAULT_KEYWORDS, **parse_keywords(words[0].split())}
    return {
        (context, text if isinstance(text, str) else text[0])
        for _, _, text, _, context in extract_from_dir(ROOT, methods, options, keywords)
    }


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)[sd]|%[sd]|\{\w*\}", text))


def singular(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


@pytest.mark.parametrize("language", LANGUAGES)
class TestEachLanguage:
    def test_has_every_text(self, language: str) -> None:
        known = {(m.context, singular(m)) for m in catalogue(language) if m.id and all(strings(m)) and not m.fuzzy}

        assert sorted(texts_of_the_source() - known, key=str) == [], "run `make messages`, then translate the .po file"

    def test_keeps_the_placeholders_of_each_text(self, language: str) -> None:
        wrong = [
            (singular(message), text)
            for message in catalogue(language)
            if message.id
            for text in strings(message)
            if text
            and placeholders(text) != placeholders(singular(message))
            and text not in plural_without_number(message)
        ]

        assert wrong == []

    def test_is_compiled(self, language: str) -> None:
        source = catalogue(language)
        compiled = BytesIO()
        write_mo(compiled, source)
        path = LOCALE / language / "LC_MESSAGES" / "django.mo"

        assert path.exists(), "run `make messages`"
        with path.open("rb") as stream:
            there = {(m.context, singular(m)): m.string for m in read_mo(stream) if m.id}
        compiled.seek(0)
        assert there == {(m.context, singular(m)): m.string for m in read_mo(compiled) if m.id}, "run `make messages`"


def strings(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def plural_without_number(message: Message) -> tuple[str, ...]:
    """The singular of a plural pair may spell its number out ("one ticket")."""
    return strings(message)[:1] if isinstance(message.id, tuple | list) else ()
