"""Who is who: what each source says of a contact, what is claimed, which contacts are one person (docs/adr/0022)."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models.people import Agent, Contact, IdentityKind


class ContactValue(models.Model):
    """What one source says one attribute of a contact is: the newest word of that source.

    The contact's own field holds the value of the highest rank; all others stand here as suggestions.
    """

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="values")
    attribute = models.CharField(max_length=40, help_text="A field of Contact, or a word of the desk's own.")
    value = models.TextField(blank=True, help_text="Empty: an agent says that there is none.")
    source = models.CharField(max_length=40)
    rank = models.SmallIntegerField(help_text="A lower one never overwrites a higher one.")
    verified_at = models.DateTimeField(null=True, blank=True)
    author = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(help_text="When the source said so.")
    dismissed_at = models.DateTimeField(null=True, blank=True, help_text="Somebody doesn't want it suggested.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["contact", "attribute", "source"], name="contact_value_once"),
            models.CheckConstraint(condition=~Q(source="") & ~Q(attribute=""), name="contact_value_has_source"),
        )


class SourceRank(models.Model):
    """An admin's word on which source is master of what; where there is none, actions.contacts.RANKS holds."""

    attribute = models.CharField(max_length=40, blank=True, help_text="Empty: of every attribute.")
    source = models.CharField(max_length=40)
    rank = models.SmallIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["attribute", "source"], name="source_rank_once"),)


class Claim(models.Model):
    """Somebody says that an address is theirs. It opens nothing until it is proved or an agent links it."""

    class Outcome(models.TextChoices):
        """What became of it."""

        OPEN = "", _("Open")
        LINKED = "linked", _("Linked")
        DISMISSED = "dismissed", _("Not theirs")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="claims")
    kind = models.CharField(max_length=16, choices=IdentityKind)
    value = models.CharField(max_length=320, help_text="As in Identity.value.")
    source = models.CharField(max_length=40, help_text="Where it was said: chat, telegram, api …")
    evidence = models.CharField(max_length=200, help_text="What was said, in a word or two.")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["contact", "kind", "value"], name="claim_once"),
            models.CheckConstraint(condition=~Q(value=""), name="claim_of_something"),
        )
        indexes = (models.Index(fields=["kind", "value"], name="claim_address", condition=Q(outcome="")),)


class Merge(models.Model):
    """Two contacts are one person from ``at`` on. What it moved is written down, so that it can be undone for ever."""

    kept = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="merges")
    folded = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="merges_away")
    evidence = models.CharField(max_length=200, blank=True, help_text="Why they are one person.")
    moved = models.JSONField(
        default=dict, help_text='{"helpdesk.Ticket.contact": [ids]}: what pointed at the folded one.'
    )
    newest = models.JSONField(
        default=dict,
        help_text='{"helpdesk.Ticket.contact": id}: the newest row of each table then; later ones are new.',
    )
    by = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    undone_by = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["folded"], condition=Q(undone_at=None), name="merge_one_standing"),
            models.CheckConstraint(condition=~Q(kept=F("folded")), name="merge_of_two"),
        )


class NotSame(models.Model):
    """Somebody has looked: these two are different people, whatever they have in common."""

    one = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["one", "other"], name="not_same_once"),
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="not_same_in_order"),
        )
