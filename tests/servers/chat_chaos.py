"""Chats over a bad line to a desk that is killed: `make chaos`.

Visitors and agents talk through a proxy that cuts, stalls and doubles, while the desk is killed and started again. In
the end each acknowledged message is stored once, all sides have the same lines in the same order, and what was missed
was there within ten seconds of a connection that stood. A process of its own: it leaves sockets in every state behind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.servers.async_socket import AsyncSocket, Lost
from tests.servers.bad_line import BadLine
from tests.servers.desk_process import Desk, desk
from tests.servers.redis_server import Redis, redis_server

SHOP = "https://shop.example"
#: How often something may be said: below the limit of five a second.
PACE_S = 0.22
RESEND_S, RECONNECT_S, LONGEST_PAUSE_S = 1.5, 0.5, 30.0
HANDSHAKE_S = 8.0
#: The desk says so where too many come from one place.
BUSY = 4429
HEALED_S = 10.0

_SCENE = """
from django.contrib.sessions.backends.db import SessionStore
from helpdesk.models import Agent, Channel, ChatSite, Membership, Team
team = Team.objects.filter(is_default=True).first() or Team.objects.create(slug="t", name="T", is_default=True)
channel = Channel.objects.create(slug="web", name="Web", kind="chat", team=team)
ChatSite.objects.create(channel=channel, allowed_origins=["https://shop.example"])
for number in range({agents}):
    agent = Agent.objects.create(email=f"agent{{number}}@desk.example", name=f"Agent {{number}}", capacity=1000)
    Membership.objects.create(agent=agent, team=team)
    session = SessionStore()
    session["_auth_user_id"], session["_auth_user_hash"] = str(agent.pk), agent.get_session_auth_hash()
    session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    session.create()
    print("SESSION", session.session_key)
"""


@dataclass
class World:
    """What all clients share: conversations that are open, when each message was acknowledged, the slowest healing."""

    port: int
    references: list[str] = field(default_factory=list)
    acked_at: dict[str, float] = field(default_factory=dict)
    healed_s: float = 0.0
    said: int = 0


class Client:
    """Says ``to_say`` messages, each again until it is acknowledged, and keeps what it hears."""

    path = ""

    def __init__(self, world: World, number: int, to_say: int, seed: int) -> None:
        self.world, self.number, self.left = world, number, to_say
        self.random = random.Random(seed)
        self.open: dict[str, tuple[dict[str, Any], float, float]] = {}
        self.acked: dict[str, tuple[str, int]] = {}
        self.lines: dict[str, dict[int, str]] = defaultdict(dict)
        self.since_welcome = 0.0
        self.wait_until = 0.0
        self.pause = RECONNECT_S
        self.problems: list[str] = []

    @property
    def is_done(self) -> bool:
        return not self.left and not self.open

    async def run(self) -> None:
        """One connection after the other, with pauses that grow until a welcome: as docs/chat-protocol.md asks for."""
        while True:
            code = 0
            try:
                await self._life()
            except Lost as lost:
                code = lost.code
            except TimeoutError:
                pass  # it says nothing any more: to the client that is a lost connection
            pause = LONGEST_PAUSE_S if code == BUSY else self.pause
            self.pause = min(2 * self.pause, LONGEST_PAUSE_S)
            await asyncio.sleep(pause * self.random.uniform(0.5, 1.5))

    async def _life(self) -> None:
        socket = await asyncio.wait_for(
            AsyncSocket.connect(port=self.world.port, path=self.path, headers=self.headers()), HANDSHAKE_S
        )
        speaking: asyncio.Task[None] | None = None
        try:
            await self.greet(socket)
            speaking = asyncio.create_task(self._speak(socket))
            while True:
                await self.take(socket, await asyncio.wait_for(socket.hear(), 60))
        finally:
            if speaking is not None:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
            socket.close()

    async def _speak(self, socket: AsyncSocket) -> None:
        pinged_at = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= self.wait_until:
                await self._say_something(socket, now)
            if now - pinged_at > 20:
                pinged_at = now
                await socket.say({"type": "ping"})
            await asyncio.sleep(PACE_S * (1 + 0.2 * self.random.random()))

    async def _say_something(self, socket: AsyncSocket, now: float) -> None:
        for client_id, (frame, due_at, pause) in self.open.items():
            if now > due_at:
                pause = min(2 * pause, LONGEST_PAUSE_S)  # noqa: PLW2901  # as docs/chat-protocol.md asks for
                self.open[client_id] = (frame, now + pause * self.random.uniform(0.5, 1.5), pause)
                await socket.say(frame)
                return
        words = self.words() if self.left and len(self.open) < 8 else None
        if words is not None:
            self.left -= 1
            self.world.said += 1
            self.open[words["id"]] = (words, now + RESEND_S, RESEND_S)
            await socket.say(words)

    def welcomed(self) -> None:
        """A new connection stands: what is open is said again at once, and the next pause is short again."""
        self.pause, self.since_welcome = RECONNECT_S, time.monotonic()
        self.open = {name: (frame, 0.0, RESEND_S) for name, (frame, _due, _pause) in self.open.items()}

    def _new(self, **fields: Any) -> dict[str, Any]:
        client_id = uuid.UUID(int=self.random.getrandbits(128)).hex
        return {"type": "send", "id": client_id, "text": f"{self.number}:{client_id}", **fields}

    async def take(self, socket: AsyncSocket, frame: dict[str, Any]) -> None:
        now = time.monotonic()
        match frame["type"]:
            case "ack":
                self.open.pop(frame["id"], None)
                known = self.acked.setdefault(frame["id"], (frame["conversation"], frame["seq"]))
                if known != (frame["conversation"], frame["seq"]):
                    self.problems.append(f"{frame['id']} acknowledged as {known} and as {frame}")
                self.world.acked_at.setdefault(f"{self.number}:{frame['id']}", now)
            case "nack":
                if frame["retry_after"] is None:
                    self.problems.append(f"refused: {frame}")
                self.wait_until = now + (frame["retry_after"] or 1.0)
            case "lines":
                await self._take_lines(socket, frame, now)
            case "error":
                self.problems.append(str(frame))

    async def _take_lines(self, socket: AsyncSocket, frame: dict[str, Any], now: float) -> None:
        known = self.lines[frame["conversation"]]
        for line in frame["lines"]:
            text = line.get("text") or line.get("event", "")
            if line["seq"] > len(known) + 1:
                self.problems.append(f"a gap before {line['seq']}")
            if known.setdefault(line["seq"], text) != text:
                self.problems.append(f"{line['seq']} is {known[line['seq']]} and {text}")
            acked_at = self.world.acked_at.get(text)
            if acked_at is not None:
                late = now - max(acked_at, self.since_welcome)
                self.world.healed_s = max(self.world.healed_s, late)
        await socket.say({"type": "got", "conversation": frame["conversation"], "seq": len(known)})

    def headers(self) -> dict[str, str]:
        raise AssertionError

    async def greet(self, socket: AsyncSocket) -> None:
        raise AssertionError

    def words(self) -> dict[str, Any] | None:
        raise AssertionError


class VisitorClient(Client):
    path = "/ws/chat/web/"
    token = ""
    reference = ""

    def headers(self) -> dict[str, str]:
        return {"Origin": SHOP}

    async def greet(self, socket: AsyncSocket) -> None:
        known = {"token": self.token} if self.token else {}
        since = len(self.lines[self.reference]) if self.reference else 0
        await socket.say({"type": "hello", "v": 1, "since": since, "conversation": self.reference, **known})
        welcome = await asyncio.wait_for(socket.hear(), 20)
        if welcome["type"] != "welcome":
            raise Lost
        if self.token and welcome["token"] != self.token:
            self.problems.append("another token")
        self.token = welcome["token"]
        self.welcomed()
        if welcome["conversation"] is not None:
            self._belongs_to(welcome["conversation"]["reference"])

    def words(self) -> dict[str, Any] | None:
        if not self.reference and self.open:
            return None  # which conversation it is comes with the first ack
        return self._new(**({"conversation": self.reference} if self.reference else {}))

    async def take(self, socket: AsyncSocket, frame: dict[str, Any]) -> None:
        await super().take(socket, frame)
        if frame["type"] == "ack":
            self._belongs_to(frame["conversation"])

    def _belongs_to(self, reference: str) -> None:
        if not self.reference:
            self.reference = reference
            self.world.references.append(reference)
        elif self.reference != reference:
            self.problems.append(f"two conversations: {self.reference}, {reference}")


class AgentClient(Client):
    path = "/ws/chats/"

    def __init__(self, world: World, number: int, to_say: int, seed: int, *, session: str, place: int, of: int) -> None:
        super().__init__(world, number, to_say, seed)
        self.session, self.place, self.of = session, place, of
        self.watched: set[str] = set()

    @property
    def mine(self) -> list[str]:
        return [each for number, each in enumerate(self.world.references) if number % self.of == self.place]

    def headers(self) -> dict[str, str]:
        return {"Cookie": f"sessionid={self.session}", "Origin": f"http://127.0.0.1:{self.world.port}"}

    async def greet(self, socket: AsyncSocket) -> None:
        welcome = await asyncio.wait_for(socket.hear(), 20)
        if welcome["type"] != "welcome":
            raise Lost
        self.welcomed()
        self.watched.clear()
        await self._watch(socket)

    async def _watch(self, socket: AsyncSocket) -> None:
        for reference in set(self.mine) - self.watched:
            self.watched.add(reference)
            await socket.say({"type": "watch", "conversation": reference, "since": len(self.lines[reference])})

    async def _say_something(self, socket: AsyncSocket, now: float) -> None:
        await self._watch(socket)
        await super()._say_something(socket, now)

    def words(self) -> dict[str, Any] | None:
        ready = sorted(self.watched)
        return self._new(conversation=self.random.choice(ready)) if ready else None


@dataclass
class Result:
    """What was said, and what is wrong; `healed_s` the longest that a line was missing on a connection that stood."""

    acknowledged: int = 0
    kills: int = 0
    flushes: int = 0
    cuts: int = 0
    doubled: int = 0
    healed_s: float = 0.0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


async def play(
    desks: Sequence[Desk],
    *,
    sessions: Sequence[str],
    visitors: int,
    messages: int,
    kills: int,
    seed: int,
    redis: Redis | None = None,
    healed_within: float = HEALED_S,
) -> Result:
    """Let them talk until everything is acknowledged, and compare what all sides have.

    On the way the desks are killed in turn, and ``redis`` forgets everything each time just before.
    """
    running = desks[0]
    line = BadLine([each.http for each in desks], seed)
    await line.start()
    world = World(line.port)
    share = messages // (visitors + len(sessions))
    talkers: list[Client] = [VisitorClient(world, number, share, seed + number) for number in range(visitors)]
    for place, session in enumerate(sessions):
        number = visitors + place
        talkers.append(AgentClient(world, number, share, seed + number, session=session, place=place, of=len(sessions)))
    tasks = [asyncio.create_task(each.run()) for each in talkers]
    began, killed = time.monotonic(), 0
    while not all(each.is_done for each in talkers):
        await asyncio.sleep(0.1)
        if killed < kills and len(world.acked_at) > (killed + 1) * share * len(talkers) // (kills + 2):
            if redis is not None:
                await asyncio.to_thread(redis.forget_everything)
            victim = desks[killed % len(desks)]
            killed += 1
            await asyncio.to_thread(victim.kill)
            # Not all is well while two hundred clients come back at once; it is enough that it answers.
            await asyncio.to_thread(partial(victim.start, has_to_be_well=False))
        if time.monotonic() - began > 30 * healed_within + messages / 20:
            break
    line.is_calm = True
    stored = await _converged(running, talkers, within=2 * healed_within)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    line.stop()
    flushes = killed if redis is not None else 0
    seconds = time.monotonic() - began
    result = Result(len(world.acked_at), killed, flushes, line.cuts, line.doubled, world.healed_s, seconds)
    result.problems = [*_wrong(talkers, stored), *(each for one in talkers for each in one.problems)]
    return result


async def _converged(running: Desk, talkers: Sequence[Client], *, within: float) -> dict[str, list[str]]:
    """What the desk has stored, once everybody has had some time on a calm line to get it."""
    stored = await asyncio.to_thread(_stored, running)
    end = time.monotonic() + within
    while time.monotonic() < end and _behind(talkers, stored):  # noqa: ASYNC110  # of many clients, none of which knows
        await asyncio.sleep(0.1)
    return stored


def _behind(talkers: Sequence[Client], stored: dict[str, list[str]]) -> list[str]:
    behind: list[str] = []
    for each in talkers:
        references = [each.reference] if isinstance(each, VisitorClient) else getattr(each, "mine", [])
        behind += [
            f"{each.number} lacks lines of {reference}"
            for reference in references
            if len(each.lines[reference]) != len(stored.get(reference, ()))
        ]
    return behind


def _stored(running: Desk) -> dict[str, list[str]]:
    """The lines of each conversation, in their order; raises AssertionError where a number is missing."""
    rows = running.rows(
        "SELECT c.ticket_id, l.sequence, coalesce(m.text, ''), l.event FROM helpdesk_chatline l "
        "JOIN helpdesk_conversation c ON c.id = l.conversation_id LEFT JOIN helpdesk_message m ON m.id = l.message_id "
        "ORDER BY c.ticket_id, l.sequence"
    )
    found: dict[str, list[str]] = defaultdict(list)
    for ticket_id, sequence, text, event in rows:
        lines = found[_reference(ticket_id)]
        assert sequence == len(lines) + 1, f"number {sequence} comes after {len(lines)}"
        lines.append(text or event)
    return found


def _reference(ticket_id: int) -> str:
    from helpdesk.references import reference_of

    return reference_of(ticket_id, prefix="LU")


def _wrong(talkers: Sequence[Client], stored: dict[str, list[str]]) -> list[str]:
    wrong = _behind(talkers, stored)
    everything = [text for lines in stored.values() for text in lines if ":" in text]
    if len(everything) != len(set(everything)):
        wrong.append(f"{len(everything) - len(set(everything))} messages are stored twice")
    for each in talkers:
        if not each.is_done:
            wrong.append(f"{each.number}: {each.left} not said, {len(each.open)} not acknowledged")
        for client_id, (reference, sequence) in each.acked.items():
            lines = stored.get(reference, [])
            if len(lines) < sequence or lines[sequence - 1] != f"{each.number}:{client_id}":
                wrong.append(f"{client_id} is not line {sequence} of {reference}")
        for reference, heard in each.lines.items():
            lines = stored.get(reference, [])
            if any(text != lines[number - 1] for number, text in heard.items() if number <= len(lines)):
                wrong.append(f"{each.number} has {reference} in another order")
    return wrong


def set_up(running: Desk, *, agents: int) -> list[str]:
    """A chat channel, and agents; the keys of their sessions."""
    running.furnish()
    done = running.manage("shell", "-v0", "-c", _SCENE.format(agents=agents))
    assert done.returncode == 0, done.stderr
    return [line.split()[1] for line in done.stdout.splitlines() if line.startswith("SESSION")]


def chaos(data: Path, *, agents: int, desks: int, has_redis: bool, **size: Any) -> Result:
    """One run on a folder of its own; ``size`` is what `play` wants. Several desks share the folder and a Redis."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(data)) if has_redis else None
        extra = {"LUOTSI_CHAT_CONNECTIONS": "10000", **({"REDIS_URL": redis.address} if redis else {})}
        running = [stack.enter_context(desk(data, **extra)) for _ in range(desks)]
        sessions = set_up(running[0], agents=agents)
        for each in running:
            each.start()
        return asyncio.run(play(running, sessions=sessions, redis=redis, **size))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--visitors", type=int, default=160)
    parser.add_argument("--agents", type=int, default=40)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--healed-within", type=float, default=HEALED_S, help="seconds that a gap may last")
    parser.add_argument("--desks", type=int, default=1, help="more than one: they share the data and a Redis")
    parser.add_argument("--redis", action="store_true", help="hints go by a Redis, which forgets all at each kill")
    wanted = vars(parser.parse_args())
    has_redis = wanted.pop("redis") or wanted["desks"] > 1
    with tempfile.TemporaryDirectory() as folder:
        result = chaos(Path(folder), has_redis=has_redis, **wanted)
    print(json.dumps(asdict(result)))
    return 0 if not result.problems and result.healed_s <= wanted["healed_within"] else 1


if __name__ == "__main__":
    sys.exit(main())
