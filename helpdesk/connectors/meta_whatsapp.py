"""WhatsApp through Meta's Cloud API.

Sources: developers.facebook.com "WhatsApp Cloud API": messages webhook reference (each kind of message, statuses, edit,
revoke, smb_message_echoes), business-scoped user IDs, messages, media, templates, webhook overrides.
"""

from datetime import timedelta

from django.utils.translation import gettext as _

from helpdesk.connectors import meta, meta_account, meta_graph, whatsapp_events, whatsapp_posts, whatsapp_templates
from helpdesk.connectors.meta import gettext_lazy
from helpdesk.connectors.meta_graph import Access
from helpdesk.connectors.social import (
    Approved,
    Capabilities,
    Checked,
    Field,
    Item,
    Media,
    OutgoingPost,
    Sent,
    download,
)
from helpdesk.models import SocialAccount
from mail_gateway.errors import Temporary

OBJECT = "whatsapp_business_account"
SCOPES = frozenset({"whatsapp_business_messaging", "whatsapp_business_management"})


class WhatsApp(meta_account.MetaConnector):
    """A number's conversations. After 24 hours only texts that Meta has approved beforehand are taken."""

    capabilities = Capabilities(
        receipts=True,
        edits=True,
        attachments=frozenset({"image", "audio", "video", "file"}),
        window=timedelta(hours=24),
        templates=True,
        max_text=4_096,
    )
    fields = (
        *meta_account.APP_FIELDS,
        Field(
            name="business_id",
            label=gettext_lazy("WhatsApp Business account ID"),
            help=gettext_lazy("At developers.facebook.com: your app, WhatsApp, API setup."),
        ),
        Field(
            name="phone_number_id",
            label=gettext_lazy("Phone number ID"),
            help=gettext_lazy("On the same page; not the phone number itself."),
        ),
        Field(
            name="access_token",
            label=gettext_lazy("Access token"),
            help=gettext_lazy("Of a system user, without an end. The one that API setup shows ends after a day."),
            is_secret=True,
        ),
    )
    tested = "recorded exchanges"

    def check(self, account: SocialAccount) -> Checked:
        return meta_account.checked(account, scopes=SCOPES, find=_number, access=access_of(account), more=_more)

    def split(self, account: SocialAccount, body: bytes) -> list[tuple[str, bytes]]:
        return whatsapp_events.split(body)

    def read(self, account: SocialAccount, raw: bytes) -> Item | None:
        return whatsapp_events.read(raw, own_id=meta_account.setting(account, "phone_number_id"))

    def connect(self, account: SocialAccount, address: str) -> None:
        """Each number delivers to an address of its own, whatever the app does with others."""
        access = access_of(account)
        business, number = (meta_account.setting(account, name) for name in ("business_id", "phone_number_id"))
        meta_graph.post(access, f"{business}/subscribed_apps", {})
        override = {"override_callback_uri": address, "verify_token": meta_account.verify_token(account)}
        meta_graph.post(access, number, {"webhook_configuration": override})

    def fetch(self, account: SocialAccount, media: Media) -> bytes:
        """WhatsApp names a file by an id; its address is good for five minutes and wants the token."""
        access = access_of(account)
        url = meta.text(meta_graph.get(access, media.reference), "url") if media.reference else media.url
        if not url:
            raise Temporary("WhatsApp gives no address for the file.")
        return download(url, headers={"Authorization": f"Bearer {access.token}"} if media.reference else None)

    def templates(self, account: SocialAccount) -> list[Approved]:
        return whatsapp_templates.approved(access_of(account), meta_account.setting(account, "business_id"))

    def send(self, account: SocialAccount, post: OutgoingPost) -> Sent:
        return whatsapp_posts.send(access_of(account), meta_account.setting(account, "phone_number_id"), post)


def access_of(account: SocialAccount) -> Access:
    """The system user's token, with the proof that the app asks."""
    return Access(account.secrets.get("access_token", ""), account.secrets.get("app_secret", ""))


def _number(account: SocialAccount) -> tuple[str, str]:
    asked = "id,display_phone_number,verified_name"
    found = meta_graph.get(access_of(account), meta_account.setting(account, "phone_number_id"), fields=asked)
    name = f"{meta.text(found, 'verified_name')} {meta.text(found, 'display_phone_number')}".strip()
    return name, meta.text(found, "id")


def _more(account: SocialAccount) -> list[tuple[str, str]]:
    """Also proves that the token may read the business account."""
    found = whatsapp_templates.approved(access_of(account), meta_account.setting(account, "business_id"))
    return [(_("Approved templates"), str(len(found)))]


connector = WhatsApp()
