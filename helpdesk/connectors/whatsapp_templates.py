"""The texts that Meta has approved for a WhatsApp account: what may be sent when the 24 hours are over.

Source: developers.facebook.com "WhatsApp: template components", ``/{business-account}/message_templates``.
"""

import re
from typing import Any

from helpdesk.connectors import meta, meta_graph
from helpdesk.connectors.meta_graph import Access
from helpdesk.connectors.social import Approved

#: {{1}} or {{first_name}}, as `actions.social_templates` fills it too.
_PLACE = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,60})\s*\}\}")
#: One-time passwords, which the desk has no use for.
_LEFT_OUT = frozenset({"AUTHENTICATION"})
_MOST_PAGES = 20


def approved(access: Access, business: str) -> list[Approved]:
    """Those that the desk can send: approved, nothing to fill outside the body. Raises the errors of `meta_graph`."""
    found: list[Approved] = []
    after = ""
    for _page in range(_MOST_PAGES):
        asked = {"fields": "name,status,category,language,components", "limit": "100"}
        answer = meta_graph.get(access, f"{business}/message_templates", **asked, **({"after": after} if after else {}))
        found += [template for row in meta.objects(answer, "data") if (template := read(row))]
        after = meta.text(meta.part(meta.part(answer, "paging"), "cursors"), "after")
        if not after or not meta.text(meta.part(answer, "paging"), "next"):
            break
    return sorted(found, key=lambda template: (template.name, template.language))


def read(row: Any) -> Approved | None:
    """A row of Meta's list; None for what the desk can't send."""
    if meta.text(row, "status") != "APPROVED" or meta.text(row, "category") in _LEFT_OUT:
        return None
    parts = [(meta.text(part, "type").upper(), part) for part in meta.objects(row, "components")]
    if any(_needs_more(kind, part) for kind, part in parts):
        return None
    texts = [meta.text(part, "text") for kind, part in parts if kind in {"HEADER", "BODY", "FOOTER"}]
    if not any(kind == "BODY" for kind, _part in parts):
        return None
    body = next((meta.text(part, "text") for kind, part in parts if kind == "BODY"), "")
    return Approved(
        name=meta.text(row, "name"),
        language=meta.text(row, "language"),
        category=meta.text(row, "category"),
        text="\n\n".join(text for text in texts if text),
        places=_places(body),
    )


def _places(body: str) -> tuple[str, ...]:
    """Numbered places in the order of their numbers, named ones in that of the text."""
    names = list(dict.fromkeys(_PLACE.findall(body)))
    return tuple(sorted(names, key=int) if all(name.isdecimal() for name in names) else names)


def _needs_more(kind: str, part: Any) -> bool:
    """A picture above the text, or a place in a header, button or card: nobody could fill it here."""
    if kind == "BODY":
        return False
    if kind == "HEADER" and meta.text(part, "format").upper() not in {"TEXT", ""}:
        return True
    if kind in {"CAROUSEL", "LIMITED_TIME_OFFER"}:
        return True
    buttons = [f"{meta.text(button, 'url')}{meta.text(button, 'text')}" for button in meta.objects(part, "buttons")]
    kinds = {meta.text(button, "type").upper() for button in meta.objects(part, "buttons")}
    has_place = any(_PLACE.search(shown) for shown in (meta.text(part, "text"), *buttons))
    return has_place or bool(kinds & {"OTP", "COPY_CODE", "FLOW", "CATALOG", "MPM"})
