"""Chats: memory of idle sockets; from "send" to the tick, and to the other side, at 200 messages a second."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from typing import Any

from benchmarks.desk import Desk
from benchmarks.place import Place
from benchmarks.progress import median, p95, say
from tests.servers.async_socket import AsyncSocket, Lost

IDLE, BESIDE = 5_000, 2_000
"""Sockets that do nothing: for the memory, and while messages are measured."""
TALKERS, AGENTS, A_SECOND, SECONDS = 50, 5, 200, 15
SHOP = "https://shop.example"


def measure(place: Place) -> dict[str, float | int]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.environ["LUOTSI_CHAT_CONNECTIONS"] = "1000000"
    place.migrate()
    sessions = _furnish()
    with Desk(place) as desk:
        return asyncio.run(_Crowd(place.http_port, desk, sessions).measure())


def _furnish() -> list[str]:
    """A chat channel and agents; the keys of their sessions."""
    from django.contrib.sessions.backends.db import SessionStore

    from helpdesk.models import Agent, Channel, ChatSite, Membership, Team

    team = Team.objects.filter(is_default=True).first() or Team.objects.create(slug="t", name="T", is_default=True)
    channel = Channel.objects.create(slug="web", name="Web", kind="chat", team=team)
    ChatSite.objects.create(channel=channel, allowed_origins=[SHOP])
    keys = []
    for number in range(AGENTS):
        agent = Agent.objects.create(email=f"chat{number}@desk.example", name=f"Agent {number}", capacity=10_000)
        Membership.objects.create(agent=agent, team=team)
        session = SessionStore()
        session["_auth_user_id"], session["_auth_user_hash"] = str(agent.pk), agent.get_session_auth_hash()
        session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
        session.create()
        keys.append(str(session.session_key))
    return keys


class _Crowd:
    def __init__(self, port: int, desk: Desk, sessions: list[str]) -> None:
        self.port, self.desk, self.sessions = port, desk, sessions
        self.said: dict[str, float] = {}
        self.acks: list[float] = []
        self.heard: list[float] = []

    async def measure(self) -> dict[str, float | int]:
        before = self.desk.memory_mb()
        idle = await self._come_all(IDLE)
        each = round((self.desk.memory_mb() - before) * 1024 / max(len(idle), 1), 1)
        say(f"{len(idle)} idle sockets, {each} kB each")
        for socket, reading in idle[BESIDE:]:
            reading.cancel()
            socket.close()
        talkers = await self._come_all(TALKERS, is_talking=True)
        references = [await self._open(socket, number) for number, (socket, _reading) in enumerate(talkers)]
        tasks = [reading for _socket, reading in (*idle[:BESIDE], *talkers)]
        tasks += [
            asyncio.create_task(self._agent(key, references[place::AGENTS])) for place, key in enumerate(self.sessions)
        ]
        await asyncio.sleep(3)
        spent = self.desk.cpu_s()
        await self._talk([socket for socket, _reading in talkers], references)
        cpu = round((self.desk.cpu_s() - spent) * 1000 / len(self.said), 2)
        for task in tasks:
            task.cancel()
        p99 = sorted(self.heard)[int(len(self.heard) * 0.99) - 1] if self.heard else 0.0
        say(f"ack: median {median(self.acks)} ms, p95 {p95(self.acks)} ms ({len(self.acks)} of {len(self.said)})")
        say(f"at the other side: median {median(self.heard)} ms, p99 {round(p99, 1)} ms ({len(self.heard)})")
        say(f"{cpu} ms of processor time a message; load {os.getloadavg()[0]:.1f}")
        return {
            "chat_cpu_ms_per_message": cpu,
            "chat_sockets": len(idle),
            "chat_kb_per_socket": each,
            "chat_ack_p95_ms": p95(self.acks),
            "chat_fanout_p99_ms": round(p99, 1),
            "chat_messages_lost": len(self.said) - len(self.acks),
        }

    async def _come_all(self, count: int, *, is_talking: bool = False) -> list[tuple[AsyncSocket, asyncio.Task[None]]]:
        found = []
        for _ in range(0, count, 25):
            came = await asyncio.gather(*(self._come() for _ in range(min(25, count))), return_exceptions=True)
            found += [each for each in came if isinstance(each, AsyncSocket)]
        return [(each, asyncio.create_task(self._read(each, is_talking=is_talking))) for each in found]

    async def _come(self) -> AsyncSocket:
        socket = await AsyncSocket.connect(port=self.port, path="/ws/chat/web/", headers={"Origin": SHOP})
        await socket.say({"type": "hello", "v": 1, "language": "en"})
        welcome = await socket.hear()
        if welcome["type"] != "welcome":
            raise Lost
        return socket

    async def _read(self, socket: AsyncSocket, *, is_talking: bool) -> None:
        pinged_at = time.monotonic()
        self._opened: dict[int, str] = getattr(self, "_opened", {})
        while True:
            try:
                frame = await asyncio.wait_for(socket.hear(), 20)
            except TimeoutError:
                frame = {"type": "silence"}
            if frame["type"] == "ack":
                self._opened.setdefault(id(socket), frame["conversation"])
                if frame["id"] in self.said:
                    self.acks.append((time.perf_counter() - self.said[frame["id"]]) * 1000)
            elif frame["type"] == "lines" and is_talking:
                await socket.say({"type": "got", "seq": frame["lines"][-1]["seq"]})
            if time.monotonic() - pinged_at > 20:
                pinged_at = time.monotonic()
                await socket.say({"type": "ping"})

    async def _open(self, socket: AsyncSocket, number: int) -> str:
        await socket.say({"type": "send", "id": f"opening-{number:05}", "text": "Hello"})
        while id(socket) not in self._opened:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.005)
        return self._opened[id(socket)]

    async def _agent(self, key: str, references: list[str]) -> None:
        headers = {"Cookie": f"sessionid={key}", "Origin": f"http://127.0.0.1:{self.port}"}
        socket = await AsyncSocket.connect(port=self.port, path="/ws/chats/", headers=headers)
        for reference in references:
            await socket.say({"type": "watch", "conversation": reference, "since": 0})
        while True:
            frame: dict[str, Any] = await socket.hear()
            if frame["type"] != "lines":
                continue
            now = time.perf_counter()
            for line in frame["lines"]:
                said_at = self.said.get(line.get("text", ""))
                if said_at is not None:
                    self.heard.append((now - said_at) * 1000)
            got = {"type": "got", "conversation": frame["conversation"], "seq": frame["lines"][-1]["seq"]}
            await socket.say(got)

    async def _talk(self, sockets: list[AsyncSocket], references: list[str]) -> None:
        """So many messages a second, each at its own moment, whether or not the ones before are through."""
        began = time.perf_counter()
        for number in range(A_SECOND * SECONDS):
            await asyncio.sleep(max(0.0, began + number / A_SECOND - time.perf_counter()))
            client_id, place = f"message-{number:06}", number % len(sockets)
            self.said[client_id] = time.perf_counter()
            words = {"type": "send", "id": client_id, "text": client_id, "conversation": references[place]}
            await sockets[place].say(words)
        end = time.monotonic() + 30
        while time.monotonic() < end and min(len(self.acks), len(self.heard)) < len(self.said):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
