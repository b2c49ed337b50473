"""The person's own rows: contact, addresses, visits, and all that hangs on them."""

from typing import Any

from django.db import models, transaction

from helpdesk.actions import suppressions
from helpdesk.actions.erasing.sweep import candidates
from helpdesk.actions.erasing.task import Task, identities_of
from helpdesk.actions.erasing.tickets import blank_entry
from helpdesk.models import (
    ChatUpload,
    Claim,
    Contact,
    Entry,
    ExternalRecord,
    Identity,
    Participant,
    SocialPost,
    SocialThread,
    Visitor,
    VisitorToken,
)


@transaction.atomic
def erase_person(*, task: Task) -> None:
    """Delete contact and addresses; a visitor's row stays without anything in it, since its chats are counted."""
    for entry in Entry.objects.filter(contact__in=task.contacts, kind=Entry.Kind.PERSON_CHANGED):
        blank_entry(entry, task)
    task.count("refusals kept", suppressions.keep(contacts=task.contacts))
    identities = [each.pk for each in identities_of(task.contacts)]
    Participant.objects.filter(identity__in=identities).delete()
    for each in identities_of(task.contacts):  # the other system is master of these, and keeps what it must
        gone, _ = ExternalRecord.objects.filter(owner_kind=each.kind, owner_value=each.value).delete()
        task.count("records of other systems", gone)
    _forget_claims_of_others(task)
    _forget_conversations_elsewhere(identities, task)
    _blank_visitors(task)
    _let_go(Identity, identities)
    _let_go(Contact, task.contacts)
    Identity.objects.filter(pk__in=identities).delete()
    task.count("addresses", len(identities))
    Contact.objects.filter(pk__in=task.contacts).delete()


def _forget_claims_of_others(task: Task) -> None:
    """Somebody else says that an address of the person is theirs: without the address there is nothing to claim."""
    if task.signs.is_empty:
        return
    for claim in candidates(Claim, task.signs):
        if isinstance(claim, Claim) and task.signs.found_in(claim.value):
            task.count("claims of others", claim.delete()[0])


def _forget_conversations_elsewhere(identities: list[int], task: Task) -> None:
    """What a conversation on a platform is called there leads straight to the person."""
    rows = SocialThread.objects.filter(models.Q(identity__in=identities) | models.Q(ticket__in=task.tickets))
    SocialPost.objects.filter(thread__in=rows, message=None).delete()
    for thread in rows:
        thread.external_id = f"{task.signs.mark} {thread.pk}"
        thread.identity = None
        thread.save(update_fields=["external_id", "identity"])


def _blank_visitors(task: Task) -> None:
    visitors = Visitor.objects.filter(contact__in=task.contacts)
    numbers = list(visitors.values_list("pk", flat=True))
    VisitorToken.objects.filter(visitor__in=numbers).delete()
    uploads = ChatUpload.objects.filter(visitor__in=numbers)
    task.old_blobs.update(uploads.values_list("blob", flat=True))
    uploads.delete()
    Visitor.objects.filter(pk__in=numbers).update(
        contact=None,
        subject="",
        verified_address="",
        claimed_name="",
        claimed_address="",
        page={},
        pages=[],
        fields={},
        online_until=None,
    )
    task.count("visits", len(numbers))


def _let_go(model: type[models.Model], numbers: list[int]) -> None:
    """Rows that must not go with the person, and would keep them from going, name nobody any more."""
    for relation in model._meta.related_objects:
        field: Any = relation.field
        keeps = relation.on_delete in {models.PROTECT, models.RESTRICT}
        if keeps and field.null:
            relation.related_model._default_manager.filter(**{f"{field.name}__in": numbers}).update(
                **{field.name: None}
            )
