"""The widget's own texts: one small catalogue a language, in ``static/widget/words``."""

import json
from collections.abc import Mapping, Sequence
from functools import cache

from helpdesk.models import CHAT_LANGUAGES
from helpdesk.widget.assets import FOLDER

#: A text, or its plural forms by the names of CLDR.
Words = Mapping[str, str | Mapping[str, str]]


@cache
def catalogue(language: str) -> Words:
    """All texts in one of CHAT_LANGUAGES."""
    if language not in CHAT_LANGUAGES:
        raise KeyError(language)
    found: Words = json.loads((FOLDER / "words" / f"{language}.json").read_text(encoding="utf-8"))
    return found


def chosen(asked: str, *, languages: Sequence[str]) -> str:
    """The first of the languages ``asked`` for ("fr,sv") that the channel speaks, else the channel's own first."""
    spoken = [language for language in languages if language in CHAT_LANGUAGES] or list(CHAT_LANGUAGES[:1])
    return next((language for language in asked.split(",")[:10] if language in spoken), spoken[0])


def launcher(languages: Sequence[str]) -> dict[str, list[str]]:
    """What the loader needs, by language: open, unread, close, title of the frame."""
    keys = ("launcher", "launcher_unread", "launcher_close", "frame")
    return {
        language: [str(catalogue(language)[key]) for key in keys]
        for language in languages
        if language in CHAT_LANGUAGES
    }
