"""What a customer allows the desk to send, and by which kind of channel. Append-only: the newest word counts."""

from typing import Any, Never

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models.journal import AppendOnlyError
from helpdesk.models.people import Agent, Contact
from helpdesk.models.tickets import Message


class Purpose(models.TextChoices):
    """Why the desk writes to somebody."""

    SERVICE = "service", _("Answers and service")
    FEEDBACK = "feedback", _("Feedback requests")
    NEWS = "news", _("News about what they use")
    MARKETING = "marketing", _("Marketing")


#: Nobody has to allow these: the customer asked, or we may ask how it was. They can be forbidden.
ALLOWED_UNLESS_REFUSED = frozenset({Purpose.SERVICE, Purpose.FEEDBACK})


class LegalBasis(models.TextChoices):
    """On what the desk relies (GDPR, article 6); an objection is article 21."""

    CONSENT = "consent", _("Consent")
    CONTRACT = "contract", _("Contract")
    INTEREST = "interest", _("Legitimate interest")
    OBLIGATION = "obligation", _("Legal obligation")
    OBJECTION = "objection", _("Objection or withdrawal")


class ConsentSource(models.TextChoices):
    """How the desk came to know."""

    TICKET = "ticket", _("The customer wrote it")
    PHONE = "phone", _("The customer said it")
    FORM = "form", _("A form")
    UNSUBSCRIBED = "unsubscribed", _("The customer unsubscribed")
    IMPORT = "import", _("Brought along from another system")
    KEPT = "kept", _("Kept when the data was erased")


class Consent(models.Model):
    """One word of a customer on one purpose, for one kind of channel or for all; never changed, only followed."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=12, choices=Purpose)
    channel_kind = models.CharField(max_length=16, blank=True, help_text="Channel.Kind; empty: every kind.")
    is_allowed = models.BooleanField()
    basis = models.CharField(max_length=12, choices=LegalBasis)
    source = models.CharField(max_length=12, choices=ConsentSource)
    proof = models.TextField(blank=True, help_text="What shows it: words, the version of a form, a reference.")
    message = models.ForeignKey(
        Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="In which it stands."
    )
    author = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    given_at = models.DateTimeField(help_text="When the customer said so.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="consent_purpose_known"),
            models.CheckConstraint(
                condition=~Q(basis="objection") | Q(is_allowed=False), name="consent_objection_refuses"
            ),
        )
        indexes = (models.Index(fields=["contact", "purpose", "-id"], name="consent_of_contact"),)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; raises AppendOnlyError for a word that is already written down."""
        if not self._state.adding:
            raise AppendOnlyError("consents are append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        """Raises AppendOnlyError, always: consents go with their contact only."""
        raise AppendOnlyError("consents are append-only")


class Suppression(models.Model):
    """A refusal or ban of somebody who was erased, until the address turns up again (docs/adr/0030).

    The hash is keyed (HMAC) and tells nobody without the desk's key whose address it is.
    """

    address_hash = models.CharField(max_length=40, help_text="HMAC of kind and value of an identity.")
    purpose = models.CharField(
        max_length=12, blank=True, choices=Purpose, help_text="What is refused; empty: mail from there opens as spam."
    )
    channel_kind = models.CharField(max_length=16, blank=True, help_text="As in Consent.")
    at = models.DateTimeField(help_text="When it was said.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["address_hash", "purpose", "channel_kind"], name="suppression_once"),
            models.CheckConstraint(condition=~Q(address_hash=""), name="suppression_of_an_address"),
        )
