"""Segments are made, changed and deleted by leads; rules name them, so one that is named stays."""

import json
from datetime import datetime

from django.db import transaction
from django.utils.text import slugify

from helpdesk.actions import changes
from helpdesk.models import Agent, Segment
from helpdesk.queries.segments import Criteria
from routing_rules.models import Rule


class SegmentInUse(ValueError):
    """A rule names it; the text is the rule's name."""


@transaction.atomic
def save_segment(*, segment: Segment | None, name: str, criteria: Criteria, by: Agent | None, at: datetime) -> Segment:
    """Write a segment, new or not. Its word in rules is made of its first name and stays."""
    row = segment or Segment(slug=_free_slug(name), author=by, created_at=at)
    before = {"name": row.name, "criteria": row.criteria} if row.pk else {}
    row.name, row.criteria, row.changed_at = name, criteria.as_data(), at
    row.save()
    details = changes.differences(before, {"name": row.name, "criteria": row.criteria})
    if details:
        change = "changed" if segment else "created"
        changes.record(what="segment", name=name, change=change, by=by, at=at, details=details)
    return row


@transaction.atomic
def delete_segment(*, segment: Segment, by: Agent, at: datetime) -> None:
    """Do without it. Raises SegmentInUse while a rule names it."""
    for rule in Rule.objects.select_for_update():
        if _names(rule.condition, segment.slug):
            raise SegmentInUse(rule.name)
    segment.delete()
    changes.record(what="segment", name=segment.name, change="deleted", by=by, at=at)


def _names(condition: object, slug: str) -> bool:
    written = json.dumps(condition)
    return '"segments"' in written and json.dumps(slug) in written


def _free_slug(name: str) -> str:
    base = slugify(name)[:40] or "segment"
    taken = set(Segment.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(each for each in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if each not in taken)
