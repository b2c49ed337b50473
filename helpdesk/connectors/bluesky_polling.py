"""What is new for a Bluesky account. Each look moves its own part of the cursor, behind what it has yielded.

Notifications are listed newest first, by the time at which their writers say they wrote: one that was on its way for
long, or comes from a clock that is slow, appears below others that are known already. So a look takes in the whole
first page, and goes down to a little before where the last one began; once an hour it goes down `_LATE`. What is known
is left out by its address. A look with too many pages goes on from where it stopped next time.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from helpdesk.connectors import bluesky_items as items
from helpdesk.connectors.bluesky_api import CHAT, Client, Gone, as_dict
from helpdesk.connectors.social import iso_moment
from helpdesk.models import Message, SocialAccount, SocialPart, SocialPost

Found = list[tuple[str, bytes]]

_PAGE, _MOST_PAGES = 100, 20
#: Each look, and one look an hour, begins so long before the newest that is known.
_OVERLAP, _LATE, _LATE_EVERY = timedelta(minutes=2), timedelta(days=3), timedelta(hours=1)
_LOOKS, _WATCHED_FOR = 25, timedelta(days=7)


@dataclass(slots=True)
class Cursor:
    """How far everything is read; moments are of ISO 8601. Another account than ``who`` begins anew.

    ``began``: what is older isn't the desk's. ``since``: up to it all notifications are here. ``floor``, ``top`` and
    ``page``: how far a look goes down, where it began, and where it goes on. ``late_at``: when the last long one began.
    ``own``: the key of our last post by hand. ``chat``: the place in the log of private messages. ``looked``: the row
    that was looked at last.
    """

    who: str = ""
    began: str = ""
    since: str = ""
    floor: str = ""
    top: str = ""
    page: str = ""
    late_at: str = ""
    own: str = ""
    chat: str = ""
    looked: int = 0

    @classmethod
    def read(cls, written: str, *, who: str) -> "Cursor":
        cursor = cls(**json.loads(written)) if written else cls()
        return cursor if cursor.who == who else cls(who=who)

    def written(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value})


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one account; what is younger than ``settled_before`` isn't final."""

    account: SocialAccount
    client: Client
    state: Cursor
    settled_before: datetime


def _raw(what: str, **told: Any) -> bytes:
    return json.dumps({"what": what, **told}).encode()


# --- mentions and replies ---


def notifications(look: Look) -> Iterator[tuple[str, bytes]]:
    """Posts that mention us or answer us."""
    state, now = look.state, timezone.now()
    if not state.began:  # the desk begins now: what is older has been dealt with elsewhere
        state.began = state.since = state.late_at = _short(now)
        return
    if not state.page:
        _begin(state, now)
    began, floor = iso_moment(state.began), iso_moment(state.floor)
    found: list[dict[str, Any]] = []
    for _page in range(_MOST_PAGES):
        told = _list(look.client, state.page)
        page = [each for each in told.get("notifications") or () if isinstance(each, dict) and each.get("uri")]
        if page and not state.top:
            state.top = _short(_when(page[0], now))
        found += [each for each in page if _when(each, now) >= began]
        state.page = str(told.get("cursor") or "")
        if not page or not state.page or _when(page[-1], now) < floor:
            _end(state)
            break
    news = [each for each in found if _is_for_us(each, look.client.me.did)]
    known = _known(look.account, [str(each["uri"]) for each in news])
    yield from (_mention(each) for each in reversed(news) if str(each["uri"]) not in known)


def _when(notification: dict[str, Any], now: datetime) -> datetime:
    """What has no date that can be read is new: `bluesky_items.read` refuses it, and an admin sees it."""
    try:
        return iso_moment(notification.get("indexedAt"))
    except ValueError:
        return now


def _begin(state: Cursor, now: datetime) -> None:
    """A new look, down to a little before the last one or, once an hour, further."""
    floor = iso_moment(state.since) - _OVERLAP
    if now - iso_moment(state.late_at) >= _LATE_EVERY:
        floor, state.late_at = min(floor, now - _LATE), _short(now)
    state.floor, state.top = _short(max(floor, iso_moment(state.began))), ""


def _end(state: Cursor) -> None:
    """The look is through. A writer's clock may be fast: it doesn't move us beyond now."""
    if state.top:
        top = min(iso_moment(state.top), timezone.now())
        state.since = _short(max(iso_moment(state.since), top))
    state.top = state.page = ""


def _known(account: SocialAccount, uris: list[str]) -> set[str]:
    """Those that are posts of tickets, or parts of one."""
    posts = SocialPost.objects.filter(thread__account=account, external_id__in=uris)
    parts = SocialPart.objects.filter(post__thread__account=account, external_id__in=uris)
    return {*posts.values_list("external_id", flat=True), *parts.values_list("external_id", flat=True)}


def _short(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _list(client: Client, page: str) -> dict[str, Any]:
    params = [("reasons", "mention"), ("reasons", "reply"), ("limit", str(_PAGE))]
    return as_dict(
        client.query("app.bsky.notification.listNotifications", params + ([("cursor", page)] if page else []))
    )


def _is_for_us(notification: dict[str, Any], did: str) -> bool:
    """Replies further down in a conversation under our post are told too; they are for us only if they name us."""
    record = as_dict(notification.get("record"))
    if notification.get("reason") == "mention":
        return True
    parent = as_dict(as_dict(record.get("reply")).get("parent"))
    return notification.get("reason") == "reply" and items.author_of(str(parent.get("uri", ""))) == did


def _mention(post: dict[str, Any]) -> tuple[str, bytes]:
    uri = str(post["uri"])
    try:
        thread = items.public_thread(root=items.root_in(post), did=items.author_of(uri))
    except (ValueError, KeyError, TypeError, AttributeError):
        thread = items.public_thread(root=uri, did=items.author_of(uri))  # whatever it is: an admin sees it
    kept = {name: post.get(name) for name in ("uri", "cid", "author", "record", "indexedAt")}
    return uri, _raw("message", thread=thread, post=kept)


# --- what people answered in the platform's own app ---


def own_posts(look: Look) -> Iterator[tuple[str, bytes]]:
    """Our own posts that no desk wrote: keys of the desk are older than all others (`bluesky_items.key_for`)."""
    state, me = look.state, look.client.me
    found: list[dict[str, Any]] = []
    page = ""
    for _page in range(_MOST_PAGES):
        params = [("repo", me.did), ("collection", items.POST), ("limit", str(_PAGE))]
        told = as_dict(look.client.query("com.atproto.repo.listRecords", params + ([("cursor", page)] if page else [])))
        records = [each for each in told.get("records") or () if isinstance(each, dict)]
        if not state.own:
            state.own = max([items.key_of(str(each["uri"])) for each in records] + [items.FIRST_BY_HAND])
        news = [each for each in records if items.key_of(str(each["uri"])) > state.own]
        found += news
        page = str(told.get("cursor") or "")
        if len(news) < len(records) or not page:
            break
    author = {"did": me.did, "handle": me.handle}
    for record in sorted(found, key=lambda each: items.key_of(str(each["uri"]))):
        state.own = items.key_of(str(record["uri"]))
        post = {
            "uri": record["uri"],
            "cid": record.get("cid"),
            "author": author,
            "record": as_dict(record.get("value")),
        }
        if thread := _answered(look.account, post, me.did):
            yield str(record["uri"]), _raw("echo", thread=thread, post=post)


def _answered(account: SocialAccount, post: dict[str, Any], did: str) -> str:
    """The thread that a post of ours belongs to; '' if it answers no customer."""
    parent = str(as_dict(as_dict(post["record"].get("reply")).get("parent")).get("uri", ""))
    if not parent:
        return ""
    known = SocialPost.objects.filter(Q(external_id=parent) | Q(parts__external_id=parent), thread__account=account)
    if thread := known.values_list("thread__external_id", flat=True).first():
        return thread
    customer = items.author_of(parent)
    try:
        return "" if customer == did else items.public_thread(root=items.root_in(post), did=customer)
    except (ValueError, KeyError, TypeError, AttributeError):  # of a program that writes half an answer
        return ""


# --- what was taken back ---


def deletions(look: Look) -> Iterator[tuple[str, bytes]]:
    """Customers' posts of the last week that are there no more. Nobody tells of them but the stream of all posts."""
    posts = list(
        SocialPost.objects.filter(
            thread__account=look.account,
            is_public=True,
            message__kind=Message.Kind.CUSTOMER,
            message__created_at__gte=timezone.now() - _WATCHED_FOR,
            deleted_at=None,
            pk__gt=look.state.looked,
        )
        .exclude(external_id="")
        .select_related("thread")
        .order_by("pk")[:_LOOKS]
    )
    if posts:
        told = as_dict(look.client.query("app.bsky.feed.getPosts", [("uris", post.external_id) for post in posts]))
        there = {str(each.get("uri")) for each in told.get("posts") or () if isinstance(each, dict)}
        for post in posts:
            if post.external_id not in there and _is_gone(look.client, post.external_id):
                at = timezone.now().isoformat()
                yield (
                    f"deletion:{post.external_id}",
                    _raw("deletion", uri=post.external_id, thread=post.thread.external_id, at=at),
                )
    look.state.looked = posts[-1].pk if len(posts) == _LOOKS else 0


def _is_gone(client: Client, uri: str) -> bool:
    """Hidden posts are not shown either: only what nobody has any more was taken back."""
    params = [("repo", items.author_of(uri)), ("collection", items.POST), ("rkey", items.key_of(uri))]
    try:
        client.query("com.atproto.repo.getRecord", params)
    except Gone:
        return True
    return False


# --- private messages ---


def chat(look: Look) -> Iterator[tuple[str, bytes]]:
    """Messages of private conversations with one person, by the log of what happened there."""
    state, client = look.state, look.client
    if not state.chat:
        state.chat = str(client.query("chat.bsky.convo.getLog", headers=CHAT).get("cursor") or "")
        return
    people: dict[str, dict[str, dict[str, Any]]] = {}
    for _page in range(_MOST_PAGES):
        told = as_dict(client.query("chat.bsky.convo.getLog", [("cursor", state.chat)], headers=CHAT))
        entries = [each for each in told.get("logs") or () if isinstance(each, dict)]
        for entry in entries:
            message = as_dict(entry.get("message"))
            if str(entry.get("$type", "")).endswith("#logCreateMessage") and "text" in message:
                if (found := _said(look, entry, message, people)) is None:
                    return
                yield from found
            state.chat = str(entry.get("rev") or state.chat)
        state.chat = str(told.get("cursor") or state.chat)
        if not entries:
            return


def _said(
    look: Look, entry: dict[str, Any], message: dict[str, Any], people: dict[str, dict[str, dict[str, Any]]]
) -> Found | None:
    """The item of a message; none for a group's; None: our own, so young that it may be on its way from here."""
    conversation, did = str(entry["convoId"]), str(as_dict(message.get("sender")).get("did", ""))
    is_ours = did == look.client.me.did
    if is_ours and iso_moment(message["sentAt"]) > look.settled_before:
        return None
    if conversation not in people:
        people[conversation] = _members(look.client, conversation)
    if len(people[conversation]) != 2:
        return []
    author = people[conversation].get(did, {"did": did})
    kind, thread = "chat-echo" if is_ours else "chat", items.private_thread(conversation)
    return [(f"chat:{message['id']}", _raw(kind, thread=thread, author=author, message=message))]


def _members(client: Client, conversation: str) -> dict[str, dict[str, Any]]:
    """By DID; empty for a conversation that is gone."""
    try:
        told = client.query("chat.bsky.convo.getConvo", [("convoId", conversation)], headers=CHAT)
    except Gone:
        return {}
    convo = as_dict(as_dict(told).get("convo"))
    if str(as_dict(convo.get("kind")).get("$type", "")).endswith("#groupConvo"):
        return {}
    kept = ("did", "handle", "displayName", "avatar")
    return {
        str(each["did"]): {name: each.get(name) for name in kept}
        for each in convo.get("members") or ()
        if isinstance(each, dict)
    }
