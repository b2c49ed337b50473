"""The texts that platforms have approved: kept here, so that nobody waits for a platform while choosing one."""

import re
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from helpdesk.actions import changes
from helpdesk.connectors.social import Approved, Template
from helpdesk.models import Agent, SocialAccount, SocialTemplate

_PLACE = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,60})\s*\}\}")
_TEXTS = ("category", "text", "places")


@transaction.atomic
def store(*, account: SocialAccount, found: Sequence[Approved], by: Agent | None, at: datetime) -> bool:
    """Keep what the platform has approved by now, and nothing else; False when that is what is there already."""
    SocialAccount.objects.select_for_update().get(pk=account.pk)
    wanted = {(each.name[:512], each.language[:20]): each for each in found}
    stored = {(row.name, row.language): row for row in SocialTemplate.objects.filter(account=account)}
    gone = [row.pk for key, row in stored.items() if key not in wanted]
    new = [_row(account, each) for key, each in wanted.items() if key not in stored]
    other = [_changed(stored[key], each) for key, each in wanted.items() if key in stored]
    changed = [row for row in other if row is not None]
    if not (gone or new or changed):
        return False
    SocialTemplate.objects.filter(pk__in=gone).delete()
    SocialTemplate.objects.bulk_create(new)
    SocialTemplate.objects.bulk_update(changed, _TEXTS)
    details = {"added": sorted({row.name for row in new}), "count": len(wanted)}
    changes.record(what="channel", name=account.channel.name, change="templates", by=by, at=at, details=details)
    return True


def filled(*, template: SocialTemplate, values: Sequence[str]) -> tuple[str, Template]:
    """The words that the customer will read, and what is sent for them. Raises ValueError for a place left empty."""
    places = [str(place) for place in template.places]
    given = [value.strip() for value in values]
    if len(given) != len(places) or not all(given):
        raise ValueError("a place is empty")
    by_place = dict(zip(places, given, strict=True))
    text = _PLACE.sub(lambda found: by_place.get(found[1], found[0]), template.text)
    sent = Template(name=template.name, language=template.language, values=tuple(given), places=tuple(places))
    return text, sent


def _row(account: SocialAccount, each: Approved) -> SocialTemplate:
    return SocialTemplate(
        account=account,
        name=each.name[:512],
        language=each.language[:20],
        category=each.category[:40],
        text=each.text,
        places=list(each.places),
    )


def _changed(row: SocialTemplate, each: Approved) -> SocialTemplate | None:
    """The row as it should be; None when it is."""
    wanted = _row(row.account, each)
    if all(getattr(row, name) == getattr(wanted, name) for name in _TEXTS):
        return None
    for name in _TEXTS:
        setattr(row, name, getattr(wanted, name))
    return row
