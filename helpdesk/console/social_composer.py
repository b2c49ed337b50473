"""What the composer and the timeline show of a ticket that came by a social channel. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from helpdesk.models import Channel, SocialTemplate, Ticket
from helpdesk.queries.contacts import mail_addresses
from helpdesk.queries.social import Mark, marks_of, templates_for, way_of


@dataclass(frozen=True, slots=True)
class Platform:
    """How an answer leaves. ``open_until``: when free words are taken no more, None: always taken."""

    name: str
    person: str
    is_public: bool
    has_private_way: bool
    can_send: bool
    is_open: bool
    open_until: datetime | None
    max_text: int
    has_templates: bool
    templates: Sequence[SocialTemplate]
    has_mail: bool


def platform_of(ticket: Ticket, *, now: datetime) -> Platform | None:
    """The platform of a ticket; None for other channels, and before anybody has written."""
    way = way_of(ticket)
    if way is None:
        return None
    identity = way.thread.identity
    return Platform(
        name=ticket.channel.name if ticket.channel.kind == Channel.Kind.GENERIC else ticket.channel.get_kind_display(),
        person=(identity.contact.name or identity.display or identity.value) if identity is not None else "",
        is_public=way.is_public,
        has_private_way=way.has_private_way,
        can_send=way.can_send,
        is_open=way.is_open(now),
        open_until=way.open_until,
        max_text=way.capabilities.max_text,
        has_templates=way.capabilities.templates,
        templates=templates_for(ticket) if way.capabilities.templates else (),
        has_mail=bool(mail_addresses(ticket.contact)),
    )


def marks_in(ticket: Ticket) -> Mapping[int, Mark]:
    """By message: delivered, read, edited, deleted, and its address on the platform."""
    return marks_of(ticket)
