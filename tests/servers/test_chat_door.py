"""What a desk's sockets take from strangers: a frame of 200 MB, endless handshakes, clients that never read."""

import asyncio
import json
import struct
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.servers.async_socket import AsyncSocket, Lost
from tests.servers.chat_chaos import SHOP, set_up
from tests.servers.desk_process import Desk, desk

HUGE = 200 * 1024 * 1024
HALF_OPEN, DEAF = 150, 20


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("chat-door")
    with desk(folder, LUOTSI_CHAT_CONNECTIONS="1000") as made:
        set_up(made, agents=1)
        made.start()
        yield made


def run_apart(play: Coroutine[Any, Any, None]) -> None:
    """Run it in a thread of its own: in this one Playwright's loop may stand still since a browser test."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        executor.submit(asyncio.run, play).result()


async def visitor(running: Desk) -> AsyncSocket:
    """One who has been greeted."""
    socket = await AsyncSocket.connect(port=running.http, path="/ws/chat/web/", headers={"Origin": SHOP})
    await socket.say({"type": "hello", "v": 1, "language": "en"})
    assert (await socket.hear())["type"] == "welcome"
    return socket


async def is_served(running: Desk) -> bool:
    """Somebody who behaves gets their message stored."""
    socket = await visitor(running)
    await socket.say({"type": "send", "id": f"well-behaved-{id(socket)}", "text": "Hello"})
    while (await asyncio.wait_for(socket.hear(), 60))["type"] != "ack":
        pass
    socket.close()
    return True


def resident_mb(running: Desk) -> float:
    assert running.process is not None
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


class TestAChatSocket:
    def test_ends_at_the_head_of_a_frame_of_200_mb_and_keeps_none_of_it(self, running: Desk) -> None:
        async def play() -> None:
            socket = await visitor(running)
            before = resident_mb(running)
            head = b"\x81" + bytes([0x80 | 127]) + struct.pack(">Q", HUGE) + b"\x00\x00\x00\x00"
            socket._writer.write(head)
            with suppress(OSError):
                for _ in range(64):  # 64 MB of it; nobody waits for the rest
                    socket._writer.write(b"x" * 1024 * 1024)
                    await socket._writer.drain()
            with suppress(Lost):
                while await asyncio.wait_for(socket.hear(), 60):
                    pass
            assert resident_mb(running) - before < 32
            assert await is_served(running)

        run_apart(play())

    def test_serves_others_beside_handshakes_that_never_end(self, running: Desk) -> None:
        async def play() -> None:
            halves = [await asyncio.open_connection("127.0.0.1", running.http) for _ in range(HALF_OPEN)]
            for _reader, writer in halves:
                writer.write(b"GET /ws/chat/web/ HTTP/1.1\r\nHost: x\r\nUpgrade: websock")
            assert await is_served(running)
            for _reader, writer in halves:
                writer.close()

        run_apart(play())

    def test_serves_others_beside_clients_that_never_read(self, running: Desk) -> None:
        async def play() -> None:
            before = resident_mb(running)
            deaf = [await visitor(running) for _ in range(DEAF)]
            for number, socket in enumerate(deaf):
                for place in range(5):
                    words = {"type": "send", "id": f"deaf-{number:04}-{place:04}", "text": "x" * 8_000}
                    await socket.say(words)
                socket._writer.write(_pings(40))
            assert await is_served(running)
            assert resident_mb(running) - before < 64
            for socket in deaf:
                socket.close()

        run_apart(play())


def _pings(count: int) -> bytes:
    payload = json.dumps({"type": "ping"}).encode()
    return (b"\x81" + bytes([0x80 | len(payload)]) + b"\x00" * 4 + payload) * count
