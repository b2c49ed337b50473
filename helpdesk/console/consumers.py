"""The console's one socket: where the journal stands and which ticket moved. What moved is fetched through views.

An agent's socket is in the groups of their teams; an admin's in those of every team. Membership is read at connect
and again each half a minute, so a changed team takes effect without a new login (docs/adr/0006); at the same moments
the socket says that its agent is there.
"""

import asyncio
import contextlib
import logging
from typing import Any

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db import DatabaseError
from django.utils import timezone

from helpdesk.actions.presence import BEAT_SECONDS, note_seen
from helpdesk.models import Agent
from helpdesk.queries.tickets import teams_of

log = logging.getLogger(__name__)

#: Close codes of the application range: not logged in, and no longer allowed.
NOT_LOGGED_IN = 4401


class ConsoleConsumer(AsyncJsonWebsocketConsumer):
    """Server to browser: ``{"cursor": journal id, "ticket": id or null}``. The browser has nothing to say."""

    agent_id = 0
    joined: frozenset[str] = frozenset()
    refreshing: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        agent: object = self.scope.get("user")
        if not isinstance(agent, Agent) or not agent.is_active:
            await self.accept()  # a refused handshake reaches the browser as code 1006, which says nothing
            await self.close(code=NOT_LOGGED_IN)
            return
        self.agent_id = agent.pk
        await self._join(await sync_to_async(_groups)(self.agent_id))
        await self.accept()
        self.refreshing = asyncio.create_task(self._refresh())

    async def disconnect(self, code: int) -> None:
        if self.refreshing is not None:
            self.refreshing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.refreshing
        await self._join(frozenset())

    async def receive_json(self, content: Any, **_options: Any) -> None:
        """Anything a browser sends is dropped."""

    async def hint(self, message: dict[str, Any]) -> None:
        """From ``live.publish``."""
        await self.send_json({"cursor": message["cursor"], "ticket": message["ticket"]})

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            groups = await sync_to_async(_groups)(self.agent_id)
            if not groups:
                await self.close(code=NOT_LOGGED_IN)
                return
            await self._join(groups)

    async def _join(self, groups: frozenset[str]) -> None:
        for name in groups - self.joined:
            await self.channel_layer.group_add(name, self.channel_name)
        for name in self.joined - groups:
            await self.channel_layer.group_discard(name, self.channel_name)
        self.joined = groups


def _groups(agent_id: int) -> frozenset[str]:
    """The groups of an agent, who is seen to be there; none for one who may no longer log in."""
    agent = Agent.objects.filter(pk=agent_id, is_active=True).first()
    if agent is None:
        return frozenset()
    try:
        note_seen(agent_id=agent.pk, at=timezone.now())
    except DatabaseError as error:  # the next beat says it again
        log.warning("presence of agent %s is not written: %s", agent.pk, error)
    teams = teams_of(agent).values_list("pk", flat=True)
    return frozenset({f"agent.{agent.pk}", *(f"team.{team}" for team in teams)})
