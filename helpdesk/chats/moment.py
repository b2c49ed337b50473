"""One moment of all chats: words are looked up, placed, stored and numbered together."""

from collections.abc import Mapping, Sequence

from helpdesk import routing
from helpdesk.actions import chat_lines, tickets, visitors
from helpdesk.actions.chat_lines import Item
from helpdesk.actions.indexing import index_messages
from helpdesk.actions.journal import Line
from helpdesk.actions.rows import add_all
from helpdesk.chats.effects import attach, author_of, is_over, note_effects, settle_agents, take_part, visitors_message
from helpdesk.chats.words import MAX_FILES, MAX_TEXT, News, Outcome, Refused, Said, Stored, Words
from helpdesk.models import (
    Agent,
    Attachment,
    Channel,
    ChatLine,
    ChatUpload,
    Conversation,
    Entry,
    Message,
    Visitor,
    VisitorToken,
)
from helpdesk.models.chat import Ending, agent_author
from helpdesk.queries.chat_lines import public_lines
from helpdesk.queries.chats import conversation_open_to
from helpdesk.queries.tickets import visible_to
from helpdesk.text import clean, clean_text, excerpt
from routing_rules.models import load_ruleset
from routing_rules.vocabulary import Event

#: What words change in their conversation besides its number.
_MARKS = ("agent_read", "visitor_read", "waits_since", "unread_since", "accepted_at", "ended_by", "ended_at")


class Moment:
    """The state of one call of `exchange`."""

    def __init__(self, words: Sequence[Words]) -> None:
        self.words = words
        self.found: dict[int, Outcome] = {}
        self.said: list[Said] = []
        self.news: dict[int, News] = {}
        self.rulebook: routing.Rulebook | None = None

    def outcomes(self) -> list[Outcome]:
        self._find_guests()
        authors = [author_of(each) for each in self.words]
        self._find_known(authors)
        self.conversations = chat_lines.locked(ids=[each.conversation_id for each in self.words])
        self.agents = self._agents()
        first: dict[tuple[str, str], int] = {}
        for place, (words, author) in enumerate(zip(self.words, authors, strict=True)):
            if place not in self.found and first.setdefault((author, words.client_id), place) == place:
                self._take(place, words)
        self._store()
        for place, (words, author) in enumerate(zip(self.words, authors, strict=True)):
            self.found.setdefault(place, self.found[first.get((author, words.client_id), place)])
        return [self.found[place] for place in range(len(self.words))]

    def _find_guests(self) -> None:
        """Whose tokens these are now: one may have been replaced since the connection began."""
        hashes = {each.guest.token_hash for each in self.words if each.guest is not None}
        rows = VisitorToken.objects.filter(token_hash__in=hashes)
        tokens = {
            token_hash: (visitor_id, revoked_at)
            for token_hash, visitor_id, revoked_at in rows.values_list("token_hash", "visitor_id", "revoked_at")
        }
        for place, words in enumerate(self.words):
            if words.guest is None:
                continue
            token = tokens.get(words.guest.token_hash)
            if token is None:
                visitors.visitor_of(words.guest, at=words.at)
            elif token[1] is not None:
                self.found[place] = Refused("bad_token")
            else:
                words.guest.visitor_id = token[0]

    def _find_known(self, authors: Sequence[str]) -> None:
        """Words that are stored already."""
        rows = ChatLine.objects.filter(author__in=set(authors), client_id__in={each.client_id for each in self.words})
        columns = ("author", "client_id", "conversation_id", "conversation__ticket_id", "sequence", "created_at")
        known = {
            (author, client_id): Stored(number, ticket_id, sequence, at, is_new=False)
            for author, client_id, number, ticket_id, sequence, at in rows.values_list(*columns)
        }
        for place, (words, author) in enumerate(zip(self.words, authors, strict=True)):
            if place not in self.found and (stored := known.get((author, words.client_id))) is not None:
                self.found[place] = stored

    def _agents(self) -> dict[int, Agent]:
        ids = {each.agent_id for each in self.words} - {0}
        return Agent.objects.filter(is_active=True).in_bulk(ids) if ids else {}

    def _take(self, place: int, words: Words) -> None:
        text = clean_text(words.text)
        if len(text) > MAX_TEXT:
            self.found[place] = Refused("too_long")
        elif not text and not words.files and not words.attached:
            self.found[place] = Refused("empty")
        elif len(words.files) > MAX_FILES:
            self.found[place] = Refused("too_many_files")
        elif words.guest is None:
            self._take_agents(place, words, text)
        else:
            self._take_visitors(place, words, words.guest, text)

    def _take_agents(self, place: int, words: Words, text: str) -> None:
        conversation, agent = self.conversations.get(words.conversation_id), self.agents.get(words.agent_id)
        if conversation is None or agent is None or conversation.ended_by == Ending.MAIL:
            self.found[place] = Refused("unknown_conversation")
            return
        ticket = conversation.ticket
        if not visible_to(agent).filter(pk=ticket.pk, merged_into=None).exists():
            self.found[place] = Refused("unknown_conversation")
            return
        message = Message(
            ticket=ticket,
            kind=Message.Kind.REPLY,
            agent=agent,
            contact=ticket.contact,
            sender_name=agent.name,
            text=text,
            language=ticket.language,
            created_at=words.at,
        )
        said = Said(place, words, conversation, message, agent_author(agent), [])
        if ticket.owner_id is None and agent.teams.filter(pk=ticket.team_id).exists():
            joined = Item(conversation=conversation, event=ChatLine.Event.JOINED, data={"agent": agent.name})
            said.events, said.takes_over, ticket.owner = [joined], True, agent
        self.said.append(said)

    def _take_visitors(self, place: int, words: Words, guest: visitors.Guest, text: str) -> None:
        uploads = self._uploads(words, guest)
        if uploads is None:
            self.found[place] = Refused("unknown_file")
            return
        conversation = self._conversation_for(words, guest)
        visitor = conversation.visitor if conversation else visitors.visitor_of(guest, at=words.at)
        if words.conversation_id and (conversation is None or visitor.pk != guest.visitor_id):
            self.found[place] = Refused("unknown_conversation")
            return
        if conversation is not None and is_over(conversation, words.at):
            conversation = None
        said = visitors_message(place, words, visitor, conversation, text, uploads)
        if conversation is None:
            self._open(said, visitor)
        self.said.append(said)

    def _conversation_for(self, words: Words, guest: visitors.Guest) -> Conversation | None:
        """The named one, or the visitor's newest: another tab may just have opened it, even in this moment."""
        if words.conversation_id:
            return self.conversations.get(words.conversation_id)
        for each in reversed(self.said):
            if each.conversation.visitor_id == guest.visitor_id:
                return each.conversation
        # Held first: two tabs that say their first words at once must not open two conversations.
        Visitor.objects.select_for_update().filter(pk=guest.visitor_id or 0).first()
        number = conversation_open_to(visitor_id=guest.visitor_id or 0)
        if number and number not in self.conversations:
            self.conversations |= chat_lines.locked(ids=[number])
        return self.conversations.get(number) if number else None

    def _uploads(self, words: Words, guest: visitors.Guest) -> list[ChatUpload] | None:
        """The files, if all of them are there and the guest's own."""
        if not words.files:
            return []
        rows = ChatUpload.objects.filter(key__in=words.files, token_hash=guest.token_hash, message=None)
        found = {each.key: each for each in rows.order_by("pk")}
        return [found[key] for key in words.files] if set(words.files) <= set(found) else None

    def _open(self, said: Said, visitor: Visitor) -> None:
        """The first message: a ticket at once, placed by the rules as any other."""
        words, message, channel = said.words, said.message, Channel.objects.get(pk=visitor.channel_id)
        visitors.note_answers(visitor=visitor, answers=words.fields, at=words.at)
        self.rulebook = self.rulebook or routing.Rulebook.load()
        subject = clean(words.fields.get("subject", ""), max_length=120) or excerpt(message.text, max_length=80)
        ticket = tickets.draft_ticket(
            channel=channel,
            team=self.rulebook.home_of(channel),
            subject=subject or ", ".join(each.filename for each in said.uploads),
            contact=visitor.contact,
            language=visitor.language,
            at=words.at,
        )
        message.ticket = ticket
        facts = routing.facts_of(
            ticket=ticket, message=message, recipient="", has_attachments=bool(said.uploads), at=words.at
        )
        placement = routing.place(self.rulebook, ticket, facts, at=words.at)
        tickets.open_tickets(drafts=[(ticket, placement.tags)])
        take_part(ticket, visitor)
        message.save()
        placed = routing.Placed(placement=placement, ticket=ticket, message=message, at=words.at)
        routing.record_placed([placed])
        conversation = Conversation.objects.create(ticket=ticket, visitor=visitor, created_at=words.at)
        said.conversation, said.has_opened, said.placement = conversation, True, placement
        said.lines = (
            Line(kind=Entry.Kind.TICKET_OPENED, contact=visitor.contact, is_internal=False),
            Line(kind=Entry.Kind.ROUTED, data=placement.as_data()),
        )
        opened = {"reference": ticket.reference}
        said.events = [Item(conversation=conversation, event=ChatLine.Event.OPENED, data=opened)]
        if ticket.owner is not None:
            data = {"agent": ticket.owner.name}
            said.events.append(Item(conversation=conversation, event=ChatLine.Event.JOINED, data=data))

    def _store(self) -> None:
        """Everything that these words bring, with one insert a table."""
        if not self.said:
            return
        add_all([each.message for each in self.said if not each.has_opened])
        attached = attach(self.said)
        files = {each.message: [upload.filename for upload in each.uploads] for each in self.said}
        index_messages(files=files)
        for each in self.said:
            note_effects(each)
        arrivals = [
            tickets.Arrival(
                ticket=each.conversation.ticket,
                message=each.message,
                at=each.words.at,
                reopens=each.words.guest is not None and not each.has_opened,
                lines=each.lines,
            )
            for each in self.said
        ]
        tickets.note_arrivals(arrivals=arrivals)
        self._number(attached)
        for each in self.said:
            if each.words.agent_id:
                settle_agents(each, self.agents[each.words.agent_id])
        self._react()

    def _react(self) -> None:
        """Rules hear of what was said in chats that were there already; in new ones they say what they want besides."""
        for each in self.said:
            if each.placement is not None:
                routing.follow_up(each.placement, ticket=each.conversation.ticket, at=each.words.at)
        events = {Event.AGENT_REPLY if each.words.agent_id else Event.CUSTOMER_MESSAGE for each in self.said}
        if not any(map(load_ruleset().listens, events)):
            return
        self.rulebook = self.rulebook or routing.Rulebook.load()
        for each in self.said:
            if not each.has_opened:
                agent = self.agents.get(each.words.agent_id)
                event = Event.AGENT_REPLY if agent else Event.CUSTOMER_MESSAGE
                ticket, at = each.conversation.ticket, each.words.at
                routing.react(ticket=ticket, event=event, message=each.message, by=agent, at=at, rulebook=self.rulebook)

    def _number(self, attached: Mapping[int, Sequence[Attachment]]) -> None:
        items: list[Item] = []
        for each in self.said:
            items += each.events
            items.append(
                Item(
                    conversation=each.conversation,
                    message=each.message,
                    author=each.author,
                    client_id=each.words.client_id,
                )
            )
        lines = chat_lines.numbered(items, at=self.said[0].words.at)
        by_message = {line.message_id: line for line in lines if line.message_id}
        for each in self.said:
            line, conversation = by_message[each.message.pk], each.conversation
            self.found[each.place] = Stored(
                conversation.pk, conversation.ticket_id, line.sequence, line.created_at, has_opened=each.has_opened
            )
            if each.words.agent_id:
                conversation.agent_read = max(conversation.agent_read, line.sequence)
            elif conversation.unread_since is None:  # else it was written without having seen the answers before it
                conversation.visitor_read = max(conversation.visitor_read, line.sequence)
        chat_lines.keep(lines, columns=_MARKS)
        for line, shown in zip(lines, public_lines(lines, files=attached), strict=True):
            conversation = line.conversation
            marks = (conversation.last_sequence, conversation.visitor_read, conversation.agent_read)
            self.news.setdefault(conversation.pk, News([], marks)).lines.append(shown)
