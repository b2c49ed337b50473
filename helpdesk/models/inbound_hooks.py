"""Addresses on the web at which a mail service hands over what it has received."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models.fields import SealedTextField
from helpdesk.models.transport import Mailbox


class MailService(models.TextChoices):
    """Whose deliveries the desk can read and check."""

    MAILGUN = "mailgun", "Mailgun"
    POSTMARK = "postmark", "Postmark"
    SENDGRID = "sendgrid", "SendGrid"
    SES = "ses", "Amazon SES"


class HookTrouble(models.TextChoices):
    """Why the newest delivery was not taken."""

    NONE = "", "—"
    FORGED = "forged", _("It could not prove that it comes from the service. Compare the key below with the service's.")
    NOT_RAW = "not-raw", _("It held no complete mail. Turn on “raw” or “MIME” delivery at the service.")
    UNREADABLE = "unreadable", _("It could not be read as a delivery of this service.")
    TOO_LARGE = "too-large", _("It was larger than a mail may be.")
    UNCONFIRMED = "unconfirmed", _("The subscription could not be confirmed. Ask the service to send it again.")


class InboundHook(models.Model):
    """The one service that delivers to a mailbox by webhook. ``key`` is the part of the address that nobody guesses."""

    Trouble = HookTrouble

    mailbox = models.OneToOneField(Mailbox, on_delete=models.CASCADE, related_name="inbound_hook")
    service = models.CharField(max_length=12, choices=MailService)
    key = models.CharField(max_length=43, unique=True)
    secret = SealedTextField(
        help_text="Mailgun: signing key; Postmark, SendGrid: password of the address; SES: ARN of the SNS topic."
    )
    delivered_at = models.DateTimeField(null=True, help_text="When the service last handed over a mail.")
    trouble = models.CharField(max_length=12, choices=HookTrouble, blank=True)
    trouble_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(service__in=MailService.values), name="inbound_hook_service_known"),
            models.CheckConstraint(condition=~Q(key=""), name="inbound_hook_has_key"),
        )

    def __str__(self) -> str:
        return f"{self.get_service_display()} → {self.mailbox}"
