"""Bluesky: mentions, replies and private messages in, answers out, asked every few seconds.

Guarantees. In: what is new is stored before the cursor moves, and the newest minutes are looked at again, since indexes
are filled out of order. Out: a post has the same key however often it is sent; of private messages, whose servers know
no such keys, the last ones are looked at before another is sent.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.connectors import bluesky_items as items
from helpdesk.connectors import bluesky_polling as polling
from helpdesk.connectors import facets, pieces
from helpdesk.connectors.bluesky_api import CHAT, Client, Gone, login_of, repeatable
from helpdesk.connectors.social import (
    Capabilities,
    Checked,
    Field,
    Item,
    OutgoingPost,
    Sent,
    SocialConnector,
    Upload,
)
from helpdesk.models import SocialAccount
from mail_gateway.errors import GatewayError, LoginRefused, OutcomeUnknown, Permanent

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=15)
#: Characters of one post, and of one private message (app.bsky.feed.post, chat.bsky.convo.defs#messageInput).
POST_LENGTH, CHAT_LENGTH = 300, 1000
_MOST_PICTURES, _MOST_BYTES = 4, 1_000_000
_LAST = 20


class Bluesky(SocialConnector):
    """The connector of Bluesky accounts. ``settles_after``: what is younger is looked at again."""

    capabilities = Capabilities(
        public=True, private=True, threads=True, attachments=frozenset({"image"}), max_text=1_500
    )
    fields = (
        Field(
            name="handle",
            label=gettext_lazy("Handle"),
            help=gettext_lazy("What the account is called, e.g. shop.bsky.social"),
        ),
        Field(
            name="app_password",
            label=gettext_lazy("App password"),
            help=gettext_lazy(
                "Make one for the desk under Settings → Privacy and security → App passwords, and allow it direct "
                "messages there. Never the account's own password."
            ),
            is_secret=True,
        ),
        Field(
            name="chat",
            label=gettext_lazy("Direct messages"),
            choices=(
                ("yes", gettext_lazy("Become tickets too")),
                ("no", gettext_lazy("Are left alone")),
            ),
            default="yes",
        ),
        Field(
            name="service",
            label=gettext_lazy("Server"),
            help=gettext_lazy("Where the account logs in; another one only if it lives on a server of its own."),
            default="https://bsky.social",
        ),
    )
    tested = "real server: PDS, PLC and AppView of @atproto/dev-env; direct messages: recorded exchanges"

    def __init__(self, *, settles_after: timedelta = timedelta(seconds=60)) -> None:
        self.settles_after = settles_after

    def check(self, account: SocialAccount) -> Checked:
        try:
            client = Client(login_of(account))
            me = client.log_in_anew()
        except LoginRefused as error:
            words = _("Bluesky refuses the handle or the app password: %(words)s")
            return Checked(ok=False, trouble=words % {"words": error})
        except Permanent as error:
            return Checked(ok=False, trouble=_("This server can't be used: %(words)s") % {"words": error})
        details = [(_("Number of the account"), me.did), (_("Its server"), me.server)]
        if has_chat(account):
            try:
                client.query("chat.bsky.convo.getLog", headers=CHAT)
            except Permanent as error:
                words = _(
                    "Direct messages can't be read: %(words)s. Allow them to the app password, or leave them alone."
                )
                return Checked(ok=False, name=f"@{me.handle}", trouble=words % {"words": error})
            details.append((_("Direct messages"), _("Become tickets too")))
        return Checked(ok=True, name=f"@{me.handle}", details=tuple(details))

    def read(self, account: SocialAccount, raw: bytes) -> Item | None:
        return items.read(raw)

    def poll_every(self, account: SocialAccount) -> timedelta | None:
        return EVERY

    def poll(self, account: SocialAccount, cursor: str) -> tuple[polling.Found, str]:
        client = Client(login_of(account))
        state = polling.Cursor.read(cursor, who=client.me.did)
        look = polling.Look(account, client, state, timezone.now() - self.settles_after)
        found = list(polling.notifications(look))
        others: list[Callable[[polling.Look], Any]] = [polling.own_posts, polling.deletions]
        if has_chat(account):
            others.append(polling.chat)
        for other in others:
            try:
                found += other(look)
            except LoginRefused:
                raise
            except GatewayError as error:  # the mentions are here already, and these are looked for again
                log.warning("social account %s: %s: %s", account.pk, other.__name__, error)
        return found, state.written()

    def send(self, account: SocialAccount, post: OutgoingPost) -> Sent:
        client = Client(login_of(account))
        if conversation := items.conversation_of(post.thread):
            return _send_privately(client, conversation, post)
        if post.is_public:
            return _publish(client, post)
        told = client.query(
            "chat.bsky.convo.getConvoForMembers", [("members", items.customer_of(post.thread))], headers=CHAT
        )
        return _send_privately(client, str(told["convo"]["id"]), post)


def has_chat(account: SocialAccount) -> bool:
    """Whether direct messages are the desk's."""
    return bool(account.settings.get("chat", "yes") != "no")


# --- public posts ---


def _publish(client: Client, post: OutgoingPost) -> Sent:
    texts = pieces.cut(post.text, limit=POST_LENGTH, length=facets.length)
    if texts is None:
        raise Permanent("The text is longer than a chain of posts may be.")
    parent = _reference(client, post.reply_to or items.root_of(post.thread))
    root = _root_of(parent)
    embed = _pictures(client, post.media)
    sent: list[str] = []
    for number, text in enumerate(texts or [""]):
        record: dict[str, Any] = {
            "$type": items.POST,
            "text": text,
            "createdAt": timezone.now().isoformat().replace("+00:00", "Z"),
            "facets": facets.marks(text, did_of=lambda handle: _did_of(client, handle)),
        }
        if parent:
            record["reply"] = {"root": root, "parent": _strong(parent)}
        if embed and not number:
            record["embed"] = embed
        written = _write_once(client, items.key_for(f"{post.idempotency_key}:{number}"), record)
        sent.append(written["uri"])
        parent, root = written, root or written
    return Sent.of(sent, url=f"https://bsky.app/profile/{client.me.did}/post/{items.key_of(sent[0])}")


def _write_once(client: Client, key: str, record: dict[str, Any]) -> dict[str, str]:
    """The reference of the post with this key: the one that is there, or a new one."""
    uri = f"at://{client.me.did}/{items.POST}/{key}"
    if there := _reference(client, uri):
        return _strong(there)
    values = {"repo": client.me.did, "collection": items.POST, "rkey": key, "record": record}
    try:
        return _strong(client.procedure("com.atproto.repo.createRecord", values))
    except OutcomeUnknown as error:
        raise repeatable(error) from error


def _reference(client: Client, uri: str) -> dict[str, Any]:
    """A post with its content hash; {} if it is not there (any more): an answer then stands alone."""
    if not uri:
        return {}
    params = [("repo", items.author_of(uri)), ("collection", items.POST), ("rkey", items.key_of(uri))]
    try:
        return dict(client.query("com.atproto.repo.getRecord", params))
    except Gone:
        return {}


def _strong(reference: Mapping[str, Any]) -> dict[str, str]:
    return {"uri": str(reference["uri"]), "cid": str(reference["cid"])}


def _root_of(parent: Mapping[str, Any]) -> dict[str, str]:
    """The first post of the thread that ``parent`` is in; {} for no parent."""
    if not parent:
        return {}
    reply = parent.get("value", {}).get("reply")
    return _strong(reply["root"]) if isinstance(reply, dict) and "root" in reply else _strong(parent)


def _pictures(client: Client, media: tuple[Upload, ...]) -> dict[str, Any]:
    if not media:
        return {}
    if len(media) > _MOST_PICTURES or any(each.content_type.partition("/")[0] != "image" for each in media):
        raise Permanent("Bluesky takes up to four pictures, and no other files.")
    if any(len(each.content) > _MOST_BYTES for each in media):
        raise Permanent("Bluesky takes pictures of up to 1 MB.")
    images = [{"alt": each.name, "image": client.upload(each.content, each.content_type)} for each in media]
    return {"$type": "app.bsky.embed.images", "images": images}


def _did_of(client: Client, handle: str) -> str | None:
    try:
        return str(client.query("com.atproto.identity.resolveHandle", [("handle", handle)])["did"])
    except Permanent as error:
        if isinstance(error, LoginRefused):
            raise
        return None


# --- private messages ---


def _send_privately(client: Client, conversation: str, post: OutgoingPost) -> Sent:
    if post.media:
        raise Permanent("Bluesky's direct messages take no files.")
    texts = pieces.cut(post.text, limit=CHAT_LENGTH, length=facets.length)
    if texts is None:
        raise Permanent("The text is longer than a chain of messages may be.")
    there = _said_last(client, conversation)
    sent: list[str] = []
    for text in texts:
        if (message_id := there.get(text, "")) == "":
            marks = facets.marks(text, did_of=lambda handle: _did_of(client, handle))
            values = {"convoId": conversation, "message": {"text": text, "facets": marks}}
            try:
                told = client.procedure("chat.bsky.convo.sendMessage", values, headers=CHAT)
            except OutcomeUnknown as error:
                raise repeatable(error) from error
            message_id = str(told["id"])
        sent.append(message_id)
    return Sent.of(sent)


def _said_last(client: Client, conversation: str) -> dict[str, str]:
    """Our messages since the customer's last one, by their text: what a broken line left behind is not said again."""
    told = client.query("chat.bsky.convo.getMessages", [("convoId", conversation), ("limit", str(_LAST))], headers=CHAT)
    said: dict[str, str] = {}
    for message in told.get("messages") or ():
        if message.get("sender", {}).get("did") != client.me.did:
            break
        said[str(message.get("text", ""))] = str(message["id"])
    return said


connector = Bluesky()
