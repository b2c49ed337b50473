"""Keyset paging in addresses: ``?before=120`` is what is older than row 120, ``?after=120`` what is newer."""

from typing import Any

from django.http import HttpRequest

from helpdesk.queries.mailroom import Key, Page

# A larger number is none of ours, and the database could not hold it.
_MAX_KEY = 2**63 - 1


def key_of(request: HttpRequest) -> Key:
    """The key of the address; anything that is no number asks for the newest page."""
    return Key(before=_number(request, "before"), after=_number(request, "after"))


def _number(request: HttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    if not (value.isascii() and value.isdigit()) or len(value) > 19:
        return None
    return min(int(value), _MAX_KEY)


def links(request: HttpRequest, page: Page[Any]) -> dict[str, str]:
    """Addresses of the neighbouring pages with the filters of this one; empty where there is none."""
    return {"newer": _link(request, "after", page.newer), "older": _link(request, "before", page.older)}


def _link(request: HttpRequest, name: str, key: int | None) -> str:
    if key is None:
        return ""
    query = request.GET.copy()
    query.pop("before", None)
    query.pop("after", None)
    query[name] = str(key)
    return f"{request.path}?{query.urlencode()}"
