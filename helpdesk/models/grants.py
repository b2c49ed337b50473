"""Permission to open a mailbox, given by a person at Google or Microsoft (OAuth 2) instead of a password."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models.fields import SealedTextField
from helpdesk.models.transport import Mailbox


class Provider(models.TextChoices):
    """Who asks people for the permission and issues the tokens."""

    GOOGLE = "google", "Google"
    MICROSOFT = "microsoft", "Microsoft"


class GrantTrouble(models.TextChoices):
    """Why the last try gave no tokens."""

    NONE = "", "—"
    WITHDRAWN = "withdrawn", _("The connection was withdrawn or has expired. Connect the mailbox again.")
    CLIENT = "client", _("The provider does not accept the client ID or the client secret. It may have expired.")
    DECLINED = "declined", _("The provider did not give the permission.")
    UNREACHABLE = "unreachable", _("The provider can't be reached just now. The desk tries again by itself.")


class OAuthGrant(models.Model):
    """How one mailbox logs in without a password. A mailbox that has no such row logs in with its password.

    The refresh token is worth as much as a password. It may change at each use, so whoever uses it holds the lease and
    stores what comes back before anything else (`connectors.tokens`). ``refreshed_at`` tells one pair of tokens from
    the next; ``revision`` is raised by people's changes only, and each is another login to whoever follows the mailbox.
    """

    Trouble = GrantTrouble

    mailbox = models.OneToOneField(Mailbox, on_delete=models.CASCADE, related_name="oauth_grant")
    provider = models.CharField(max_length=12, choices=Provider)
    client_id = models.CharField(max_length=250)
    client_secret = SealedTextField()
    tenant = models.CharField(max_length=100, blank=True, help_text="Microsoft: the directory that the app is for.")
    account = models.CharField(max_length=190, help_text="The user name that mail servers hear beside the token.")
    revision = models.PositiveIntegerField(default=0)

    refresh_token = SealedTextField(blank=True, help_text="Empty: not connected.")
    access_token = SealedTextField(blank=True)
    expires_at = models.DateTimeField(null=True, help_text="When the access token is over; a new one is fetched then.")
    connected_at = models.DateTimeField(null=True)
    refreshed_at = models.DateTimeField(null=True, help_text="When the tokens were stored.")
    trouble = models.CharField(max_length=12, choices=GrantTrouble, blank=True)
    detail = models.TextField(blank=True, help_text="The provider's words about it.")
    lease_until = models.DateTimeField(null=True, help_text="Until then somebody is fetching a new token.")

    attempt_hash = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the state of a login under way.")
    attempt_verifier = SealedTextField(blank=True, help_text="Its PKCE verifier (RFC 7636).")
    attempt_until = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(provider__in=Provider.values), name="grant_provider_known"),
            models.CheckConstraint(condition=Q(refresh_token="") | ~Q(connected_at=None), name="grant_has_time"),
        )

    def __str__(self) -> str:
        return f"{self.get_provider_display()}: {self.account}"

    @property
    def is_connected(self) -> bool:
        """A person has given the permission, and nobody here has thrown it away."""
        return bool(self.refresh_token)

    def needs_attention(self, *, now: datetime) -> bool:
        """A person has to connect it (again), or nobody can log in with it just now."""
        if not self.is_connected or self.trouble in {GrantTrouble.WITHDRAWN, GrantTrouble.CLIENT}:
            return True
        return bool(self.trouble) and (self.expires_at is None or self.expires_at <= now)
