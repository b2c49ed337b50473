"""Mastodon, and every server that speaks its API: mentions in, answers out, asked every few seconds.

Guarantees. In: a mention is stored before the cursor moves; the cursor stays behind everything younger than
`settles_after`, since ids are given before they can be seen, so the newest come again and are known by their id. Out:
the server knows a repeated post by its Idempotency-Key (for an hour), so trying again doubles nothing.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.connectors import mastodon_items, pieces
from helpdesk.connectors.mastodon_api import Gone, Params, Self, Server, segment, self_of, server_of
from helpdesk.connectors.social import (
    Capabilities,
    Checked,
    Field,
    Item,
    OutgoingPost,
    Sent,
    SocialConnector,
    iso_moment,
)
from helpdesk.models import Message, SocialAccount, SocialPost
from mail_gateway.errors import GatewayError, LoginRefused, OutcomeUnknown, Permanent, Temporary

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=15)
_PAGE, _MOST_PAGES = 40, 5
#: So many posts a server looks up at once.
_LOOKS = 20
_WATCHED_FOR = timedelta(days=7)
_SCOPES = ("read:accounts", "read:notifications", "read:statuses", "write:statuses", "write:media")
_URL = re.compile(r"https?://[^\s]+")
_FAR_NAME = re.compile(r"(?<![\w/])(@[\w.-]+)@[\w.-]+\w")

Found = list[tuple[str, bytes]]


@dataclass(slots=True)
class _Cursor:
    """How far everything is read. Another account than ``who`` begins anew.

    ``mention`` and ``own``: the last notification and the last post of our own that are settled. ``looked``: the row
    that was looked at last.
    """

    who: str = ""
    mention: str = ""
    own: str = ""
    looked: int = 0

    @classmethod
    def read(cls, written: str, *, who: str) -> "_Cursor":
        cursor = cls(**json.loads(written)) if written else cls()
        return cursor if cursor.who == who else cls(who=who)

    def written(self) -> str:
        return json.dumps(asdict(self))


class Mastodon(SocialConnector):
    """The connector of Mastodon accounts. ``settles_after``: what is younger is looked at again."""

    capabilities = Capabilities(
        public=True,
        private=True,
        private_answers=True,
        threads=True,
        edits=True,
        attachments=frozenset({"image", "audio", "video"}),
        max_text=2_400,
    )
    fields = (
        Field(
            name="server",
            label=gettext_lazy("Server"),
            help=gettext_lazy("Where the account lives, e.g. https://mastodon.social"),
        ),
        Field(
            name="token",
            label=gettext_lazy("Access token"),
            help=gettext_lazy("Of an application that you make there under Preferences → Development."),
            is_secret=True,
        ),
        Field(
            name="visibility",
            label=gettext_lazy("Public answers"),
            choices=(
                ("unlisted", gettext_lazy("Everybody can read them, no timeline shows them")),
                ("public", gettext_lazy("On public timelines too")),
            ),
            default="unlisted",
        ),
    )
    tested = "real server: mastodon_mock; recorded exchanges"

    def __init__(self, *, settles_after: timedelta = timedelta(seconds=60)) -> None:
        self.settles_after = settles_after

    def check(self, account: SocialAccount) -> Checked:
        try:
            server = server_of(account)
            me = self_of(server, is_fresh=True)
            server.get("/api/v1/notifications", [("limit", "1")])
        except LoginRefused as error:
            return Checked(ok=False, trouble=_("The server refuses the access token: %(words)s") % {"words": error})
        except Permanent as error:
            return Checked(ok=False, trouble=_("This server can't be used: %(words)s") % {"words": error})
        name = f"@{me.full(me.acct)}"
        if missing := _missing_scopes(me):
            words = _("The access token lacks permissions: %(scopes)s. Make a new one with them.")
            return Checked(ok=False, name=name, trouble=words % {"scopes": ", ".join(missing)})
        details = ((_("Software"), me.version), (_("Characters of a post"), str(me.max_characters)))
        return Checked(ok=True, name=name, details=details)

    def read(self, account: SocialAccount, raw: bytes) -> Item | None:
        return mastodon_items.read(raw)

    def poll_every(self, account: SocialAccount) -> timedelta | None:
        return EVERY

    def poll(self, account: SocialAccount, cursor: str) -> tuple[Found, str]:
        server = server_of(account)
        me = self_of(server)
        state = _Cursor.read(cursor, who=f"{me.id} {server.address}"[:200])
        settled_before = timezone.now() - self.settles_after
        found = list(_mentions(account, server, me, state, settled_before))
        for look in (_own_posts, _changes):
            try:
                found += look(account, server, me, state, settled_before)
            except LoginRefused:
                raise
            except GatewayError as error:  # the mentions are here already, and these are looked for again
                log.warning("social account %s: %s: %s", account.pk, look.__name__, error)
        return found, state.written()

    def private_thread(self, thread: str) -> str:
        return mastodon_items.private_thread(mastodon_items.customer_of(thread))

    def send(self, account: SocialAccount, post: OutgoingPost) -> Sent:
        server = server_of(account)
        me = self_of(server)
        # Asked each time: people move and rename themselves, and a post without the right name reaches nobody.
        customer = server.get(f"/api/v1/accounts/{segment(mastodon_items.customer_of(post.thread))}")
        address = f"@{customer['acct']} "
        texts = pieces.cut(
            post.text, limit=me.max_characters, length=lambda piece: _length(address + piece, me.link_characters)
        )
        if texts is None:
            raise Permanent("The text is longer than a chain of posts may be on this server.")
        media = [server.upload(each) for each in post.media[:4]]
        shared = {"visibility": _visibility(account, post), "media_ids": media}
        sent: list[dict[str, Any]] = []
        reply_to = post.reply_to or mastodon_items.root_of(post.thread)
        for number, text in enumerate(texts or [""]):
            values = {**shared, "status": address + text, "in_reply_to_id": reply_to or None}
            status = _publish(server, values, key=f"{post.idempotency_key}:{number}")
            sent.append(status)
            reply_to, shared = str(status["id"]), {**shared, "media_ids": []}
        return Sent.of([str(each["id"]) for each in sent], url=str(sent[0].get("url") or ""))


def _visibility(account: SocialAccount, post: OutgoingPost) -> str:
    if not post.is_public:
        return "direct"
    return "public" if account.settings.get("visibility") == "public" else "unlisted"


def _publish(server: Server, values: dict[str, Any], *, key: str) -> dict[str, Any]:
    """Post it; what it answers may have been deleted meanwhile, then it stands alone and still reaches its reader."""
    try:
        status = server.post("/api/v1/statuses", values, key=key)
    except Gone:
        if not values["in_reply_to_id"]:
            raise
        status = server.post("/api/v1/statuses", {**values, "in_reply_to_id": None}, key=f"{key}:alone")
    except OutcomeUnknown as error:  # the key makes a second try harmless
        raise Temporary(str(error), code=error.code) from error
    if not isinstance(status, dict) or "id" not in status:
        raise Permanent("The server took the post and gave it no id.")
    return status


def _length(text: str, link_characters: int) -> int:
    """As Mastodon counts: an address has a fixed length, the server of a name none."""
    return len(_FAR_NAME.sub(r"\1", _URL.sub("x" * link_characters, text)))


def _missing_scopes(me: Self) -> list[str]:
    """What the token may not do, as far as the server tells what it may."""
    held = set(me.scopes)
    return [scope for scope in _SCOPES if held and not {scope, scope.partition(":")[0]} & held]


# --- what is new ---


def _pages(ask: Callable[[str], Any], since: str) -> Iterator[dict[str, Any]]:
    """What came after ``since``, oldest first. A page may be shorter than asked for: only an empty one is the last."""
    for _page in range(_MOST_PAGES):
        page = [each for each in ask(since) if isinstance(each, dict) and each.get("id")]
        if not page:
            return
        yield from reversed(page)
        since = str(page[0]["id"])


def _newest(page: Any) -> str:
    return str(page[0]["id"]) if page else "0"


def _mentions(
    account: SocialAccount, server: Server, me: Self, state: _Cursor, settled_before: datetime
) -> Iterator[tuple[str, bytes]]:
    def ask(since: str) -> Any:
        # Servers set private mentions by strangers apart; for a desk they are the very thing.
        chosen: Params = [("types[]", "mention"), ("include_filtered", "true")]
        return server.get("/api/v1/notifications", [*chosen, ("min_id", since), ("limit", str(_PAGE))])

    if not state.mention:  # the desk begins now: what is older has been dealt with elsewhere
        state.mention = _newest(server.get("/api/v1/notifications", [("types[]", "mention"), ("limit", "1")]))
    is_settled = True
    for notification in list(_pages(ask, state.mention)):
        is_settled = is_settled and _is_settled(notification, settled_before)
        if is_settled:
            state.mention = str(notification["id"])
        if notification.get("type") != "mention" or notification.get("status", notification) is None:
            continue  # a mention without its post: that was deleted, and `_changes` tells of it
        try:
            status = notification["status"]
            writer = str(status["account"]["id"])
            if writer != me.id:
                yield str(status["id"]), _raw("message", status, me, _thread(account, server, status, writer))
        except (KeyError, TypeError, ValueError, AttributeError):  # an admin sees it in quarantine, the others go on
            yield f"odd:{notification['id']}", json.dumps(notification).encode()


def _is_settled(row: dict[str, Any], before: datetime) -> bool:
    """Whether nothing can appear before it any more; a date that is none keeps nobody waiting."""
    try:
        return iso_moment(row.get("created_at")) <= before
    except ValueError:
        return True


def _own_posts(
    account: SocialAccount, server: Server, me: Self, state: _Cursor, settled_before: datetime
) -> Iterator[tuple[str, bytes]]:
    """What people answered in the platform's own app. Posts of this very program are not among them."""
    path = f"/api/v1/accounts/{segment(me.id)}/statuses"

    def ask(since: str) -> Any:
        return server.get(path, [("exclude_reblogs", "true"), ("min_id", since), ("limit", str(_PAGE))])

    if not state.own:
        state.own = _newest(server.get(path, [("exclude_reblogs", "true"), ("limit", "1")]))
    for status in list(_pages(ask, state.own)):
        if not _is_settled(status, settled_before):
            return
        state.own = str(status["id"])
        program = (status.get("application") or {}).get("name")
        if not (program and program == me.program) and (customer := _answered(account, status, me)):
            yield str(status["id"]), _raw("echo", status, me, _thread(account, server, status, customer))


def _answered(account: SocialAccount, status: dict[str, Any], me: Self) -> str:
    """The account id of the customer whom a post of ours is for; '' if it is for none."""
    if not mastodon_items.is_public(status):
        others = [str(each.get("id")) for each in status.get("mentions") or () if str(each.get("id")) != me.id]
        return others[0] if others else ""
    writer = str(status.get("in_reply_to_account_id") or "")
    if writer != me.id:
        return writer
    thread = _known_thread(account, str(status["in_reply_to_id"]))
    return mastodon_items.customer_of(thread) if thread else ""


def _thread(account: SocialAccount, server: Server, status: dict[str, Any], customer: str) -> str:
    if not mastodon_items.is_public(status):
        return mastodon_items.private_thread(customer)
    root, parent = str(status["id"]), str(status.get("in_reply_to_id") or "")
    if parent:
        root = mastodon_items.root_of(_known_thread(account, parent)) or _root(server, str(status["id"])) or parent
    return mastodon_items.public_thread(root=root, account_id=customer)


def _known_thread(account: SocialAccount, status_id: str) -> str:
    is_it = Q(external_id=status_id) | Q(parts__external_id=status_id)
    known = SocialPost.objects.filter(is_it, thread__account=account)
    return known.values_list("thread__external_id", flat=True).first() or ""


def _root(server: Server, status_id: str) -> str:
    try:
        ancestors = server.get(f"/api/v1/statuses/{segment(status_id)}/context")["ancestors"]
    except Gone:
        return ""
    return str(ancestors[0]["id"]) if ancestors else ""


def _raw(what: str, status: dict[str, Any], me: Self, thread: str) -> bytes:
    mastodon_items.identifier(status["id"])
    return json.dumps({"what": what, "thread": thread, "domain": me.domain, "status": status}).encode()


# --- what has changed ---


def _changes(
    account: SocialAccount, server: Server, me: Self, state: _Cursor, settled_before: datetime
) -> Iterator[tuple[str, bytes]]:
    """Edits and deletions of customers' posts of the last week. No server tells of them but to open streams."""
    posts = list(
        SocialPost.objects.filter(
            thread__account=account,
            message__kind=Message.Kind.CUSTOMER,
            message__created_at__gte=timezone.now() - _WATCHED_FOR,
            deleted_at=None,
            pk__gt=state.looked,
        )
        .exclude(external_id="")
        .select_related("thread")
        .order_by("pk")[:_LOOKS]
    )
    state.looked = posts[-1].pk if len(posts) == _LOOKS else 0
    found = _look_up(server, [post.external_id for post in posts])
    for post in posts:
        status, thread = found.get(post.external_id), post.thread.external_id
        if status is None:
            told = {"what": "deletion", "id": post.external_id, "thread": thread, "at": timezone.now().isoformat()}
            yield f"deletion:{post.external_id}", json.dumps(told).encode()
        elif (edited_at := status.get("edited_at")) and _is_news(post, iso_moment(edited_at)):
            yield f"edit:{post.external_id}:{edited_at}", _raw("edit", status, me, thread)


def _is_news(post: SocialPost, edited_at: datetime) -> bool:
    return post.edited_at is None or post.edited_at < edited_at


def _look_up(server: Server, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Those of the posts that exist. Mastodon 4.3 is asked for all at once, then for each that is missing."""
    if not ids:
        return {}
    try:
        statuses = server.get("/api/v1/statuses", [("id[]", each) for each in ids])
    except (Gone, Permanent) as error:
        if isinstance(error, LoginRefused):
            raise
        statuses = []
    found = {str(each["id"]): each for each in statuses if isinstance(each, dict)}
    for status_id in ids:
        if status_id not in found:
            try:
                found[status_id] = server.get(f"/api/v1/statuses/{segment(status_id)}")
            except Gone:
                continue
    return found


connector = Mastodon()
