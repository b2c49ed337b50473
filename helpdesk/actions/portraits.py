"""Pictures of agents: their own to choose and to take away."""

import secrets
from datetime import datetime

from django.db import transaction

from helpdesk import portraits
from helpdesk.actions import changes
from helpdesk.models import Agent, Portrait


def choose(*, agent: Agent, content: bytes, at: datetime) -> Portrait:
    """Show ``content`` (see helpdesk.portraits) for ``agent`` from now on. Raises portraits.NotAPicture."""
    drawn = portraits.redrawn(content)
    with transaction.atomic():
        row = Portrait.objects.create(key=secrets.token_urlsafe(16), content=drawn)
        _replace(agent, row, by=agent, at=at)
    return row


@transaction.atomic
def remove(*, agent: Agent, by: Agent | None, at: datetime) -> None:
    """Take the picture of ``agent`` away, if there is one."""
    _replace(agent, None, by=by, at=at)


def _replace(agent: Agent, row: Portrait | None, *, by: Agent | None, at: datetime) -> None:
    stored = Agent.objects.select_for_update().get(pk=agent.pk)
    former, stored.portrait = stored.portrait_id, row
    if former is None and row is None:
        return
    stored.save(update_fields=["portrait"])
    if former is not None:
        Portrait.objects.filter(pk=former).delete()
    change = "portrait-chosen" if row else "portrait-removed"
    changes.record(what="agent", name=stored.name, change=change, by=by, at=at)
    agent.portrait = row
