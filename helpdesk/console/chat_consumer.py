"""The agent's chat socket: what visitors type, lines as they come, sending from clients (docs/chat-protocol.md).

Each chat that it watches was fetched with the agent's permission, which is asked for again every half minute; each
message is checked once more in the transaction that stores it.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.urls import reverse
from django.utils import timezone

from helpdesk import live, references
from helpdesk.actions import chats
from helpdesk.chats import TRY_AGAIN, Outcome, Refused, Words
from helpdesk.console.consumers import NOT_LOGGED_IN
from helpdesk.live import Marks
from helpdesk.models import Agent, Conversation, Ticket
from helpdesk.queries.chat_lines import PublicFile, PublicLine
from helpdesk.queries.tickets import ticket_for, visible_to
from helpdesk.text import read_json
from helpdesk.widget import frames, limits
from helpdesk.widget.answers import Answers
from helpdesk.widget.frames import Frame
from helpdesk.widget.hub import Watch, hub
from helpdesk.widget.sockets import ChatSocket

log = logging.getLogger(__name__)

CHECK_SECONDS = 30.0
MOST_WATCHED = 60


class AgentChatConsumer(ChatSocket):
    """One console."""

    agent: Agent | None = None
    visitor_id: int | None = None  # the hub's words for who is connected: agents are no visitors
    token_hash = ""

    async def connect(self) -> None:
        agent: object = self.scope.get("user")
        await self.accept()
        if not isinstance(agent, Agent) or not agent.is_active:
            await self.close(NOT_LOGGED_IN)
            return
        self.agent, self.watches, self.checked_at = agent, dict[str, Watch](), time.monotonic()
        self.bucket = limits.Bucket(rate=limits.FRAMES_A_SECOND * 5, size=limits.FRAMES_AT_ONCE * 5)
        self.answers = Answers(self._answer)
        hub().peers.add(self)
        hub().moves.saw(agent.pk)
        await self.put({"type": "welcome", "v": frames.VERSION, "now": frames.moment(timezone.now())})

    async def disconnect(self, code: int) -> None:
        if self.agent is not None:
            await self.answers.stop()
            hub().peers.discard(self)
            for watch in self.watches.values():
                await hub().unwatch(watch)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One frame."""
        if self.agent is None:
            return
        if not self.bucket.take(time.monotonic()):
            await self.close(4429)
            return
        kind = ""
        try:
            frame = read_json(text_data or "")
            kind = frame["type"]
            await getattr(self, f"on_{kind}")(frame)
        except (ValueError, KeyError, TypeError, AttributeError):
            await self.put(frames.error("bad_frame", kind))
        except DatabaseError as error:
            log.warning("chat of agent %s: %s", self.agent.pk, error)
            await self.put(frames.error("try_again", kind))

    # What agents say

    async def on_watch(self, frame: Frame) -> None:
        reference = frames.text_of(frame, "conversation", most=40)
        since = frames.number_of(frame, "since") if "since" in frame else 0
        found = await database_sync_to_async(_watched)(self._agent(), reference)
        if found is None or len(self.watches) >= MOST_WATCHED:
            await self.put(frames.error("unknown_conversation", "watch"))
            return
        number, reference, about = found
        if reference in self.watches:
            await hub().unwatch(self.watches.pop(reference))
        await self.put({"type": "watching", "conversation": reference, **about})
        self.watches[reference] = await hub().watch(self, number, min(since, about["last"]))

    async def on_unwatch(self, frame: Frame) -> None:
        watch = self.watches.pop(frames.text_of(frame, "conversation", most=40), None)
        if watch is not None:
            await hub().unwatch(watch)

    async def on_resume(self, frame: Frame) -> None:
        await self.on_watch(frame)

    async def on_send(self, frame: Frame) -> None:
        client_id, watch = frames.text_of(frame, "id", most=64), self._watch(frame)
        text = frames.text_of(frame, "text", most=60_000)
        words = Words(
            client_id=client_id,
            text=text,
            at=timezone.now(),
            agent_id=self._agent().pk,
            conversation_id=watch.conversation_id,
        )
        await self.answers.expect(words, hub().say(words))

    async def _answer(self, words: Words, stored: asyncio.Future[Outcome]) -> None:
        try:
            outcome = await stored
        except DatabaseError:
            await self.put(frames.nack(words.client_id, TRY_AGAIN, retry_after=2.0))
            return
        if isinstance(outcome, Refused):
            retry_after = 2.0 if outcome.code == TRY_AGAIN else None
            await self.put(frames.nack(words.client_id, outcome.code, retry_after=retry_after))
            return
        reference = references.reference_of(outcome.ticket_id, prefix=settings.REFERENCE_PREFIX)
        ack = {"type": "ack", "id": words.client_id, "conversation": reference}
        await self.put({**ack, "seq": outcome.sequence, "at": frames.moment(outcome.at)})

    async def on_typing(self, frame: Frame) -> None:
        agent = self._agent()
        name = agent.name if frame.get("is_typing") else ""
        told = {"what": "agent-typing", "name": name, "by": f"a{agent.pk}"}
        await live.whisper(self._watch(frame).conversation_id, told)

    async def on_read(self, frame: Frame) -> None:
        watch, sequence = self._watch(frame), frames.number_of(frame, "seq")
        await database_sync_to_async(chats.read_by_agent)(conversation_id=watch.conversation_id, sequence=sequence)

    async def on_got(self, frame: Frame) -> None:
        self._watch(frame).got(frames.number_of(frame, "seq"))

    async def on_ping(self, _frame: Frame) -> None:
        await self.put({"type": "pong", "now": frames.moment(timezone.now())})

    # What the hub has for this peer

    async def show_lines(self, watch: Watch, lines: Sequence[PublicLine], marks: Marks | None) -> int:
        reference, author = self._reference(watch), f"a{self._agent().pk}"
        await self.put(frames.lines(reference, lines, marks, author=author, door=_ConsoleDoor()))
        return sum(200 + 2 * len(line.text) for line in lines)

    async def show_marks(self, watch: Watch, marks: Marks, former: Marks) -> None:
        for by, place in (("visitor", 1), ("agent", 2)):
            if marks[place] != former[place]:
                told = {"type": "read", "conversation": self._reference(watch), "by": by, "seq": marks[place]}
                await self.put(told)

    async def whispered(self, watch: Watch, message: Mapping[str, Any]) -> None:
        reference, what = self._reference(watch), message.get("what")
        if what == "typing":
            await self.put({"type": "typing", "conversation": reference, "text": str(message.get("text", ""))})
        elif what == "agent-typing" and message.get("by") != f"a{self._agent().pk}":
            agent = frames.person(str(message.get("name", "")))
            await self.put({"type": "typing", "conversation": reference, "agent": agent})
        elif what == "visitor":
            found = await database_sync_to_async(_visitor)(watch.conversation_id)
            await self.put({"type": "visitor", "conversation": reference, "visitor": found})

    async def tick(self) -> None:
        """Who has left a team must not go on reading its chats."""
        if time.monotonic() - self.checked_at < CHECK_SECONDS:
            return
        self.checked_at = time.monotonic()
        allowed = await database_sync_to_async(_still_visible)(self._agent().pk, list(self.watches))
        if allowed is None:
            await self.close(NOT_LOGGED_IN)
            return
        hub().moves.saw(self._agent().pk)
        for reference in set(self.watches) - allowed:
            await hub().unwatch(self.watches.pop(reference))
            await self.put(frames.error("unknown_conversation", "watch"))

    async def too_slow(self) -> None:
        await self.close(4413)

    async def replaced(self) -> None:
        """Agents have no token."""

    def _agent(self) -> Agent:
        assert self.agent is not None  # noqa: S101  # connect() has seen to it
        return self.agent

    def _watch(self, frame: Frame) -> Watch:
        return self.watches[frames.text_of(frame, "conversation", most=40)]

    def _reference(self, watch: Watch) -> str:
        return next((name for name, each in self.watches.items() if each is watch), "")


class _ConsoleDoor:
    """Addresses that open with the console's session."""

    def file(self, file: PublicFile) -> str:
        return reverse("attachment", args=[file.id])

    def portrait(self, key: str) -> str:
        return reverse("portrait-file", args=[key])


def _watched(agent: Agent, reference: str) -> tuple[int, str, Frame] | None:
    """The conversation of a ticket that the agent may see."""
    try:
        ticket = ticket_for(agent, reference)
    except Ticket.DoesNotExist:
        return None
    row = Conversation.objects.filter(ticket=ticket).first()
    if row is None:
        return None
    about = {"last": row.last_sequence, "visitor_read": row.visitor_read, "agent_read": row.agent_read}
    return row.pk, ticket.reference, {**about, "visitor": _visitor(row.pk)}


def _visitor(conversation_id: int) -> Frame:
    visitor = Conversation.objects.select_related("visitor").get(pk=conversation_id).visitor
    return {
        "name": visitor.claimed_name,
        "address": visitor.address,
        "is_verified": visitor.is_verified,
        "language": visitor.language,
        "is_online": visitor.online_until is not None and visitor.online_until > timezone.now(),
        "page": visitor.page,
        "pages": visitor.pages,
    }


def _still_visible(agent_id: int, watched: Sequence[str]) -> set[str] | None:
    agent = Agent.objects.filter(pk=agent_id, is_active=True).first()
    if agent is None:
        return None
    ids = [references.ticket_id(each, prefix=settings.REFERENCE_PREFIX) or 0 for each in watched]
    return {each.reference for each in visible_to(agent).filter(pk__in=ids)}
