"""What the desk knows of customers beyond their addresses: organisations' domains, notes, other systems, segments."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from helpdesk.models.people import Agent, Contact, Organisation
from helpdesk.models.tickets import Ticket


class OrganisationDomain(models.Model):
    """A mail domain of an organisation: who writes from it for the first time belongs to it."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="domains")
    name = models.CharField(max_length=190, unique=True, help_text="Lower case.")

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(condition=Q(name=Lower("name")) & ~Q(name=""), name="organisation_domain_lower"),
        )

    def __str__(self) -> str:
        return self.name


class ContactNote(models.Model):
    """What a colleague wrote down about a customer, or what was agreed with them. It is never overwritten."""

    class Kind(models.TextChoices):
        NOTE = "note", _("Note")
        AGREED = "agreed", _("Agreed")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="written_notes")
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.NOTE)
    text = models.TextField()
    author = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    ticket = models.ForeignKey(
        Ticket, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="Where it was agreed."
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True, help_text="It holds no longer; it stays in the timeline.")
    ended_by = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=["note", "agreed"]), name="contact_note_kind_known"),
            models.CheckConstraint(condition=~Q(text=""), name="contact_note_says_something"),
        )
        indexes = (models.Index(fields=["contact", "-created_at", "-id"], name="contact_note_newest"),)


class ExternalSystem(models.Model):
    """A system of the company that tells the desk about its records: the shop, the ERP, the invoicing."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token, which is shown once.")
    is_active = models.BooleanField(default=True)
    put_at = models.DateTimeField(null=True, blank=True, help_text="When it last told us something.")
    trouble = models.CharField(max_length=300, blank=True, help_text="Why its newest call was refused.")
    trouble_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class ExternalRecord(models.Model):
    """An order, an invoice, a contract of another system, which is its master: here it is only read.

    It belongs to an address, not to a contact: so it is there before the customer first writes, and follows the
    address through merges and back.
    """

    system = models.ForeignKey(ExternalSystem, on_delete=models.CASCADE, related_name="records")
    external_id = models.CharField(max_length=120)
    kind = models.CharField(max_length=40, help_text="What it is, in the system's word: order, invoice …")
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=60, blank=True)
    amount = models.CharField(max_length=40, blank=True, help_text="As it is to be shown: 129.90 EUR.")
    url = models.CharField(max_length=500, blank=True)
    fields = models.JSONField(default=dict, blank=True, help_text='{"Carrier": "Posti"}: what else is shown.')
    owner_kind = models.CharField(max_length=16, blank=True, help_text="Identity.kind of whose it is; empty: nobody's.")
    owner_value = models.CharField(max_length=320, blank=True, help_text="Identity.value of whose it is.")
    domain = models.CharField(max_length=190, blank=True, help_text="A domain of the organisation whose it is.")
    at = models.DateTimeField(help_text="When it happened, by the system's clock: its place in the timeline.")
    put_at = models.DateTimeField(help_text="When the system last told us.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["system", "external_id"], name="external_record_once"),
            models.CheckConstraint(condition=~Q(owner_value="") | ~Q(domain=""), name="external_record_has_owner"),
        )
        indexes = (
            models.Index(fields=["owner_value", "owner_kind", "-at"], name="external_record_owner"),
            models.Index(fields=["domain", "-at"], name="external_record_domain", condition=~Q(domain="")),
        )


class Segment(models.Model):
    """Customers with something in common, by criteria that are looked at whenever somebody asks."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(unique=True, help_text="Rules name it by this.")
    criteria = models.JSONField(help_text="helpdesk.queries.segments.Criteria")
    author = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
