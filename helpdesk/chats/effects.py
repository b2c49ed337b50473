"""What words in a chat change besides: files, who waits for whom, who has the ticket."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from helpdesk.actions import tickets
from helpdesk.chats.words import Attached, Said, Words
from helpdesk.models import (
    Agent,
    Attachment,
    ChatUpload,
    Conversation,
    Draft,
    Message,
    Participant,
    State,
    Ticket,
    Visitor,
)
from helpdesk.models.chat import Ending, visitor_author

#: What is written so soon after the end goes on with the same conversation.
GOES_ON_WITHIN = timedelta(hours=24)


def author_of(words: Words) -> str:
    """Whose client ids these are."""
    return f"a{words.agent_id}" if words.guest is None else f"v{words.guest.visitor_id}"


def is_over(conversation: Conversation, at: datetime) -> bool:
    """What is written now belongs to another conversation."""
    if conversation.ended_by == Ending.MAIL or conversation.ticket.merged_into_id is not None:
        return True
    return conversation.ended_at is not None and at - conversation.ended_at > GOES_ON_WITHIN


def visitors_message(
    place: int,
    words: Words,
    visitor: Visitor,
    conversation: Conversation | None,
    text: str,
    uploads: list[ChatUpload],
) -> Said:
    """What a visitor says, not stored yet; its conversation may not be there either."""
    verdict = Message.Verdict.NONE
    if visitor.address:
        verdict = Message.Verdict.VERIFIED if visitor.verified_address else Message.Verdict.UNVERIFIED
    message = Message(
        ticket=conversation.ticket if conversation else Ticket(),
        kind=Message.Kind.CUSTOMER,
        contact=conversation.ticket.contact if conversation else visitor.contact,
        sender_name=visitor.claimed_name[:200],
        sender_address=visitor.address,
        text=text,
        language=visitor.language,
        verdict=verdict,
        created_at=words.at,
    )
    held = conversation or Conversation(visitor=visitor)
    return Said(place, words, held, message, visitor_author(visitor), uploads)


def take_part(ticket: Ticket, visitor: Visitor) -> None:
    """A proved address takes part; a claimed one doesn't: anybody can claim any."""
    if visitor.verified_address and visitor.contact is not None:
        identity = visitor.contact.identities.filter(value=visitor.verified_address).first()
        Participant.objects.bulk_create(tickets.participants(ticket=ticket, requester=identity))


def attach(said: Sequence[Said]) -> dict[int, list[Attachment]]:
    """Files of stored messages, by message."""
    rows = []
    for each in said:
        found = [
            Attached(file.filename, file.content_type, file.size, file.blob, file.width or 0, file.height or 0)
            for file in each.uploads
        ]
        rows += [
            Attachment(
                message=each.message,
                filename=file.filename[:255],
                content_type=file.content_type[:120] or "application/octet-stream",
                size=file.size,
                blob=file.blob,
                width=file.width or None,
                height=file.height or None,
            )
            for file in (*found, *each.words.attached)
        ]
        if each.uploads:
            ChatUpload.objects.filter(pk__in=[file.pk for file in each.uploads]).update(message=each.message)
    by_message: dict[int, list[Attachment]] = defaultdict(list)
    for row in Attachment.objects.bulk_create(rows):
        by_message[row.message_id].append(row)
    return by_message


def note_effects(said: Said) -> None:
    """Who waits for whom now."""
    conversation, at = said.conversation, said.words.at
    if conversation.ended_by and conversation.ended_by != Ending.MAIL:
        conversation.ended_by, conversation.ended_at = Ending.NONE, None
    if said.words.agent_id:
        conversation.waits_since = None
        conversation.unread_since = conversation.unread_since or at
        conversation.accepted_at = conversation.accepted_at or at
    else:
        conversation.waits_since = conversation.waits_since or at


def settle_agents(said: Said, agent: Agent) -> None:
    """What an agent's answer changes besides: first reply, owner, state, draft."""
    ticket, at = said.conversation.ticket, said.words.at
    if ticket.first_reply_at is None:
        ticket.first_reply_at = at
        ticket.save(update_fields=["first_reply_at"])
    if said.takes_over:
        ticket.owner = None
        tickets.set_owner(ticket=ticket, owner=agent, by=agent, at=at, is_told=False)
    if ticket.state in {State.NEW, State.SPAM}:
        tickets.set_state(ticket=ticket, state=State.OPEN, by=agent, at=at)
    Draft.objects.filter(agent=agent, ticket=ticket, kind="reply").delete()
