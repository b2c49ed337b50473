"""An agent's browser as far as times go: one keep-alive connection, logged in; the client that measured other desks."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Sequence
from typing import Any

from benchmarks import workload
from benchmarks.place import Place

WARM_UP = 5


class Browser:
    """Logged in as the agent; each fetch must bring a 200 and an expected text: no error page counts as fast."""

    def __init__(self, place: Place, *, email: str, password: str) -> None:
        self._client: Any = workload.tool("http_latency").Client(place.url, {})
        self._client.login("/login/", {"username": email, "password": password})

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self._client.cookies)

    def ask_for_fragments(self) -> None:
        """From now on fetch like the page's own scripts, which get a part of the page."""
        self._client.headers["HX-Request"] = "true"

    def fetch(self, path: str, *, expect: str = "") -> str:
        """The page as text with its entities resolved. Raises ValueError for anything but the expected page."""
        status, content, _ = self._client.request(path)
        text = html.unescape(content.decode("utf-8", "replace"))
        if status != 200 or expect not in text:
            shown = re.sub(r"<[^>]+>|\s+", " ", text)[:300]
            raise ValueError(f"{path}: status {status}, expected {expect!r}: {shown}")
        return text

    def time(self, paths: Sequence[str], *, rounds: int, expect: str = "") -> list[float]:
        """Milliseconds of each fetch after a short warm-up; the paths take turns, so that no cache is measured."""
        samples = []
        for turn in range(-WARM_UP, rounds):
            path = paths[turn % len(paths)]
            began = time.perf_counter()
            self.fetch(path, expect=expect)
            if turn >= 0:
                samples.append((time.perf_counter() - began) * 1000)
        return samples
