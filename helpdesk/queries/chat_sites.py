"""The chat channels: by their public name for visitors, and with their state for admins."""

from collections.abc import Sequence

from helpdesk.models import Agent, Channel, ChatSite, Mailbox, Team

_ROWS = ChatSite.objects.select_related("channel__team", "calendar__current", "mailbox")


def open_site(*, slug: str) -> ChatSite:
    """The chat that visitors may use; raises ChatSite.DoesNotExist for one that isn't there or is closed."""
    return _ROWS.get(channel__slug=slug, channel__is_active=True, channel__kind=Channel.Kind.CHAT)


def site_by_channel(*, channel_id: int) -> ChatSite:
    """The chat of a channel, open or not; raises ChatSite.DoesNotExist."""
    return _ROWS.get(channel_id=channel_id, channel__kind=Channel.Kind.CHAT)


def sites() -> Sequence[ChatSite]:
    """Every chat, open ones first, by name."""
    return list(_ROWS.order_by("-channel__is_active", "channel__name"))


def can_write_mail(*, site: ChatSite) -> bool:
    """Whether an answer can follow a visitor by mail."""
    return site.mailbox is not None or Mailbox.objects.filter(channel__is_active=True).exists()


def people_of(*, site: ChatSite) -> int:
    """How many agents are in the team that takes its chats."""
    team = site.channel.team or Team.objects.filter(is_default=True).first()
    return Agent.objects.filter(is_active=True, teams=team).count() if team else 0
