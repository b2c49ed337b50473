"""What one stored thing of a Mastodon account says, without asking anybody.

`mastodon.poll` stores the server's JSON beside what only the network knew: who we are, and where a thread begins.
"""

import json
from dataclasses import replace
from typing import Any

from helpdesk.connectors import status_html
from helpdesk.connectors.social import Handle, Item, Media, Unreadable, iso_moment, web_address
from helpdesk.models import Identity
from helpdesk.text import clean, clean_text

_PUBLIC = frozenset({"public", "unlisted"})
_KINDS = {"image": "image/jpeg", "gifv": "video/mp4", "video": "video/mp4", "audio": "audio/mpeg"}
_MAX_ID = 100


def public_thread(*, root: str, account_id: str) -> str:
    """The thread of one customer under one post: others who answer there have their own."""
    return f"{root}:{account_id}"


def private_thread(account_id: str) -> str:
    """All that one customer writes privately."""
    return f"direct:{account_id}"


def customer_of(thread: str) -> str:
    """The account id of the customer whom a thread is with."""
    return thread.rpartition(":")[2]


def root_of(thread: str) -> str:
    """The post that a public thread begins with; '' for a private one."""
    root = thread.rpartition(":")[0]
    return "" if root == "direct" else root


def is_public(status: dict[str, Any]) -> bool:
    """Whether everybody may read it. Posts for followers count as private: their answers go to the writer alone."""
    return status.get("visibility") in _PUBLIC


def read(raw: bytes) -> Item:
    """The item. Raises Unreadable."""
    try:
        told = json.loads(raw)
        if told["what"] == "deletion":
            return Item(
                kind="deletion",
                external_id=f"deletion:{told['id']}",
                thread=str(told["thread"]),
                at=iso_moment(told["at"]),
                refers_to=str(told["id"]),
            )
        return _item(told, told["status"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(
            f"not an item of Mastodon: {type(error).__name__} {clean(str(error), max_length=80)}"
        ) from error


def _item(told: dict[str, Any], status: dict[str, Any]) -> Item:
    status_id, what = identifier(status["id"]), told["what"]
    if what not in {"message", "edit", "echo"}:
        raise ValueError(f"unknown: {what!r}")
    text, links = _text_of(status)
    item = Item(
        kind=what,
        external_id=status_id,
        thread=str(told["thread"]),
        at=iso_moment(status["created_at"]),
        sender=_handle(status["account"], str(told["domain"])),
        text=text,
        media=tuple(_media(each) for each in status.get("media_attachments") or () if isinstance(each, dict)),
        is_public=is_public(status),
        url=web_address(status.get("url")),
        extra={"language": clean(str(status.get("language") or ""), max_length=20), "links": links},
    )
    if what != "edit":
        return item
    edited_at = status["edited_at"]
    return replace(item, external_id=f"edit:{status_id}:{edited_at}", at=iso_moment(edited_at), refers_to=status_id)


def _handle(account: dict[str, Any], domain: str) -> Handle:
    acct = str(account["acct"]).strip().lstrip("@").lower()
    full = clean(acct if "@" in acct else f"{acct}@{domain}", max_length=300)
    if not acct:
        raise ValueError("an account without a name")
    return Handle(
        kind=Identity.Kind.MASTODON,
        value=full,
        name=clean(str(account.get("display_name") or "") or acct.partition("@")[0], max_length=120),
        display=f"@{full}",
        mark=web_address(account.get("uri") or account.get("url")),
        picture_url=web_address(account.get("avatar_static") or account.get("avatar")),
        is_verified=True,
        is_bot=bool(account.get("bot")),
    )


def _text_of(status: dict[str, Any]) -> tuple[str, list[str]]:
    """The words: a content warning first, then the post, then the choices of a poll. And the addresses in it."""
    post = status_html.read(str(status.get("content") or ""))
    warning = clean(str(status.get("spoiler_text") or ""), max_length=500)
    poll = status.get("poll")
    options = poll.get("options") if isinstance(poll, dict) else None
    choices = [
        f"○ {clean(str(each.get('title', '')), max_length=200)}" for each in options or () if isinstance(each, dict)
    ]
    parts = (warning, post.text, "\n".join(choices[:20]))
    return clean_text("\n\n".join(part for part in parts if part)), [
        link.url for link in post.links if not link.is_mention
    ]


def _media(attachment: dict[str, Any]) -> Media:
    kind, url = str(attachment.get("type", "")), web_address(attachment.get("url") or attachment.get("remote_url"))
    return Media(
        url=url,
        name=clean(str(attachment.get("description") or ""), max_length=120),
        content_type=_KINDS.get(kind, "application/octet-stream"),
        reference=str(attachment.get("id", ""))[:_MAX_ID],
    )


def identifier(value: object) -> str:
    """An id as text; raises ValueError for what can't be one."""
    text = str(value)
    if len(text) > _MAX_ID or not text.isascii() or not text.isprintable():
        raise ValueError("an id that is none")
    return text
