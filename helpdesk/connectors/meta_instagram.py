"""Instagram: private messages to a professional account.

Sources: developers.facebook.com "Instagram messaging" (through a linked Facebook page), "Instagram API with Instagram
Login: messaging". The two ways in differ in host, token and in who looks after the subscription.
"""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.connectors import meta, meta_account, meta_graph, meta_messaging, meta_sending
from helpdesk.connectors.meta import gettext_lazy
from helpdesk.connectors.meta_graph import Access
from helpdesk.connectors.meta_messaging import Side
from helpdesk.connectors.social import (
    Capabilities,
    Checked,
    Field,
    Handle,
    Item,
    OutgoingPost,
    Renewed,
    Sent,
)
from helpdesk.models import SocialAccount
from mail_gateway.errors import LoginRefused, Permanent, Temporary

OBJECT = "instagram"
FIELDS = ("messages", "messaging_postbacks", "messaging_seen", "message_reactions", "message_edit", "standby")
PAGE_FIELDS = ("messages", "messaging_postbacks", "message_reactions", "message_reads")
SCOPES = frozenset({"instagram_basic", "instagram_manage_messages", "pages_manage_metadata"})
#: Instagram counts bytes, not characters: checked again before sending.
MOST_BYTES = 1_000


class Instagram(meta_account.MetaConnector):
    """An account's conversations. After 24 hours a person may answer for a week, if Meta has allowed the app that."""

    capabilities = Capabilities(
        receipts=True,
        edits=True,
        attachments=frozenset({"image", "audio", "video", "file"}),
        window=timedelta(hours=24),
        max_text=MOST_BYTES,
    )
    fields = (
        *meta_account.APP_FIELDS,
        Field(
            name="login",
            label=gettext_lazy("Connected through"),
            help=gettext_lazy("With a page the token can last for ever; Instagram's own tokens end after 60 days."),
            choices=(
                ("page", gettext_lazy("A Facebook page that the account is linked to")),
                ("instagram", gettext_lazy("Instagram's own login")),
            ),
            default="page",
        ),
        Field(
            name="instagram_id",
            label=gettext_lazy("Instagram account ID"),
            help=gettext_lazy("The number of the professional account, not its name."),
        ),
        Field(
            name="page_id",
            label=gettext_lazy("Page ID"),
            help=gettext_lazy("Of the linked page; empty with Instagram's own login."),
            is_required=False,
        ),
        Field(name="access_token", label=gettext_lazy("Access token"), is_secret=True),
        meta_account.HUMAN_AGENT_FIELD,
    )
    tested = "recorded exchanges"

    def check(self, account: SocialAccount) -> Checked:
        if _is_direct(account):
            return _checked_direct(account)
        if not meta_account.setting(account, "page_id"):
            return Checked(ok=False, trouble=_("Enter the ID of the Facebook page that the account is linked to."))
        return meta_account.checked(account, scopes=SCOPES, find=_through_page, access=access_of(account))

    def split(self, account: SocialAccount, body: bytes) -> list[tuple[str, bytes]]:
        return meta_messaging.split(_side(account), body)

    def read(self, account: SocialAccount, raw: bytes) -> Item | None:
        return meta_messaging.read(_side(account), raw)

    def connect(self, account: SocialAccount, address: str) -> None:
        access = access_of(account)
        if _is_direct(account):  # the address itself is entered at Meta by hand: docs/meta.md
            own = meta_account.setting(account, "instagram_id")
            fields = ",".join(name for name in FIELDS if name != "standby")
            meta_graph.post(access, f"{own}/subscribed_apps", {"subscribed_fields": fields})
            return
        meta_account.subscribe_app(account, object_name=OBJECT, fields=FIELDS, address=address)
        page = meta_account.setting(account, "page_id")
        meta_graph.post(access, f"{page}/subscribed_apps", {"subscribed_fields": ",".join(PAGE_FIELDS)})

    def window_of(self, account: SocialAccount) -> timedelta | None:
        return meta_account.window_of(account)

    def renew(self, account: SocialAccount) -> Renewed | None:
        """Instagram's own tokens live for 60 days, and for 60 more whenever they are shown a day later or after."""
        if not _is_direct(account):
            return None
        asked = {"grant_type": "ig_refresh_token", "access_token": account.secrets.get("access_token", "")}
        found = meta_graph.get(access_of(account), "refresh_access_token", **asked)
        seconds = meta.text(found, "expires_in")
        token = meta.text(found, "access_token")
        if not token or not seconds.isdecimal():
            raise Temporary("Instagram gave no newer token.")
        return Renewed(secrets={"access_token": token}, expires_at=timezone.now() + timedelta(seconds=int(seconds)))

    def introduce(self, account: SocialAccount, handle: Handle) -> Handle:
        return meta_account.introduced(access_of(account), handle, fields="name,username,profile_pic")

    def send(self, account: SocialAccount, post: OutgoingPost) -> Sent:
        if (size := len(post.text.encode())) > MOST_BYTES:
            raise Permanent(f"Instagram takes {MOST_BYTES} bytes of text, and this has {size}. Send it in two parts.")
        name = "instagram_id" if _is_direct(account) else "page_id"
        edge = meta_account.setting(account, name)
        way = meta_sending.Way(
            access=access_of(account),
            messages=f"{edge}/messages",
            uploads=f"{edge}/message_attachments",
            has_human_agent=account.settings.get("human_agent") == "yes",
            platform="instagram",
        )
        return meta_sending.send(way, post)


def access_of(account: SocialAccount) -> Access:
    """The page's token with the app's proof, or Instagram's own token, which goes to another host without one."""
    token = account.secrets.get("access_token", "")
    if _is_direct(account):
        return Access(token, base=meta_graph.INSTAGRAM)
    return Access(token, account.secrets.get("app_secret", ""))


def _is_direct(account: SocialAccount) -> bool:
    return bool(account.settings.get("login") == "instagram")


def _side(account: SocialAccount) -> Side:
    own, app = (meta_account.setting(account, name) for name in ("instagram_id", "app_id"))
    return Side(OBJECT, "instagram", own, app)


def _through_page(account: SocialAccount) -> tuple[str, str]:
    own = meta_account.setting(account, "instagram_id")
    found = meta_graph.get(access_of(account), own, fields="id,username,name")
    return f"@{meta.text(found, 'username')}", meta.text(found, "id")


def _checked_direct(account: SocialAccount) -> Checked:
    """Instagram's own login knows no debug_token: the account itself is asked who it is."""
    own = meta_account.setting(account, "instagram_id")
    try:
        found = meta_graph.get(access_of(account), "me", fields="user_id,username,name")
    except (LoginRefused, Permanent) as error:
        words = _("Instagram does not accept the access token. Make a new one at Meta. %s") % error
        return Checked(ok=False, trouble=words)
    if (theirs := meta.text(found, "user_id")) != own:
        return Checked(ok=False, trouble=_("The token belongs to the account %s. Enter that ID.") % theirs)
    lines = ((_("ID"), own), (_("Verify token"), meta_account.verify_token(account)))
    name = f"@{meta.text(found, 'username')}"
    return Checked(ok=True, name=name, details=lines, expires_at=account.expires_at)


connector = Instagram()
