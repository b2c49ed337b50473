"""What can be done to a chat besides writing: reading marks, accepting, ending, rating, going back to the queue."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from helpdesk import live
from helpdesk.actions import chat_lines, replies, tickets
from helpdesk.actions.assignment import Handed
from helpdesk.actions.journal import record
from helpdesk.models import Agent, Assignment, ChatUpload, Conversation, Entry, Rating, State, Team, Ticket
from helpdesk.models.chat import Ending
from helpdesk.text import clean_text


def read_by_visitor(*, conversation_id: int, visitor_id: int, sequence: int) -> None:
    """The visitor has seen the lines up to ``sequence``; it never goes back, nor beyond what is there."""
    rows = Conversation.objects.filter(
        pk=conversation_id, visitor=visitor_id, visitor_read__lt=sequence, last_sequence__gte=sequence
    )
    if rows.update(visitor_read=sequence):
        Conversation.objects.filter(pk=conversation_id, last_sequence=sequence).update(unread_since=None)
        live.ring(conversation_id)


def read_by_agent(*, conversation_id: int, sequence: int) -> None:
    """An agent has seen the lines up to ``sequence``."""
    rows = Conversation.objects.filter(pk=conversation_id, agent_read__lt=sequence, last_sequence__gte=sequence)
    if rows.update(agent_read=sequence):
        live.ring(conversation_id)


@transaction.atomic
def accept(*, ticket: Ticket, agent: Agent, at: datetime) -> bool:
    """``agent`` takes a chat that nobody has; False when somebody was first. Raises tickets.NotInTeam."""
    held = Ticket.objects.select_for_update(of=("self",)).select_related("channel", "team", "owner").get(pk=ticket.pk)
    if held.owner is not None:
        return held.owner_id == agent.pk
    tickets.set_owner(ticket=held, owner=agent, by=agent, at=at)
    Conversation.objects.filter(ticket=held, accepted_at=None).update(accepted_at=at)
    if held.state == State.NEW:
        tickets.set_state(ticket=held, state=State.OPEN, by=agent, at=at)
    return True


@transaction.atomic
def end_by_visitor(*, conversation_id: int, visitor_id: int, at: datetime) -> None:
    """The visitor has what they wanted. The ticket stays as it is: whether it is solved is the agent's to say."""
    conversation = chat_lines.locked(ids=[conversation_id]).get(conversation_id)
    if conversation is None or conversation.visitor_id != visitor_id or conversation.ended_by:
        return
    chat_lines.end(conversation=conversation, by=Ending.VISITOR, at=at)
    data = {"ended": "visitor"}
    contact = conversation.ticket.contact
    record(
        kind=Entry.Kind.CHAT_CHANGED, ticket=conversation.ticket, contact=contact, data=data, is_internal=False, at=at
    )


@transaction.atomic
def rate(*, conversation: Conversation, score: int, effort: int | None, comment: str, at: datetime) -> Rating:
    """The customer's word on the help; the newest counts."""
    ticket = conversation.ticket
    rating, _is_new = Rating.objects.update_or_create(
        ticket=ticket,
        defaults={
            "score": score,
            "effort": effort,
            "comment": clean_text(comment, max_length=2_000),
            "agent": ticket.owner,
            "changed_at": at,
        },
        create_defaults={
            "score": score,
            "effort": effort,
            "comment": clean_text(comment, max_length=2_000),
            "agent": ticket.owner,
            "created_at": at,
            "changed_at": at,
        },
    )
    data: dict[str, Any] = {"score": score, "effort": effort, "comment": rating.comment}
    record(kind=Entry.Kind.RATED, ticket=ticket, contact=ticket.contact, data=data, is_internal=False, at=at)
    return rating


@transaction.atomic
def give_back(*, conversation: Conversation, at: datetime) -> bool:
    """A chat that its owner has left alone goes back to the queue, once; False when the owner was quicker."""
    held = chat_lines.locked(ids=[conversation.pk])[conversation.pk]
    if held.waits_since is None or held.waits_since != conversation.waits_since or held.ticket.owner is None:
        return False
    owner = held.ticket.owner
    handed = Handed(cause=Assignment.Cause.NO_REACTION, outcome=Assignment.Outcome.REASSIGNED)
    tickets.set_owner(ticket=held.ticket, owner=None, by=None, at=at, handed=handed)
    # Who waits now waits for somebody else: the next owner has the whole time again.
    Conversation.objects.filter(pk=held.pk).update(waits_since=at, accepted_at=None)
    data = {"returned_from": owner.name}
    record(kind=Entry.Kind.CHAT_CHANGED, ticket=held.ticket, data=data, at=at)
    return True


def keep_upload(*, fields: dict[str, Any], at: datetime) -> ChatUpload:
    """Note a file that is stored and waits for its message."""
    return ChatUpload.objects.create(created_at=at, **fields)


def uploads_waiting(*, token_hash: str) -> int:
    """How many files of this visitor no message has named."""
    return ChatUpload.objects.filter(Q(message=None), token_hash=token_hash).count()


@transaction.atomic
def hand_over(*, ticket: Ticket, owner: Agent | None, team: Team | None, note: str, by: Agent, at: datetime) -> None:
    """Give a chat to a colleague of the same team, or to another team, with a note for whoever takes it."""
    if note.strip():
        replies.note(ticket=ticket, agent=by, text=note, at=at)
    if team is not None and team.pk != ticket.team_id:
        tickets.set_team(ticket=ticket, team=team, by=by, at=at)
    elif owner is not None:
        handed = Handed(cause=Assignment.Cause.HANDED_OVER, outcome=Assignment.Outcome.HANDED_OVER)
        tickets.set_owner(ticket=ticket, owner=owner, by=by, at=at, handed=handed)
