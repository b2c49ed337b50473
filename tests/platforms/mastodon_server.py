"""Mastodon's API by mastodon_mock (PyPI): a program of its own, with state, that knows nothing of the desk."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from helpdesk.connectors import http
from mail_gateway.errors import Temporary
from tests.platforms import PLATFORMS

PROGRAM = PLATFORMS / "python" / "bin" / "mastodon_mock"
_SEED = """
[[seed.accounts]]
username = "desk"
display_name = "The shop"
access_token = "desk-token"
[[seed.accounts]]
username = "ann"
display_name = "Ann"
access_token = "ann-token"
[[seed.accounts]]
username = "ben"
display_name = "Ben"
access_token = "ben-token"
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the server, by another program than the desk's."""

    url: str
    token: str

    def call(self, method: str, path: str, values: dict[str, Any] | None = None, query: Sequence[Any] = ()) -> Any:
        answer = http.send(
            method,
            f"{self.url}{path}" + (f"?{urlencode(query)}" if query else ""),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            body=json.dumps(values).encode() if values is not None else b"",
        )
        assert answer.is_good, answer
        return answer.json()

    def post(self, text: str, **values: Any) -> dict[str, Any]:
        return dict(self.call("POST", "/api/v1/statuses", {"status": text, **values}))

    def status(self, status_id: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/api/v1/statuses/{status_id}"))

    def mentions(self) -> list[dict[str, Any]]:
        """What others wrote to this person, newest first."""
        notifications = self.call("GET", "/api/v1/notifications", query=[("types[]", "mention"), ("limit", "40")])
        return [notification["status"] for notification in notifications]


@contextmanager
def run_mastodon(folder: Path) -> Iterator[str]:
    """The server's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "mastodon.toml"
    config.write_text(_SEED)
    log = (folder / "mastodon.log").open("wb")
    command = [
        str(PROGRAM),
        "serve",
        "--config",
        str(config),
        "--in-memory",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/api/v2/instance", process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)
        log.close()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    ends_at = time.monotonic() + 60
    while time.monotonic() < ends_at and process.poll() is None:
        with suppress(Temporary):
            http.get(url)
            return
        time.sleep(0.05)
    raise AssertionError(f"the server does not answer at {url}")
