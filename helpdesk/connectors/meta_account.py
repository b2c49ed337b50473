"""An account at Meta: the fields of its form, whether its credentials are good, and where Meta delivers.

Sources: developers.facebook.com "debug_token", "App subscriptions" (``/{app-id}/subscriptions``), "access tokens".
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from helpdesk.connectors import meta, meta_graph
from helpdesk.connectors.meta import gettext_lazy
from helpdesk.connectors.meta_graph import Access
from helpdesk.connectors.social import Checked, Field, Handle, SocialConnector
from helpdesk.models import SocialAccount
from mail_gateway.errors import LoginRefused, Permanent

APP_FIELDS = (
    Field(
        name="app_id",
        label=gettext_lazy("App ID"),
        help=gettext_lazy("At developers.facebook.com: your app, App settings, Basic."),
    ),
    Field(
        name="app_secret",
        label=gettext_lazy("App secret"),
        help=gettext_lazy("On the same page. Every delivery proves with it that it comes from Meta."),
        is_secret=True,
    ),
)
HUMAN_AGENT_FIELD = Field(
    name="human_agent",
    label=gettext_lazy("Answers after 24 hours"),
    help=gettext_lazy("Meta allows people, not machines, seven days: ask for the feature “Human Agent” in App Review."),
    choices=(("no", gettext_lazy("Not allowed for this app")), ("yes", gettext_lazy("Allowed: Human Agent"))),
    default="no",
)


class MetaConnector(SocialConnector):
    """What all of Meta's platforms share: who proves a delivery, and how an address is tried out."""

    def verify(self, account: SocialAccount, headers: Mapping[str, str], body: bytes) -> None:
        meta.require_signature(app_secret=account.secrets.get("app_secret", ""), headers=headers, body=body)

    def handshake(self, account: SocialAccount, query: Mapping[str, str]) -> str | None:
        return meta.answer_handshake(token=verify_token(account), query=query)


def setting(account: SocialAccount, name: str) -> str:
    """A field that is no secret, as it was typed, without the spaces that come along when copying."""
    return str(account.settings.get(name, "")).strip()


def window_of(account: SocialAccount) -> timedelta:
    """A day; for people's answers a week, where Meta has allowed the app that."""
    return timedelta(days=7) if account.settings.get("human_agent") == "yes" else timedelta(hours=24)


def verify_token(account: SocialAccount) -> str:
    """What Meta shows when it tries our address out."""
    return meta.verify_token(app_secret=account.secrets.get("app_secret", ""), key=account.key)


def app_access(account: SocialAccount) -> Access:
    """The app itself, which may see to its own deliveries."""
    return Access(f"{setting(account, 'app_id')}|{account.secrets.get('app_secret', '')}")


def checked(
    account: SocialAccount,
    *,
    scopes: Iterable[str],
    find: Callable[[SocialAccount], tuple[str, str]],
    access: Access,
    more: Callable[[SocialAccount], list[tuple[str, str]]] | None = None,
) -> Checked:
    """Whether app, token and account fit together. ``find`` asks for the account: (name, id); ``more``: more lines.

    Raises Temporary when Meta doesn't answer.
    """
    try:
        token = meta_graph.inspect(
            access.token, app_id=setting(account, "app_id"), app_secret=account.secrets.get("app_secret", "")
        )
    except (LoginRefused, Permanent) as error:
        return Checked(ok=False, trouble=_("The app ID and the app secret don't fit together. %s") % error)
    if not token.is_valid:
        return Checked(
            ok=False,
            trouble=_("The access token is not valid any more, or is not of this app. Make a new one at Meta."),
            expires_at=token.expires_at,
        )
    if missing := sorted(set(scopes) - token.scopes):
        words = _("The access token lacks permissions: %s. Make a new one with these ticked.") % ", ".join(missing)
        return Checked(ok=False, trouble=words, expires_at=token.expires_at)
    try:
        name, found_id = find(account)
        lines = more(account) if more else []
    except (LoginRefused, Permanent) as error:
        return Checked(ok=False, trouble=_("Meta does not show this account to the token. %s") % error)
    details = ((_("ID"), found_id), (_("Token ends"), _until(token.expires_at)), *lines)
    return Checked(ok=True, name=name, details=details, expires_at=token.expires_at)


def subscribe_app(account: SocialAccount, *, object_name: str, fields: Iterable[str], address: str) -> None:
    """Have Meta deliver what happens to objects of one kind to ``address``; it tries the address out at once.

    An app has one address for each kind: another's is never taken over. Raises Permanent with a sentence, Temporary.
    """
    access, app = app_access(account), setting(account, "app_id")
    for there in meta.objects(meta_graph.get(access, f"{app}/subscriptions"), "data"):
        taken = meta.text(there, "callback_url")
        if meta.text(there, "object") == object_name and taken and taken != address:
            raise Permanent(
                _(
                    "This app delivers “%(kind)s” to another address: %(address)s. Remove that under Webhooks at "
                    "Meta, or use an app of its own for this channel."
                )
                % {"kind": object_name, "address": taken[:200]}
            )
    meta_graph.post(
        access,
        f"{app}/subscriptions",
        {
            "object": object_name,
            "callback_url": address,
            "fields": ",".join(fields),
            "verify_token": verify_token(account),
            "include_values": True,
        },
    )


def introduced(access: Access, handle: Handle, *, fields: str) -> Handle:
    """``handle`` with the name that the person has there. Raises Temporary, Permanent (they don't allow it)."""
    found = meta_graph.get(access, handle.value, fields=fields)
    parts = [meta.text(found, name) for name in ("first_name", "last_name")]
    username = meta.text(found, "username")
    return replace(
        handle,
        name=meta.text(found, "name") or " ".join(part for part in parts if part) or username,
        display=f"@{username}" if username else handle.display,
        picture_url=meta.text(found, "profile_pic"),
    )


def _until(at: datetime | None) -> str:
    return date_format(at, "DATE_FORMAT") if at else _("never")
