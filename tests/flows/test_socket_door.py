"""Whose pages may open an agent's socket: those of the desk, since the browser sends the agent's cookie in any case."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.conf import settings as django_settings
from pytest_django import Settings

from helpdesk.console.socket_door import OwnPagesOnly


async def accepting(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})


def is_let_in(origin: str | None, host: str) -> bool:
    headers = [(b"host", host.encode()), *([(b"origin", origin.encode())] if origin is not None else [])]

    async def knock() -> bool:
        is_open, _code = await WebsocketCommunicator(OwnPagesOnly(accepting), "/ws/", headers=headers).connect(20)
        return is_open

    standing = asyncio._get_running_loop()  # see tests/flows/chat_clients.py: a browser test may have left its loop
    asyncio._set_running_loop(None)
    try:
        return bool(async_to_sync(knock)())
    finally:
        asyncio._set_running_loop(standing)


class TestAnAgentsSocket:
    @pytest.fixture(autouse=True)
    def public(self, settings: Settings) -> None:
        settings.SITE_URL = "https://desk.example.org"
        settings.ALLOWED_HOSTS = [".example.org"]

    @pytest.mark.parametrize(
        ("origin", "host"),
        [
            ("https://desk.example.org", "desk.example.org"),
            ("https://desk.example.org", "127.0.0.1:8000"),  # behind a proxy that doesn't pass the host on
            ("https://help.example.org:8443", "help.example.org:8443"),
        ],
    )
    def test_opens_for_pages_of_the_desk(self, origin: str, host: str) -> None:
        assert is_let_in(origin, host)

    @pytest.mark.parametrize(
        "origin",
        [
            "https://desk.example.org:8001",  # another server on the same machine: cookies know no ports
            "http://desk.example.org",
            "https://shop.example.org",  # an allowed host, but somebody else's page
            "https://evil.example",
            "null",
            None,
        ],
    )
    def test_stays_shut_for_those_of_anybody_else(self, origin: str | None) -> None:
        assert not is_let_in(origin, "desk.example.org")

    def test_is_behind_that_door(self) -> None:
        Path(django_settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # its files are listed at the import
        from helpdesk import asgi

        assert isinstance(asgi._agents, OwnPagesOnly)
