"""The language of a page for customers: what they chose, what their ticket is in, what their browser asks for."""

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

KNOWN = dict(settings.LANGUAGES)


def chosen(request: HttpRequest, *, first: str = "") -> str:
    """``?language=`` of the address, else ``first``, else the browser's; always one that the desk speaks."""
    for candidate in (request.GET.get("language", ""), first):
        if candidate in KNOWN:
            return candidate
    asked = translation.get_language_from_request(request)
    return asked if asked in KNOWN else settings.LANGUAGE_CODE


def links(request: HttpRequest) -> list[tuple[str, str, str]]:
    """The same page in each language: (code, name, address)."""
    return [(code, name, f"{request.path}?language={code}") for code, name in settings.LANGUAGES]
