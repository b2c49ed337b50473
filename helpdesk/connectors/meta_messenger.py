"""Messenger: what people write to a Facebook page.

Sources: developers.facebook.com "Messenger Platform": webhooks, Send API, attachment upload, message tags, user
profile; "Pages API: subscribed_apps". The desk enters its address at Meta itself (`connect`).
"""

from datetime import timedelta

from helpdesk.connectors import meta, meta_account, meta_graph, meta_messaging, meta_sending
from helpdesk.connectors.meta import gettext_lazy
from helpdesk.connectors.meta_graph import Access
from helpdesk.connectors.meta_messaging import Side
from helpdesk.connectors.social import Capabilities, Checked, Field, Handle, Item, OutgoingPost, Sent
from helpdesk.models import SocialAccount

OBJECT = "page"
#: What the desk wants to hear of.
FIELDS = (
    "messages",
    "messaging_postbacks",
    "message_echoes",
    "message_edits",
    "message_deliveries",
    "message_reads",
    "message_reactions",
    "standby",
)
SCOPES = frozenset({"pages_messaging", "pages_manage_metadata"})


class Messenger(meta_account.MetaConnector):
    """A page's conversations. After 24 hours a person may answer for a week more, if Meta has allowed the app that."""

    capabilities = Capabilities(
        receipts=True,
        edits=True,
        attachments=frozenset({"image", "audio", "video", "file"}),
        window=timedelta(hours=24),
        max_text=2_000,
    )
    fields = (
        *meta_account.APP_FIELDS,
        Field(
            name="page_id", label=gettext_lazy("Page ID"), help=gettext_lazy("On the page: About, Page transparency.")
        ),
        Field(
            name="access_token",
            label=gettext_lazy("Access token of the page"),
            help=gettext_lazy("Best from a system user of your business: then it never ends."),
            is_secret=True,
        ),
        meta_account.HUMAN_AGENT_FIELD,
    )
    tested = "recorded exchanges"

    def check(self, account: SocialAccount) -> Checked:
        return meta_account.checked(account, scopes=SCOPES, find=_page, access=access_of(account))

    def split(self, account: SocialAccount, body: bytes) -> list[tuple[str, bytes]]:
        return meta_messaging.split(_side(account), body)

    def read(self, account: SocialAccount, raw: bytes) -> Item | None:
        return meta_messaging.read(_side(account), raw)

    def connect(self, account: SocialAccount, address: str) -> None:
        meta_account.subscribe_app(account, object_name=OBJECT, fields=FIELDS, address=address)
        page = meta_account.setting(account, "page_id")
        meta_graph.post(access_of(account), f"{page}/subscribed_apps", {"subscribed_fields": ",".join(FIELDS)})

    def window_of(self, account: SocialAccount) -> timedelta | None:
        return meta_account.window_of(account)

    def introduce(self, account: SocialAccount, handle: Handle) -> Handle:
        return meta_account.introduced(access_of(account), handle, fields="first_name,last_name,name,profile_pic")

    def send(self, account: SocialAccount, post: OutgoingPost) -> Sent:
        page = meta_account.setting(account, "page_id")
        way = meta_sending.Way(
            access=access_of(account),
            messages=f"{page}/messages",
            uploads=f"{page}/message_attachments",
            has_human_agent=account.settings.get("human_agent") == "yes",
            has_metadata=True,
        )
        return meta_sending.send(way, post)


def access_of(account: SocialAccount) -> Access:
    """The page's own token, with the proof that the app asks."""
    return Access(account.secrets.get("access_token", ""), account.secrets.get("app_secret", ""))


def _side(account: SocialAccount) -> Side:
    return Side(OBJECT, "messenger", meta_account.setting(account, "page_id"), meta_account.setting(account, "app_id"))


def _page(account: SocialAccount) -> tuple[str, str]:
    page = meta_account.setting(account, "page_id")
    found = meta_graph.get(access_of(account), page, fields="id,name")
    return meta.text(found, "name"), meta.text(found, "id")


connector = Messenger()
