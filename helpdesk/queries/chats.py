"""Chats as their visitors may know them: the site, who they are, their conversations, who is there, how long it takes.

Every look at a conversation goes through its visitor; what isn't theirs and what isn't there can't be told apart.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.conf import settings
from django.db.models import QuerySet

from helpdesk import business_time, references
from helpdesk.models import (
    ACTIVE_STATES,
    Channel,
    ChatSite,
    Conversation,
    State,
    Team,
    Ticket,
    Visitor,
    VisitorToken,
)
from helpdesk.models.chat import Ending
from helpdesk.models.conditions import OneOf
from helpdesk.queries.workload import Staff
from routing_rules.assignment import Presence as AgentPresence

#: What the waiting time is computed from, and the fewest chats that say anything.
WAITS_SINCE, WAITS_COUNTED, WAITS_NEEDED = timedelta(hours=24), 20, 3
EARLIER = 20
#: Parts of a question with many values: databases have a limit.
TOKENS_AT_ONCE = 500


def site_for(slug: str) -> ChatSite | None:
    """The open chat site behind a public slug."""
    rows = ChatSite.objects.select_related("channel__team", "calendar__current")
    return rows.filter(channel__slug=slug, channel__kind=Channel.Kind.CHAT, channel__is_active=True).first()


def visitor_by_token(*, token_hash: str, channel_id: int, now: datetime) -> tuple[Visitor | None, bool]:
    """Whose token it is in this channel, and whether the token may be used (again): not if it is revoked or over."""
    row = VisitorToken.objects.select_related("visitor__contact").filter(token_hash=token_hash).first()
    if row is None:
        return None, True
    is_good = row.visitor.channel_id == channel_id and row.revoked_at is None and row.expires_at > now
    return (row.visitor, True) if is_good else (None, False)


def replaced_among(token_hashes: Collection[str]) -> set[str]:
    """Those of the tokens that were replaced, because the site has vouched for somebody since."""
    found, asked = set[str](), sorted(token_hashes)
    for start in range(0, len(asked), TOKENS_AT_ONCE):
        part = asked[start : start + TOKENS_AT_ONCE]
        rows = VisitorToken.objects.filter(token_hash__in=part, revoked_at__isnull=False)
        found.update(rows.values_list("token_hash", flat=True))
    return found


def conversation_open_to(*, visitor_id: int) -> int:
    """The visitor's newest conversation, over or not; 0 when they have none."""
    rows = Conversation.objects.filter(visitor=visitor_id).order_by("-pk")
    return rows.values_list("pk", flat=True).first() or 0


def conversation_for(*, visitor_id: int, reference: str) -> Conversation | None:
    """The visitor's conversation ``reference``, with ticket, owner and team; None if it isn't theirs."""
    number = references.ticket_id(reference, prefix=settings.REFERENCE_PREFIX)
    return conversations_of(visitor_id=visitor_id).filter(ticket=number or 0).first()


def conversations_of(*, visitor_id: int) -> QuerySet[Conversation]:
    """All conversations of a visitor, newest first."""
    rows = Conversation.objects.select_related("ticket__owner", "ticket__team", "ticket__rating", "visitor")
    return rows.filter(visitor=visitor_id).order_by("-pk")


def state_of(conversation: Conversation) -> str:
    """Where it stands, in the visitor's terms: queued, open, waiting (for the visitor), ended."""
    ticket = conversation.ticket
    if conversation.ended_by or ticket.state not in ACTIVE_STATES:
        return "ended"
    if ticket.owner_id is None and conversation.accepted_at is None:
        return "queued"
    return "waiting" if ticket.state == State.WAITING else "open"


@dataclass(frozen=True, slots=True)
class Queue:
    """Where a chat stands that nobody has taken: 1 is next; None: nobody can say how long."""

    position: int
    wait_seconds: int | None


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether somebody is there for a site's visitors."""

    is_open: bool
    is_anyone_there: bool


def presence_of(site: ChatSite, *, team: Team | None = None, now: datetime) -> Presence:
    """Opening hours, and whether an agent of the team is online now."""
    is_open = is_open_at(site, now=now)
    return Presence(is_open=is_open, is_anyone_there=is_open and is_anyone_in(team or home_of(site), now=now))


def is_open_at(site: ChatSite, *, now: datetime) -> bool:
    """Whether the site's opening hours say so; a site without a calendar is always open."""
    return business_time.is_open(site.hours, now)


def home_of(site: ChatSite) -> Team:
    """The team that takes the site's chats unless a rule says otherwise."""
    team = site.channel.team
    return team if team is not None and team.is_active else Team.objects.get(is_default=True)


def is_anyone_in(team: Team, *, now: datetime) -> bool:
    """Whether a member of ``team`` is online, at work, and not to be left in peace."""
    members = Staff().of(team, now=now).members
    return any(
        each.presence is AgentPresence.ONLINE and not each.is_closed and each.absent_until is None for each in members
    )


def queue_of(conversation: Conversation, *, now: datetime) -> Queue | None:
    """The place of a waiting chat among the team's, oldest first; None once somebody has it."""
    if state_of(conversation) != "queued":
        return None
    ticket = conversation.ticket
    waiting = _chats(ticket.team_id).filter(OneOf("state", ACTIVE_STATES), owner=None, conversation__accepted_at=None)
    position = waiting.filter(conversation__ended_by="", pk__lt=ticket.pk).count() + 1
    usual = usual_wait(team_id=ticket.team_id, now=now)
    waited = int((now - ticket.created_at).total_seconds())
    return Queue(position=position, wait_seconds=None if usual is None else max(0, usual - waited))


def usual_wait(*, team_id: int, now: datetime) -> int | None:
    """Seconds to the first answer: the median of the team's newest answered chats of a day; None if too few."""
    rows = _chats(team_id).filter(created_at__gte=now - WAITS_SINCE, first_reply_at__isnull=False)
    times = rows.order_by("-pk").values_list("created_at", "first_reply_at")[:WAITS_COUNTED]
    waits = [(answered - opened).total_seconds() for opened, answered in times if answered is not None]
    return int(median(waits)) if len(waits) >= WAITS_NEEDED else None


def _chats(team_id: int) -> QuerySet[Ticket]:
    return Ticket.objects.filter(team=team_id, conversation__isnull=False)


def sequences_of(conversation_ids: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    """How far conversations are: last line, read by the visitor, read by an agent."""
    rows = Conversation.objects.filter(pk__in=conversation_ids)
    columns = rows.values_list("pk", "last_sequence", "visitor_read", "agent_read")
    return {pk: (last, visitor_read, agent_read) for pk, last, visitor_read, agent_read in columns}


def unread_by_visitors(*, before: datetime, now: datetime) -> QuerySet[Conversation]:
    """Conversations whose visitor has gone without reading answers that have waited since ``before``."""
    rows = Conversation.objects.filter(unread_since__isnull=False, unread_since__lte=before)
    return rows.exclude(visitor__online_until__gt=now).exclude(ended_by=Ending.MAIL).order_by("unread_since")


def left_alone(*, now: datetime, limit: int = 50) -> list[Conversation]:
    """Chats whose owner has let the customer wait for longer than the site allows."""
    rows = Conversation.objects.filter(
        waits_since__isnull=False, ticket__owner__isnull=False, ended_by="", waits_since__lt=now - timedelta(minutes=1)
    )
    found = rows.select_related("ticket__channel__chat_site").order_by("waits_since")[:500]
    return [each for each in found if _is_late(each, now)][:limit]


def _is_late(conversation: Conversation, now: datetime) -> bool:
    minutes, since = conversation.ticket.channel.chat_site.return_minutes, conversation.waits_since
    return bool(minutes) and since is not None and since < now - timedelta(minutes=minutes)
