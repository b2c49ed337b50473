"""Two contacts turn out to be one person; and, any time later, turn out not to be (docs/adr/0022).

A merge moves whatever points at the folded contact to the kept one, and writes down what it moved. Undoing moves that
back, as far as nobody has moved it elsewhere since; what is newer follows the address that it came by.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.actions import attributes
from helpdesk.actions.indexing import index_ticket
from helpdesk.actions.journal import Line, record, record_each
from helpdesk.models import Agent, Contact, Entry, Merge, Ticket
from helpdesk.queries.linking_people import TICKETS, Link, came_by, moving_links, root_of

#: Ids in one statement; SQLite takes no more than some thousands.
CHUNK = 500
#: No mail or message takes so long from the first look at whose an address is to its commit.
UNDER_WAY = timedelta(minutes=10)


class CannotMerge(ValueError):
    """These two can't become one; the text says why."""


class CannotUndo(ValueError):
    """There is nothing to undo; the text says why."""


@dataclass(slots=True)
class Moved:
    """Ids by link: what went to another contact."""

    ids: dict[str, list[int]] = field(default_factory=dict)

    def count(self, label: str) -> int:
        return len(self.ids.get(label, ()))


@transaction.atomic
def merge(*, kept: Contact, folded: Contact, by: Agent, evidence: str = "", at: datetime | None = None) -> Merge:
    """From now on they are one person: everything of ``folded`` is ``kept``'s. Raises CannotMerge."""
    at = at or timezone.now()
    kept, folded = _held(kept, folded)
    if kept.pk == folded.pk:
        raise CannotMerge(_("That is the same customer."))
    if kept.merged_into_id is not None or folded.merged_into_id is not None:
        raise CannotMerge(_("One of them has just been merged into somebody else; look again."))
    for each in (kept, folded):
        attributes.note_direct(each)
    links = moving_links()
    newest = {link.label: link.rows.aggregate(newest=Max("pk"))["newest"] or 0 for link in links}
    moved = {link.label: move(link, link.movable(source=folded.pk, target=kept.pk), to=kept.pk) for link in links}
    moved = {label: ids for label, ids in moved.items() if ids}
    done = Merge.objects.create(
        kept=kept, folded=folded, evidence=evidence[:200], moved=moved, newest=newest, by=by, at=at
    )
    Contact.objects.filter(pk=folded.pk).update(merged_into=kept)
    if not _is_renamed(attributes.settle(kept)):
        _index(moved)
    data = {"merge": done.pk, "from": str(folded), "into": str(kept), "evidence": evidence[:200]}
    record(kind=Entry.Kind.PERSON_CHANGED, contact=kept, by=by, data=data, at=at)
    told = {"merged_from": str(folded), "merged_into": str(kept)}
    _tell_tickets(moved.get(TICKETS, ()), by=by, data=told, at=at)
    return done


@transaction.atomic
def undo(*, merge: Merge, by: Agent, at: datetime | None = None) -> Moved:
    """They were two people after all: everything is back where it was. Raises CannotUndo.

    Returns what went back, with what is newer and came by an address of theirs.
    """
    at = at or timezone.now()
    merge = Merge.objects.select_for_update().get(pk=merge.pk)
    if merge.undone_at is not None:
        raise CannotUndo(_("This merge was undone already."))
    chain = _chain(merge.kept_id)
    root = chain[-1]
    for each in chain:
        attributes.note_direct(each)
    back = _Back(merge=merge, root_id=root.pk).run()
    forget([each.pk for each in chain], back)
    Contact.objects.filter(pk=merge.folded_id).update(merged_into=None)
    Merge.objects.filter(pk=merge.pk).update(undone_at=at, undone_by=by)
    for each in chain:
        attributes.settle(each)
    _index(back.ids)
    folded = Contact.objects.get(pk=merge.folded_id)
    data = {"merge": merge.pk, "undone": str(folded), "from": str(root)}
    for contact in (root, folded):
        record(kind=Entry.Kind.PERSON_CHANGED, contact=contact, by=by, data=data, at=at)
    told = {"unmerged": str(folded), "merged_into": str(root)}
    _tell_tickets(back.ids.get(TICKETS, ()), by=by, data=told, at=at)
    return back


def would_go_back(*, merge: Merge) -> Moved:
    """What `undo` would move, by link; nothing is changed."""
    return _Back(merge=merge, root_id=root_of(merge.kept).pk, is_trial=True).run()


@transaction.atomic
def catch_up(*, now: datetime) -> int:
    """Rows that came to a merged contact while it was being merged follow; returns how many.

    A mail that was under way had read whose the address was before the merge, and was stored after it. No such
    transaction takes as long as `UNDER_WAY`.
    """
    found = 0
    recent = Merge.objects.filter(undone_at=None, at__gt=now - UNDER_WAY)
    for merge in recent.select_for_update(of=("self",)).select_related("kept").order_by("pk"):
        root, before = root_of(merge.kept), found
        for link in moving_links():
            if ids := move(link, link.movable(source=merge.folded_id, target=root.pk), to=root.pk):
                merge.moved[link.label] = [*merge.moved.get(link.label, ()), *ids]
                found += len(ids)
        if found > before:
            merge.save(update_fields=["moved"])
    return found


@dataclass(slots=True)
class _Back:
    """The way back of one merge."""

    merge: Merge
    root_id: int
    is_trial: bool = False
    gone: Moved = field(default_factory=Moved)

    def run(self) -> Moved:
        """Addresses first, then what hangs on them, then what hangs on tickets."""
        for link in moving_links():
            wanted = self._recorded(link) | self._followers(link)
            if wanted:
                self.gone.ids[link.label] = self._take(link, sorted(wanted))
        self.gone.ids = {label: ids for label, ids in self.gone.ids.items() if ids}
        return self.gone

    def _take(self, link: Link, ids: Sequence[int]) -> list[int]:
        folded_id = self.merge.folded_id
        taken: list[int] = []
        for some in _chunks(ids):
            rows = link.movable(source=self.root_id, target=folded_id).filter(pk__in=some)
            taken += list(rows.values_list("pk", flat=True)) if self.is_trial else move(link, rows, to=folded_id)
        return taken

    def _recorded(self, link: Link) -> set[int]:
        return set(self.merge.moved.get(link.label, ()))

    def _followers(self, link: Link) -> set[int]:
        """Rows made after the merge, with the person still, that came by an address that goes back."""
        newest = self.merge.newest.get(link.label, 0)
        rows = link.of(self.root_id).filter(pk__gt=newest)
        return (
            set(came_by(link, rows, gone=self.gone.ids, contact_id=self.root_id).values_list("pk", flat=True))
            if rows.exists()
            else set()
        )


def move(link: Link, rows: QuerySet[Any], *, to: int) -> list[int]:
    """Let ``rows`` point at the contact ``to``; their ids."""
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    for some in _chunks(ids):
        link.rows.filter(pk__in=some).update(**{f"{link.field}_id": to})
    return ids


def _is_renamed(changed: Iterable[tuple[str, str, str]]) -> bool:
    """Then every ticket of the contact has been indexed anew already."""
    return any(attribute == "name" for attribute, _before, _after in changed)


def _index(moved: Mapping[str, Sequence[int]]) -> None:
    """Tickets that changed hands are found by the name of whose they are now."""
    for some in _chunks(moved.get(TICKETS, ())):
        for ticket in Ticket.objects.filter(pk__in=some).select_related("contact"):
            index_ticket(ticket=ticket)


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def _held(*contacts: Contact) -> list[Contact]:
    """The contacts as they are now, locked in one order whichever way they are merged."""
    rows = Contact.objects.select_for_update().filter(pk__in={each.pk for each in contacts}).order_by("pk")
    found = {each.pk: each for each in rows}
    return [found[each.pk] for each in contacts]


def _chain(contact_id: int) -> list[Contact]:
    """A contact, whom it was merged into, and so on up to the one that stands for the person; all locked."""
    while True:
        ids = [contact_id]
        while (above := Contact.objects.values_list("merged_into", flat=True).get(pk=ids[-1])) is not None:
            ids.append(above)
        rows = {each.pk: each for each in Contact.objects.select_for_update().filter(pk__in=ids).order_by("pk")}
        if rows[ids[-1]].merged_into_id is None:
            return [rows[each] for each in ids]


def forget(contact_ids: Sequence[int], gone: Moved) -> None:
    """The merges that took these rows further have nothing to give back any more."""
    for merge in Merge.objects.filter(folded__in=contact_ids, undone_at=None):
        for label, ids in gone.ids.items():
            left = set(ids)
            merge.moved[label] = [each for each in merge.moved.get(label, ()) if each not in left]
        merge.moved = {label: ids for label, ids in merge.moved.items() if ids}
        merge.save(update_fields=["moved"])


def _tell_tickets(ids: Iterable[int], *, by: Agent, data: dict[str, Any], at: datetime) -> None:
    line = Line(kind=Entry.Kind.CONTACT_CHANGED, by=by, data=data)
    for some in _chunks(list(ids)):
        record_each([(ticket, line) for ticket in Ticket.objects.filter(pk__in=some)], at=at)
