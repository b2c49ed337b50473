"""A chat socket's plumbing: what Channels does for each frame, without what chats don't need."""

import json
from typing import Any

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from helpdesk.widget.frames import Frame

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class ChatSocket(AsyncWebsocketConsumer):
    """A socket that takes no part in the channel layer: the hub listens for all of a process.

    Channels goes to a thread and back before each frame, to close old database connections there, and waits for each
    frame in a task of its own: a fifth of what a chat message cost. Here each question to the database does the first
    by itself, and there is one source to wait for.
    """

    channel_layer_alias = None  # type: ignore[assignment]  # one subscription a process, not one a socket

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self.base_send = scope, send
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            return

    async def dispatch(self, message: Any) -> None:
        await getattr(self, get_handler_name(message))(message)

    async def put(self, frame: Frame) -> None:
        """To the other end."""
        await self.send(_encode(frame))
