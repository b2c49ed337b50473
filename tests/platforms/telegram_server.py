"""Telegram's Bot API by lo-bot-api-emulator (PyPI): long polls that are acknowledged, webhooks with a secret, files.

It takes nothing but what its contract names. It tells of no edits, and takes audio files only by their id.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from helpdesk.connectors import http
from tests.platforms import PLATFORMS

PYTHON = PLATFORMS / "python" / "bin" / "python"
#: Beyond the server's own, which are counted from 1: in a chat of Telegram no two messages have the same.
_NUMBERS = count(1_000_000)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who writes to a bot, by another program than the desk's. One person, one bot, one private chat."""

    url: str
    name: str
    token: str
    id: int = field(default_factory=lambda: next(_NUMBERS))

    def write(self, text: str = "", **fields: Any) -> int:
        """The number of a message in the chat; ``fields`` as the Bot API has them."""
        number = next(_NUMBERS)
        sender = {"id": self.id, "is_bot": False, "first_name": self.name, "language_code": "en"}
        message = {
            "message_id": number,
            "from": sender,
            "chat": {"id": self.id, "type": "private", "first_name": self.name},
            "date": int(time.time()),
            **({"text": text} if text else {}),
            **fields,
        }
        _call(f"{self.url}/__fixture/updates", {"token": self.token, "update": {"message": message}})
        return number

    def reads(self) -> list[dict[str, Any]]:
        """What the bot has sent to this chat, oldest first, with the method that it came by."""
        sent = http.get(f"{self.url}/__sent").json()
        return [each for each in sent if each["chat"]["id"] == self.id]

    def opens(self, file_id: str) -> bytes:
        """A file of the chat."""
        path = _call(f"{self.url}/bot{self.token}/getFile", {"file_id": file_id})["file_path"]
        return http.get(f"{self.url}/file/bot{self.token}/{path}").body


def _call(url: str, values: dict[str, Any]) -> Any:
    answer = http.send("POST", url, headers={"Content-Type": "application/json"}, body=json.dumps(values).encode())
    assert answer.is_good, answer.body
    return answer.json()["result"]


@contextmanager
def run_telegram(folder: Path) -> Iterator[str]:
    """The server's address."""
    log = (folder / "telegram.log").open("wb")
    script = Path(__file__).with_name("telegram_bot_api.py")
    process = subprocess.Popen([str(PYTHON), str(script)], stdout=subprocess.PIPE, stderr=log, cwd=folder)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "telegram.log").read_text()
        yield line.decode().strip()
    finally:
        process.terminate()
        process.communicate(timeout=10)
        log.close()
