"""Rows that the outbox finds: a ticket with messages of ours that are to be handed over."""

from datetime import UTC, datetime

from helpdesk.models import Channel, Delivery, Mailbox, Message, State, Team, Ticket

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RAW = b"From: support@luotsi.example\r\nTo: ann@customer.example\r\nMessage-ID: <fixed@luotsi.example>\r\n\r\nHello\r\n"


def mail_channel(*, slug: str = "support", smtp_port: int = 0, **mailbox: object) -> Channel:
    """A channel that sends to a server on this machine, or into the folder without ``smtp_port``."""
    channel = Channel.objects.create(slug=slug, name=slug.title())
    Mailbox.objects.create(
        channel=channel,
        address=f"{slug}@luotsi.example",
        **{
            "smtp_host": "127.0.0.1" if smtp_port else "",
            "smtp_port": smtp_port or 465,
            "smtp_security": "none",
            **mailbox,
        },
    )
    return channel


def queue(
    channel: Channel, *, is_automatic: bool = False, ticket_state: State = State.WAITING, **fields: object
) -> Delivery:
    """One message of ours on a ticket of its own, due at NOW."""
    team, _ = Team.objects.get_or_create(slug="billing", defaults={"name": "Billing"})
    ticket = Ticket.objects.create(
        channel=channel, team=team, subject="Invoice", state=ticket_state, created_at=NOW, last_activity_at=NOW
    )
    message = Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.AUTOMATIC if is_automatic else Message.Kind.REPLY,
        message_id="fixed@luotsi.example",
        created_at=NOW,
    )
    return Delivery.objects.create(
        **{
            "message": message,
            "channel": channel,
            "sender": "" if is_automatic else "support@luotsi.example",
            "recipients": ["ann@customer.example"],
            "recipient": "ann@customer.example",
            "mime": RAW,
            "is_automatic": is_automatic,
            "next_attempt_at": NOW,
            "created_at": NOW,
            **fields,
        }
    )
