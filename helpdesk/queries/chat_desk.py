"""Chats as agents see them: what their page shows besides the ticket, and the tray of those that are theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from helpdesk import references
from helpdesk.models import ACTIVE_STATES, Agent, Channel, ChatLine, Conversation, Reading, Ticket, Visitor
from helpdesk.models.chat import Ending
from helpdesk.models.conditions import OneOf
from helpdesk.queries.tickets import visible_to

TRAY = 12


@dataclass(frozen=True, slots=True)
class Chat:
    """The chat of a ticket, for its page. ``sequences``: message id → number of its line.

    ``answers``: what was asked before the chat, in the reader's language, and what the visitor said.
    """

    conversation_id: int
    name: str
    address: str
    is_verified: bool
    is_online: bool
    language: str
    page: Mapping[str, str]
    pages: tuple[Mapping[str, str], ...]
    answers: Sequence[tuple[str, str]]
    ended_by: str
    visitor_read: int
    last: int
    sequences: Mapping[int, int]

    @property
    def is_live(self) -> bool:
        """An answer goes into the chat; else it goes by mail."""
        return self.ended_by != Ending.MAIL


def chat_of(ticket: Ticket, *, now: datetime) -> Chat | None:
    """The chat of ``ticket``; None for tickets of other channels."""
    if ticket.channel.kind != Channel.Kind.CHAT:
        return None
    row = Conversation.objects.select_related("visitor__channel__chat_site").filter(ticket=ticket).first()
    if row is None:
        return None
    visitor = row.visitor
    lines = ChatLine.objects.filter(conversation=row, message__isnull=False).order_by("-sequence")[:200]
    return Chat(
        conversation_id=row.pk,
        name=visitor.claimed_name,
        address=visitor.address,
        is_verified=visitor.is_verified,
        is_online=visitor.online_until is not None and visitor.online_until > now,
        language=visitor.language,
        page={"url": "", "title": "", **visitor.page},
        pages=tuple(visitor.pages),
        answers=_answers(visitor),
        ended_by=row.ended_by,
        visitor_read=row.visitor_read,
        last=row.last_sequence,
        sequences=dict(lines.values_list("message_id", "sequence")),
    )


def _answers(visitor: Visitor) -> list[tuple[str, str]]:
    """In the order of the questions; then answers to those that the site doesn't ask any more."""
    asked = {field["name"]: _question(field) for field in visitor.channel.chat_site.pre_chat_fields}
    given = {name: str(value) for name, value in visitor.fields.items() if value}
    shown = [(label, given[name]) for name, label in asked.items() if name in given]
    return shown + [(_question({"name": name}), value) for name, value in given.items() if name not in asked]


def _question(field: Mapping[str, Any]) -> str:
    """The words of the reader's language, else of any."""
    labels = field.get("label") or {}
    label = labels.get((get_language() or "")[:2]) or next(iter(labels.values()), "")
    return label or (_("Phone number") if field["name"] == "phone" else _("A question that is not asked any more"))


@dataclass(frozen=True, slots=True)
class TrayRow:
    """One chat in the tray. ``waits_since``: since when the customer waits for an answer, None if they don't."""

    id: int
    reference: str
    title: str
    preview: str
    is_mine: bool
    is_unread: bool
    waits_since: datetime | None


def tray_of(agent: Agent) -> list[TrayRow]:
    """The agent's open chats, then those of their teams that wait for somebody; who has waited longest first."""
    unseen = ~Exists(Reading.objects.filter(agent=agent, ticket=OuterRef("pk"), cursor__gte=OuterRef("message_cursor")))
    open_chats = visible_to(agent).filter(
        Q(owner=agent) | Q(owner=None),
        OneOf("state", ACTIVE_STATES),
        channel__kind=Channel.Kind.CHAT,
        conversation__ended_by="",
    )
    columns = ("pk", "contact__name", "subject", "preview", "owner_id", "is_unseen", "conversation__waits_since")
    rows = open_chats.annotate(is_unseen=unseen).order_by("conversation__waits_since", "pk").values_list(*columns)
    found = [_tray_row(row) for row in rows[: 2 * TRAY]]
    return sorted(found, key=lambda each: not each.is_mine)[:TRAY]


def _tray_row(row: tuple[Any, ...]) -> TrayRow:
    number, name, subject, preview, owner_id, is_unseen, waits_since = row
    reference = references.reference_of(number, prefix=settings.REFERENCE_PREFIX)
    return TrayRow(number, reference, name or subject, preview, owner_id is not None, is_unseen, waits_since)
