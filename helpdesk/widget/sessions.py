"""A visitor's side of a chat, whatever carries its frames: a socket, or the polls of one request.

Everything that is looked up goes through the guest's own visitor; no frame can say who its sender is.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from channels.db import database_sync_to_async
from django.db import DatabaseError
from django.utils import timezone

from helpdesk import live
from helpdesk.actions import chats, visitors
from helpdesk.chats import TRY_AGAIN, Outcome, Refused, Stored, Words
from helpdesk.live import Marks
from helpdesk.models import ChatSite
from helpdesk.queries.chat_lines import PublicLine
from helpdesk.widget import frames, limits, lookups
from helpdesk.widget.answers import Answers
from helpdesk.widget.frames import Frame
from helpdesk.widget.hub import Hub, Watch

log = logging.getLogger(__name__)

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
MOST_BAD_FRAMES = 3
#: What may be done while words of the same connection are being stored; all else comes after them.
_BESIDE_WORDS = frozenset({"send", "got", "ping", "typing", "read", "page", "suggest", "hello"})
#: Presence and places in the queue are looked up so seldom.
PRESENCE_SECONDS = 12.0
TRY_AGAIN_SECONDS = 2.0

Send = Callable[[Frame], Awaitable[None]]


class Closed(Exception):
    """The connection must end with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class VisitorSession:
    """One connection of one visitor. ``send`` takes frames out; raises Closed when the connection must end."""

    def __init__(
        self, *, site: ChatSite, hub: Hub, send: Send, close: Callable[[int], Awaitable[None]], address: str
    ) -> None:
        self.site, self.hub, self.send, self.close, self.address = site, hub, send, close, address
        self.guest: visitors.Guest | None = None
        self.watch: Watch | None = None
        self.reference = ""
        self.is_polled = False
        self._frames = limits.Bucket(rate=limits.FRAMES_A_SECOND, size=limits.FRAMES_AT_ONCE)
        self._bad_frames = 0
        self._seat = ""
        self._presence: tuple[float, Frame | None] = (0.0, None)
        self.answers = Answers(self._answer)

    @property
    def visitor_id(self) -> int | None:
        return self.guest.visitor_id if self.guest else None

    @property
    def token_hash(self) -> str:
        return self.guest.token_hash if self.guest else ""

    @property
    def author(self) -> str:
        return f"v{self.visitor_id}"

    async def hello(self, frame: Mapping[str, Any]) -> None:
        """The first frame: who is it, and what do they have already?"""
        if frame.get("v") != frames.VERSION:
            raise Closed(4426)
        try:
            greeting = lookups.Greeting.of(frame)
        except ValueError:
            await self.send(frames.error("bad_frame", "hello"))
            raise Closed(4400) from None
        welcome = await database_sync_to_async(lookups.greet)(self.site, greeting, now=timezone.now())
        if welcome.refusal:
            await self.send(frames.error(welcome.refusal, "hello"))
            if welcome.refusal == "identity_required":
                raise Closed(4403)
        assert welcome.guest is not None  # noqa: S101  # only a refusal that closes comes without one
        self.guest = welcome.guest
        await self._end_former(greeting.token)
        self._take_seat()
        self.hub.peers.add(self)
        self._is_here()
        self._presence = (time.monotonic(), welcome.presence)
        await self.send(welcome.frame)
        if welcome.conversation is not None:
            since = greeting.since if greeting.reference in {"", welcome.reference} else 0
            await self._look_at(welcome.conversation, welcome.reference, min(since, welcome.last))

    def _take_seat(self) -> None:
        assert self.guest is not None  # noqa: S101
        if self._seat:
            limits.doors.stand(self._seat)
        self._seat = ""
        if not self.is_polled:
            if not limits.doors.seat(self.guest.token_hash):
                raise Closed(4429)
            self._seat = self.guest.token_hash

    def _is_here(self) -> None:
        if self.visitor_id:
            self.hub.moves.came([self.visitor_id])

    async def leave(self) -> None:
        """The connection has ended."""
        await self.answers.stop()
        self.hub.peers.discard(self)
        if self.watch is not None:
            await self.hub.unwatch(self.watch)
        if self._seat:
            limits.doors.stand(self._seat)
        if self.visitor_id and not self.is_polled:
            self.hub.moves.went(self.visitor_id, self.watch.conversation_id if self.watch else 0)

    async def take(self, frame: Any) -> None:
        """One frame after the first. Raises Closed."""
        if not self._frames.take(time.monotonic()):
            raise Closed(4429)
        kind = frame.get("type") if isinstance(frame, dict) else None
        handler = getattr(self, f"on_{kind}", None) if isinstance(kind, str) and kind.isalpha() else None
        try:
            if handler is None:
                raise ValueError(kind)
            if kind not in _BESIDE_WORDS:
                await self.answers.settled()
            await handler(frame)
        except ValueError:
            self._bad_frames += 1
            await self.send(frames.error("bad_frame", kind if isinstance(kind, str) else ""))
            if self._bad_frames >= MOST_BAD_FRAMES:
                raise Closed(4400) from None
        except DatabaseError as error:
            log.warning("chat: %s was not done: %s", kind, error)
            await self.send(frames.error("try_again", str(kind)))

    async def on_hello(self, _frame: Frame) -> None:
        """Once more: the line may have doubled it."""

    # What visitors say

    async def on_send(self, frame: Frame) -> None:
        client_id = frames.text_of(frame, "id", most=200)
        if not _CLIENT_ID.fullmatch(client_id):
            await self.send(frames.nack(client_id[:64], "bad_id"))
            return
        guest, now = self._guest(), time.monotonic()
        buckets = [limits.messages.of(guest.token_hash)]
        if not guest.visitor_id:
            buckets.append(limits.openings.of(self.address))
        if wait := next((each.wait(now) for each in buckets if not each.take(now)), None):
            await self.send(frames.nack(client_id, "slow_down", retry_after=round(wait + 0.1, 1)))
            return
        text = frame.get("text", "")
        if not isinstance(text, str):
            raise ValueError("text")  # noqa: TRY004
        answers = lookups.answers_of(frame.get("fields"), self.site)
        if not guest.visitor_id:
            guest.name = answers.pop("name", "") or guest.name
            guest.address = answers.pop("email", "") or guest.address
        reference = frames.text_of(frame, "conversation", most=40)
        conversation_id: int | None = 0
        if reference and reference == self.reference and self.watch is not None:
            conversation_id = self.watch.conversation_id
        elif reference:
            conversation_id = await self._number_of(reference)
        if conversation_id is None:
            await self.send(frames.nack(client_id, "unknown_conversation"))
            return
        files = frames.texts_of(frame, "files", most=20)
        words = Words(
            client_id=client_id,
            text=text,
            at=timezone.now(),
            guest=guest,
            conversation_id=conversation_id,
            files=files,
            fields=answers,
        )
        await self.answers.expect(words, self.hub.say(words))

    async def _answer(self, words: Words, stored: asyncio.Future[Outcome]) -> None:
        try:
            outcome = await stored
            if isinstance(outcome, Refused):
                retry_after = TRY_AGAIN_SECONDS if outcome.code == TRY_AGAIN else None
                await self.send(frames.nack(words.client_id, outcome.code, retry_after=retry_after))
            else:
                await self._confirm(words, outcome)
        except DatabaseError:
            await self.send(frames.nack(words.client_id, TRY_AGAIN, retry_after=TRY_AGAIN_SECONDS))

    async def _confirm(self, words: Words, outcome: Stored) -> None:
        if self.watch is None or self.watch.conversation_id != outcome.conversation_id:
            found = await self._describe(outcome.conversation_id)
            await self.send({"type": "conversation", "conversation": found})
            await self._look_at(outcome.conversation_id, found["reference"], 0)
        await self.send(self._ack(words, outcome))

    def _ack(self, words: Words, outcome: Stored) -> Frame:
        return {
            "type": "ack",
            "id": words.client_id,
            "conversation": self.reference,
            "seq": outcome.sequence,
            "at": frames.moment(outcome.at),
        }

    async def on_typing(self, frame: Frame) -> None:
        text = frames.text_of(frame, "text", most=500)
        if self.watch is not None:
            await live.whisper(self.watch.conversation_id, {"what": "typing", "text": text, "by": self.author})

    async def on_read(self, frame: Frame) -> None:
        sequence = frames.number_of(frame, "seq")
        if self.watch is not None and self.visitor_id:
            await database_sync_to_async(chats.read_by_visitor)(
                conversation_id=self.watch.conversation_id, visitor_id=self.visitor_id, sequence=sequence
            )

    async def on_page(self, frame: Frame) -> None:
        await database_sync_to_async(visitors.go_to)(guest=self._guest(), page=frame, at=timezone.now())
        if self.watch is not None:
            await live.whisper(self.watch.conversation_id, {"what": "visitor"})

    # Getting what is there

    async def on_got(self, frame: Frame) -> None:
        sequence = frames.number_of(frame, "seq")
        if self.watch is not None:
            self.watch.got(sequence)

    async def on_ping(self, frame: Frame) -> None:
        if self.watch is not None and isinstance(frame.get("got"), int):
            self.watch.got(frame["got"])
        await self.send({"type": "pong", "now": frames.moment(timezone.now())})

    async def on_resume(self, frame: Frame) -> None:
        await self._show(frame, "resume")

    async def on_open(self, frame: Frame) -> None:
        await self._show(frame, "open")

    async def _show(self, frame: Frame, about: str) -> None:
        reference, since = frames.text_of(frame, "conversation", most=40), frames.number_of(frame, "since")
        number = await self._number_of(reference)
        if number is None:
            await self.send(frames.error("unknown_conversation", about))
            return
        found = await self._describe(number)
        if about == "open":
            await self.send({"type": "conversation", "conversation": found})
        await self._look_at(number, found["reference"], min(since, found["last"]))

    async def _look_at(self, conversation_id: int, reference: str, since: int) -> None:
        if self.watch is not None:
            await self.hub.unwatch(self.watch)
        self.reference = reference
        self.watch = await self.hub.watch(self, conversation_id, since)

    async def _number_of(self, reference: str) -> int | None:
        return await database_sync_to_async(lookups.number_of)(self.visitor_id, reference)

    async def _describe(self, conversation_id: int) -> Frame:
        return await database_sync_to_async(lookups.describe)(self.visitor_id or 0, conversation_id, now=timezone.now())

    # Around it

    async def on_contact(self, frame: Frame) -> None:
        name = frames.text_of(frame, "name", most=120)
        address = lookups.address_in(frames.text_of(frame, "address", most=320))
        if address is None:
            await self.send(frames.error("bad_address", "contact"))
            return
        guest = self._guest()
        await database_sync_to_async(visitors.claim)(guest=guest, name=name or None, address=address or None)
        shown = {"name": guest.name, "address": guest.verified_address or guest.address}
        await self.send({"type": "contact", **shown, "is_verified": bool(guest.subject)})

    async def on_identify(self, frame: Frame) -> None:
        greeting = lookups.Greeting.of({**frame, "token": self._guest().token, "language": self._guest().language})
        welcome = await database_sync_to_async(lookups.greet)(self.site, greeting, now=timezone.now(), guest=self.guest)
        if welcome.refusal or welcome.guest is None:
            await self.send(frames.error(welcome.refusal or "bad_identity", "identify"))
            return
        self.guest = welcome.guest
        await self._end_former(greeting.token)
        self._take_seat()
        self._is_here()
        await self.send(welcome.frame)
        if welcome.conversation is not None:
            await self._look_at(welcome.conversation, welcome.reference, 0)

    async def on_suggest(self, frame: Frame) -> None:
        text, client_id = frames.text_of(frame, "text", most=2_000), frames.text_of(frame, "id", most=64)
        found = await database_sync_to_async(lookups.suggestions)(text, self._guest().language)
        await self.send({"type": "suggestions", "id": client_id, "articles": found})

    async def on_rate(self, frame: Frame) -> None:
        effort = None if frame.get("effort") is None else frames.number_of(frame, "effort", least=1, most=7)
        given = {
            "score": frames.number_of(frame, "score", least=1, most=5),
            "effort": effort,
            "comment": frames.text_of(frame, "comment", most=2_000),
        }
        reference = frames.text_of(frame, "conversation", most=40)
        answer = await database_sync_to_async(lookups.rate)(self.visitor_id, reference, given, at=timezone.now())
        await self.send(answer)

    async def on_end(self, frame: Frame) -> None:
        number = await self._number_of(frames.text_of(frame, "conversation", most=40))
        if number is None:
            await self.send(frames.error("unknown_conversation", "end"))
            return
        await database_sync_to_async(chats.end_by_visitor)(
            conversation_id=number, visitor_id=self.visitor_id or 0, at=timezone.now()
        )

    async def on_transcript(self, frame: Frame) -> None:
        reference = frames.text_of(frame, "conversation", most=40)
        address = frames.text_of(frame, "address", most=320)
        answer = await database_sync_to_async(lookups.send_transcript)(
            self.visitor_id, reference, address, at=timezone.now()
        )
        await self.send(answer)

    # What the hub has for this peer

    async def show_lines(self, watch: Watch, lines: Sequence[PublicLine], marks: Marks | None) -> int:
        door = frames.VisitorsDoor(self.visitor_id or 0)
        await self.send(frames.lines(self.reference, lines, marks, author=self.author, door=door))
        if any(line.event for line in lines):
            found = await self._describe(watch.conversation_id)
            await self.send({"type": "conversation", "conversation": found})
        return sum(200 + 2 * len(line.text) for line in lines)

    async def show_marks(self, watch: Watch, marks: Marks, former: Marks) -> None:
        _last, visitor_read, agent_read = marks
        for by, sequence, before in (("visitor", visitor_read, former[1]), ("agent", agent_read, former[2])):
            if sequence != before:
                await self.send({"type": "read", "conversation": self.reference, "by": by, "seq": sequence})

    async def whispered(self, watch: Watch, message: Mapping[str, Any]) -> None:
        if message.get("what") == "agent-typing" and watch is self.watch:
            await self.send({"type": "typing", "agent": frames.person(str(message.get("name", "")))})

    async def tick(self) -> None:
        looked_at, shown = self._presence
        if time.monotonic() - looked_at < PRESENCE_SECONDS or self.guest is None:
            return
        number = self.watch.conversation_id if self.watch else 0
        # Of thousands who only look around, the first asks for all: a hop to the thread and back each adds up.
        found = None if number else lookups.fresh_presence(self.site)
        if found is None:
            found = await database_sync_to_async(lookups.presence)(self.site, self.visitor_id or 0, number)
        self._presence = (time.monotonic(), found)
        if found != shown:
            await self.send(found)

    async def too_slow(self) -> None:
        await self.close(4413)

    async def replaced(self) -> None:
        """A tab of the same person comes back with the stored token; who knew only the former one has nothing left."""
        self.guest = None
        if self.watch is not None:
            watch, self.watch = self.watch, None
            await self.hub.unwatch(watch)
        await self.close(1001)

    async def _end_former(self, token: str) -> None:
        """Connections by the token that this one came with, if it was replaced just now."""
        if token and token != self._guest().token:
            await self.hub.end_replaced({visitors.hash_of(token)})

    def _guest(self) -> visitors.Guest:
        if self.guest is None:
            raise Closed(4408)
        return self.guest
