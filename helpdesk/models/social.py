"""Social channels: accounts on other people's platforms, conversations there, and what their messages are called."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models.fields import SealedJSONField
from helpdesk.models.people import Identity
from helpdesk.models.tickets import Message, Ticket
from helpdesk.models.transport import Channel


class SocialTrouble(models.TextChoices):
    """Why the newest delivery or look was not taken."""

    NONE = "", "—"
    FORGED = "forged", _("A delivery could not prove that it comes from the platform. Compare the secret.")
    UNREADABLE = "unreadable", _("A delivery could not be read. It is kept under Quarantine.")
    TOO_LARGE = "too-large", _("A delivery was larger than one may be.")
    REFUSED = "refused", _("The platform refuses the credentials.")
    UNREACHABLE = "unreachable", _("The platform can't be reached just now. The desk tries again by itself.")


class SocialAccount(models.Model):
    """The social side of a channel: whose account it is, and how the desk gets in.

    ``key`` is the part of the webhook's address that nobody guesses. ``settings`` and ``secrets`` hold the fields that
    the connector names; secrets are sealed.
    """

    Trouble: ClassVar[type[SocialTrouble]] = SocialTrouble

    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, related_name="social_account")
    provider = models.CharField(max_length=16, help_text="Channel.kind: helpdesk.connectors.registry.SOCIAL")
    settings = models.JSONField(default=dict, blank=True)
    secrets = SealedJSONField(default=dict, blank=True)
    key = models.CharField(max_length=43, unique=True)
    name = models.CharField(max_length=190, blank=True, help_text="What it is called there.")
    cursor = models.CharField(max_length=500, blank=True, help_text="How far it is read, where the desk asks.")
    next_poll_at = models.DateTimeField(null=True, blank=True, help_text="Empty: it comes by webhook.")
    lease_until = models.DateTimeField(null=True, blank=True, help_text="Somebody asks just now.")
    last_event_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=12, choices=SocialTrouble, blank=True)
    trouble_at = models.DateTimeField(null=True, blank=True)
    trouble_detail = models.CharField(max_length=300, blank=True, help_text="In the platform's words.")
    checked_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When the credentials end.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=~Q(key=""), name="social_account_has_key"),)

    def __str__(self) -> str:
        return self.name or self.channel.name


class SocialTemplate(models.Model):
    """A text that the platform has approved for an account: what can still be sent when free words are not taken."""

    account = models.ForeignKey(SocialAccount, on_delete=models.CASCADE, related_name="templates")
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=20)
    category = models.CharField(max_length=40, blank=True)
    text = models.TextField()
    places = models.JSONField(
        default=list, blank=True, help_text='What stands in {{…}}, in order: ["1", "2"] or names.'
    )

    class Meta:
        ordering = ("name", "language")
        constraints = (models.UniqueConstraint(fields=["account", "name", "language"], name="social_template_once"),)

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"


class SocialThread(models.Model):
    """A conversation on a platform: a private chat with somebody, or a public post with its answers.

    Its row is held while something of it is worked on, so that what belongs together happens in order.
    """

    account = models.ForeignKey(SocialAccount, on_delete=models.CASCADE, related_name="threads")
    external_id = models.CharField(max_length=250)
    identity = models.ForeignKey(Identity, null=True, on_delete=models.SET_NULL, related_name="social_threads")
    ticket = models.ForeignKey(
        Ticket, null=True, on_delete=models.SET_NULL, related_name="social_threads", help_text="Where it goes on."
    )
    is_public = models.BooleanField(default=False)
    last_customer_at = models.DateTimeField(null=True, blank=True, help_text="From then on the reply window runs.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "external_id"], name="social_thread_once"),)


class SocialPost(models.Model):
    """What a message is called on its platform, and what became of it there.

    Without a message: a deletion that came before what it deletes. ``external_id`` is '' until the message is sent.
    """

    thread = models.ForeignKey(SocialThread, on_delete=models.CASCADE, related_name="posts")
    message = models.OneToOneField(Message, null=True, on_delete=models.CASCADE, related_name="social_post")
    external_id = models.CharField(max_length=250, blank=True)
    url = models.URLField(max_length=500, blank=True)
    is_public = models.BooleanField(default=False)
    delivered_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["thread", "external_id"], name="social_post_once", condition=~Q(external_id="")
            ),
            models.CheckConstraint(
                condition=~Q(message=None) | ~Q(deleted_at=None), name="social_post_has_message_or_is_deleted"
            ),
        )
        # A receipt may not name its conversation.
        indexes = (models.Index(fields=["external_id"], name="social_post_name", condition=~Q(external_id="")),)


class SocialPart(models.Model):
    """One of the several messages that an answer of ours became on its platform, the first of them too.

    What went out as one message has none.
    """

    post = models.ForeignKey(SocialPost, on_delete=models.CASCADE, related_name="parts")
    place = models.PositiveSmallIntegerField(help_text="From 0, in the order in which people read them.")
    external_id = models.CharField(max_length=250)
    delivered_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("post", "place")
        constraints = (models.UniqueConstraint(fields=["post", "place"], name="social_part_place"),)
        indexes = (models.Index(fields=["external_id"], name="social_part_name"),)
