"""Who is there: what agents say of themselves, and when their consoles were last heard of."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Q

from helpdesk.models import Agent, PresenceChoice

#: A console says so often that it is there; several consoles of one agent say it once.
BEAT_SECONDS = 30.0


def choose_presence(*, agent: Agent, presence: PresenceChoice, at: datetime) -> None:
    """Say that ``agent`` is available, away, or not to be disturbed, from now on; nothing for what is so already."""
    changed = Agent.objects.filter(pk=agent.pk).exclude(presence=presence)
    if changed.update(presence=presence, presence_since=at):
        agent.presence, agent.presence_since = presence, at


def note_seen(*, agent_id: int, at: datetime) -> None:
    """A console of the agent is connected. Who had been gone is present since now."""
    note_all_seen(agent_ids=[agent_id], at=at)


def note_all_seen(*, agent_ids: Collection[int], at: datetime) -> None:
    """`note_seen` of several agents at once."""
    long_ago = at - timedelta(seconds=BEAT_SECONDS / 2)
    rows = Agent.objects.filter(Q(seen_at=None) | Q(seen_at__lt=long_ago), pk__in=agent_ids)
    if agent_ids and rows.exists():  # an update that changes nothing waits for SQLite's writer like any other
        rows.update(seen_at=at)
