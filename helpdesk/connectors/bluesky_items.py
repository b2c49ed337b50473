"""What one stored thing of a Bluesky account says, without asking anybody; and how its posts are called.

A post is called by its address (``at://did/collection/key``), a customer by their DID, which stays when the handle
changes hands. `bluesky.poll` stores what the servers said beside the name of the thread.
"""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from helpdesk.connectors import facets
from helpdesk.connectors.social import Handle, Item, Media, Unreadable, iso_moment, web_address
from helpdesk.models import Identity
from helpdesk.text import clean, clean_text

POST = "app.bsky.feed.post"
#: Where pictures of posts can be fetched by anybody.
PICTURES = "https://cdn.bsky.app/img/feed_fullsize/plain"
_MAX_ID = 200
_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_NINETIES, _TEN_YEARS = datetime(1990, 1, 1, tzinfo=UTC), timedelta(days=3652)


def public_thread(*, root: str, did: str) -> str:
    """The thread of one customer under one post: others who answer there have their own."""
    return f"{root} {did}"


def private_thread(conversation: str) -> str:
    return f"convo:{conversation}"


def conversation_of(thread: str) -> str:
    """The id of a private conversation; '' for a public thread."""
    return thread.removeprefix("convo:") if thread.startswith("convo:") else ""


def customer_of(thread: str) -> str:
    """The DID of the customer whom a public thread is with."""
    return thread.rpartition(" ")[2]


def root_of(thread: str) -> str:
    return thread.rpartition(" ")[0]


def author_of(uri: str) -> str:
    """Whose post it is."""
    return uri.removeprefix("at://").partition("/")[0]


def key_of(uri: str) -> str:
    return uri.rpartition("/")[2]


def key_for(idempotency_key: str) -> str:
    """A record key (TID) that is the same for the same message, so that it is written once however often it is sent.

    It lies in the nineties, before all keys that programs make of the present: in a list of our posts, ours by this
    desk come last, and what people wrote by hand is found without them.
    """
    digest = int.from_bytes(sha256(idempotency_key.encode()).digest()[:9], "big")
    start, span = int(_NINETIES.timestamp() * 1_000_000), int(_TEN_YEARS.total_seconds() * 1_000_000)
    return _key(start + (digest >> 10) % span, digest & 0x3FF)


def _key(microseconds: int, clock: int) -> str:
    number = microseconds << 10 | clock
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(60, -1, -5))


#: The first key of those that no desk makes.
FIRST_BY_HAND = _key(int((_NINETIES + _TEN_YEARS).timestamp() * 1_000_000), 0)


def root_in(post: dict[str, Any]) -> str:
    """The post that a thread begins with."""
    reply = post["record"].get("reply")
    return identifier(reply["root"]["uri"]) if isinstance(reply, dict) else identifier(post["uri"])


def read(raw: bytes) -> Item:
    """The item. Raises Unreadable."""
    try:
        told = json.loads(raw)
        return _READERS[told["what"]](told)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(
            f"not an item of Bluesky: {type(error).__name__} {clean(str(error), max_length=80)}"
        ) from error


def _post(told: dict[str, Any]) -> Item:
    post = told["post"]
    record, uri = post["record"], identifier(post["uri"])
    rich = facets.read(str(record.get("text", "")), record.get("facets"))
    embedded = record.get("embed") if isinstance(record.get("embed"), dict) else {}
    language = next(iter(record.get("langs") or ()), "")
    return Item(
        kind="echo" if told["what"] == "echo" else "message",
        external_id=uri,
        thread=str(told["thread"]),
        at=iso_moment(post.get("indexedAt") or record["createdAt"]),
        sender=_handle(post["author"]),
        text=clean_text("\n\n".join(part for part in (rich.text, _link_of(embedded, rich.links)) if part)),
        media=_pictures(embedded, author_of(uri)),
        is_public=True,
        url=f"https://bsky.app/profile/{author_of(uri)}/post/{key_of(uri)}",
        extra={"language": clean(str(language), max_length=20), "links": list(rich.links)},
    )


def _chat(told: dict[str, Any]) -> Item:
    message = told["message"]
    rich = facets.read(str(message.get("text", "")), message.get("facets"))
    return Item(
        kind="echo" if told["what"] == "chat-echo" else "message",
        external_id=identifier(message["id"]),
        thread=str(told["thread"]),
        at=iso_moment(message["sentAt"]),
        sender=_handle(told["author"]),
        text=clean_text("\n\n".join(part for part in (rich.text, _shared(message.get("embed"))) if part)),
        is_public=False,
        extra={"links": list(rich.links)},
    )


def _deletion(told: dict[str, Any]) -> Item:
    uri = identifier(told["uri"])
    return Item(
        kind="deletion",
        external_id=f"deletion:{uri}",
        thread=str(told["thread"]),
        at=iso_moment(told["at"]),
        is_public=True,
        refers_to=uri,
    )


_READERS = {"message": _post, "echo": _post, "chat": _chat, "chat-echo": _chat, "deletion": _deletion}


def _handle(author: dict[str, Any]) -> Handle:
    did, handle = identifier(author["did"]), clean(str(author.get("handle") or ""), max_length=253)
    if not did.startswith("did:"):
        raise ValueError("an author without a DID")
    is_known = bool(handle) and handle != "handle.invalid"
    return Handle(
        kind=Identity.Kind.BLUESKY,
        value=did,
        name=clean(str(author.get("displayName") or ""), max_length=120) or (handle if is_known else ""),
        display=f"@{handle}" if is_known else "",
        picture_url=web_address(author.get("avatar")),
        is_verified=True,
    )


def _link_of(embedded: dict[str, Any], known: tuple[str, ...]) -> str:
    """The address of the page or the post that is shown below a text, if the text doesn't have it."""
    kind = str(embedded.get("$type", ""))
    if kind == "app.bsky.embed.external":
        uri = web_address(embedded.get("external", {}).get("uri"))
        return "" if uri in known else uri
    if kind.startswith("app.bsky.embed.record"):
        record = embedded.get("record", {})
        return _page_of(str(record.get("uri") or record.get("record", {}).get("uri") or ""))
    return ""


def _shared(embed: object) -> str:
    """The address of a post that was passed on in a private message."""
    record = embed.get("record") if isinstance(embed, dict) else None
    return _page_of(str(record.get("uri", ""))) if isinstance(record, dict) else ""


def _page_of(uri: str) -> str:
    return f"https://bsky.app/profile/{author_of(uri)}/post/{key_of(uri)}" if f"/{POST}/" in uri else ""


def _pictures(embedded: dict[str, Any], did: str) -> tuple[Media, ...]:
    if str(embedded.get("$type", "")).startswith("app.bsky.embed.recordWithMedia"):
        embedded = embedded.get("media") or {}
    images = embedded.get("images") if embedded.get("$type") == "app.bsky.embed.images" else None
    return tuple(_picture(each, did) for each in (images or ())[:4])


def _picture(image: dict[str, Any], did: str) -> Media:
    blob = image["image"]
    cid = identifier(blob["ref"]["$link"])
    return Media(
        url=f"{PICTURES}/{did}/{cid}@jpeg",
        name=clean(str(image.get("alt") or ""), max_length=120),
        content_type="image/jpeg",
        size=blob["size"] if isinstance(blob.get("size"), int) else 0,
        reference=cid,
    )


def identifier(value: object) -> str:
    """A name of the protocol as text; raises ValueError for what can't be one."""
    text = str(value)
    if not text or len(text) > _MAX_ID or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("an id that is none")
    return text
