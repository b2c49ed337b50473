"""Reads of the addresses at which mail services deliver."""

from helpdesk.models import Channel, InboundHook


def hook_at(key: str) -> InboundHook | None:
    """The hook with this address; None for one that nobody has, or of a channel that is closed."""
    rows = InboundHook.objects.select_related("mailbox__channel").filter(mailbox__channel__is_active=True)
    return rows.filter(key=key).first()


def hook_of(channel: Channel) -> InboundHook | None:
    """The hook of a channel, or None."""
    return InboundHook.objects.filter(mailbox__channel=channel).first()
