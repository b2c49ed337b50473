"""Live chat: its sites, its visitors, and the order in which a visitor sees what was said (docs/chat-protocol.md).

A chat is a ticket from its first message. `Message` holds what was said, as in every other channel; here stands what
only a chat has: who the visitor is, and the gapless sequence of the lines that the visitor may see.
"""

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from helpdesk.business_time import ALWAYS, Calendar
from helpdesk.models.calendars import BusinessCalendar
from helpdesk.models.fields import SealedTextField
from helpdesk.models.people import Agent, Contact
from helpdesk.models.tickets import Message, Ticket
from helpdesk.models.transport import Channel, Mailbox
from helpdesk.text import clean

#: The languages that the widget speaks.
CHAT_LANGUAGES = ("en", "fi", "sv", "de")


def all_chat_languages() -> list[str]:
    """Every language of the widget, until somebody chooses fewer."""
    return list(CHAT_LANGUAGES)


class LauncherSide(models.TextChoices):
    """The corner of the host page in which the button stands."""

    RIGHT = "right", _("Right")
    LEFT = "left", _("Left")


class ChatSite(models.Model):
    """The chat side of a channel of kind ``chat``: how the widget looks and who may show it.

    The channel's slug is its public name, in addresses and in the script line of a web site.
    """

    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, related_name="chat_site")
    title = models.CharField(max_length=60, blank=True, help_text="What visitors read; empty: the channel's name.")
    colour = models.CharField(
        max_length=7,
        default="#0b5cad",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$")],
        help_text="Brand colour, #rrggbb; the widget corrects it to readable contrast.",
    )
    side = models.CharField(max_length=5, choices=LauncherSide, default=LauncherSide.RIGHT)
    languages = models.JSONField(default=all_chat_languages, help_text="Codes of CHAT_LANGUAGES; the first is default.")
    greetings = models.JSONField(default=dict, blank=True, help_text="{language: text}; empty: the widget's own words.")
    away_texts = models.JSONField(default=dict, blank=True, help_text="{language: text} when nobody is there.")
    allowed_origins = models.JSONField(
        default=list, blank=True, help_text="Sites that may show it, e.g. https://shop.example; none: nobody may."
    )
    pre_chat_fields = models.JSONField(
        default=list, blank=True, help_text='[{"name": "name" | "email" | "phone" | own, "label": {language: text}, …}]'
    )
    is_faq_first = models.BooleanField(default=True, help_text="Answers of the FAQ are offered before a person.")
    mailbox = models.ForeignKey(
        Mailbox,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="chat_sites",
        help_text="Writes to visitors who have left; empty: the first mailbox that can send.",
    )
    calendar = models.ForeignKey(
        BusinessCalendar,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="chat_sites",
        help_text="Opening hours; empty: round the clock.",
    )
    reports_page = models.BooleanField(
        default=True, help_text="While a chat is open, agents see which page of the site the visitor is on."
    )
    shows_waiting_time = models.BooleanField(default=True)
    asks_rating = models.BooleanField(default=True)
    requires_identity = models.BooleanField(
        default=False, help_text="Only people whom the site vouches for by a signed token may chat."
    )
    return_minutes = models.PositiveSmallIntegerField(
        default=5, help_text="A customer whom nobody answers for so long goes back to the queue."
    )

    def __str__(self) -> str:
        return self.title or self.channel.name

    @property
    def hours(self) -> Calendar:
        """When somebody is there to chat, as helpdesk.business_time computes with it."""
        return self.calendar.hours if self.calendar else ALWAYS


class ChatKey(models.Model):
    """A secret by which a web site vouches for its visitors (HS256); two at a time, so that they can be changed."""

    site = models.ForeignKey(ChatSite, on_delete=models.CASCADE, related_name="keys")
    kid = models.CharField(max_length=16, help_text="Names the key in the token's header.")
    secret = SealedTextField()
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True, help_text="Signs nothing from then on.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["site", "kid"], name="chat_key_once"),)


class Visitor(models.Model):
    """Somebody who has written in the chat of one channel, on one device or, once vouched for, on several.

    Rows come into being with the first message. ``subject`` is the site's own id of a person, proved by a signed token;
    ``claimed_*`` is what an unknown person says of themselves, and opens nothing.
    """

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="visitors")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.SET_NULL, related_name="visitors")
    subject = models.CharField(max_length=190, blank=True, help_text="The `sub` of a verified token.")
    verified_address = models.CharField(max_length=320, blank=True, help_text="The address that the site vouches for.")
    claimed_name = models.CharField(max_length=120, blank=True)
    claimed_address = models.CharField(max_length=320, blank=True)
    language = models.CharField(max_length=8, blank=True)
    page = models.JSONField(default=dict, blank=True, help_text='{"url", "title"}: where the visitor is, if online.')
    pages = models.JSONField(default=list, blank=True, help_text='[{"url", "title", "at"}]: before, newest first.')
    fields = models.JSONField(default=dict, blank=True, help_text="Answers to the site's own pre-chat fields.")
    online_until = models.DateTimeField(null=True, blank=True, help_text="Renewed while a connection is open.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["channel", "subject"], condition=~Q(subject=""), name="visitor_subject_once"
            ),
        )

    def __str__(self) -> str:
        return self.claimed_name or f"#{self.pk}"

    @property
    def is_verified(self) -> bool:
        """The site has vouched for this person."""
        return bool(self.subject)

    @property
    def address(self) -> str:
        """Where mail to the visitor goes: proved, else claimed, else ''."""
        return self.verified_address or self.claimed_address


class VisitorToken(models.Model):
    """What a browser shows to be a visitor again: 256 random bits, of which only a hash is here."""

    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="tokens")
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256, hexadecimal.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)


class Ending(models.TextChoices):
    """Who ended a conversation. What the visitor writes within a day goes on with it; by mail it goes on elsewhere."""

    NONE = "", "—"
    VISITOR = "visitor", _("The visitor")
    AGENT = "agent", _("The agent")
    MAIL = "mail", _("It goes on by mail")


class Conversation(models.Model):
    """The chat of a ticket. ``last_sequence`` counts its lines, which are numbered without a gap from 1."""

    Ending = Ending

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="conversation")
    visitor = models.ForeignKey(Visitor, on_delete=models.PROTECT, related_name="conversations")
    last_sequence = models.PositiveIntegerField(default=0)
    visitor_read = models.PositiveIntegerField(default=0, help_text="Sequence up to which the visitor has read.")
    agent_read = models.PositiveIntegerField(default=0, help_text="Sequence up to which an agent has read.")
    mailed_sequence = models.PositiveIntegerField(default=0, help_text="Answers up to it went by mail as well.")
    unread_since = models.DateTimeField(
        null=True, blank=True, help_text="The oldest answer that the visitor has neither read nor got by mail."
    )
    waits_since = models.DateTimeField(null=True, blank=True, help_text="The oldest words that nobody has answered.")
    accepted_at = models.DateTimeField(null=True, blank=True, help_text="The first answer or the first “accept”.")
    transcripts = models.PositiveSmallIntegerField(default=0, help_text="How often it was sent by mail.")
    ended_by = models.CharField(max_length=8, choices=Ending, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(visitor_read__lte=F("last_sequence")) & Q(agent_read__lte=F("last_sequence")),
                name="conversation_read_what_is_there",
            ),
            models.CheckConstraint(
                condition=(Q(ended_by="") & Q(ended_at=None)) | (~Q(ended_by="") & ~Q(ended_at=None)),
                name="conversation_ended_has_time",
            ),
        )
        indexes = (
            models.Index(fields=["visitor", "-id"], name="conversation_visitor"),
            models.Index(fields=["unread_since"], name="conversation_unread", condition=~Q(unread_since=None)),
            models.Index(fields=["waits_since"], name="conversation_waits", condition=~Q(waits_since=None)),
        )


class ChatLine(models.Model):
    """One line that the visitor may see: a message, or something that happened. Never an internal note."""

    class Event(models.TextChoices):
        """What the visitor is told besides messages; the widget has the sentences."""

        NONE = "", "—"
        OPENED = "opened", _("Chat opened")
        JOINED = "joined", _("An agent has joined")
        HANDED_OVER = "handed_over", _("Handed over")
        RETURNED = "returned", _("Back in the queue")
        ENDED = "ended", _("Chat ended")
        BY_MAIL = "by_mail", _("It goes on by mail")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="lines")
    sequence = models.PositiveIntegerField()
    message = models.OneToOneField(
        Message,
        null=True,
        blank=True,
        on_delete=models.RESTRICT,  # a line that went away would leave a gap
        related_name="chat_line",
    )
    event = models.CharField(max_length=12, choices=Event, blank=True)
    data = models.JSONField(default=dict, blank=True, help_text="Of an event: names for the visitor's eyes.")
    author = models.CharField(max_length=24, help_text="Whose client ids: v<visitor>, a<agent>, or desk.")
    client_id = models.CharField(max_length=64, help_text="Chosen by the sender: the same one again is the same line.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["conversation", "sequence"], name="chat_line_in_order"),
            models.UniqueConstraint(fields=["author", "client_id"], name="chat_line_once", condition=~Q(client_id="")),
            models.CheckConstraint(condition=Q(sequence__gte=1), name="chat_line_from_one"),
            models.CheckConstraint(
                condition=(Q(event="") & ~Q(message=None)) | (~Q(event="") & Q(message=None)),
                name="chat_line_is_one_thing",
            ),
        )


class ChatUpload(models.Model):
    """A file that a visitor has sent ahead of the message that names it; unnamed ones are swept after a day."""

    visitor = models.ForeignKey(Visitor, null=True, on_delete=models.CASCADE, related_name="uploads")
    token_hash = models.CharField(max_length=64, help_text="Whose it is, before there is a visitor.")
    key = models.CharField(max_length=32, unique=True, help_text="What the message names it by; nobody guesses it.")
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=120)
    size = models.PositiveBigIntegerField(help_text="Bytes, as stored.")
    blob = models.CharField(max_length=64)
    width = models.PositiveIntegerField(null=True, help_text="Of a picture, in pixels, if known.")
    height = models.PositiveIntegerField(null=True)
    message = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["created_at"], name="chat_upload_unused", condition=Q(message=None)),)


def agent_author(agent: Agent) -> str:
    """The `author` of a line that an agent has written."""
    return f"a{agent.pk}"


def visitor_author(visitor: Visitor) -> str:
    """The `author` of a line that a visitor has written."""
    return f"v{visitor.pk}"


def clean_page(page: Any) -> dict[str, str]:
    """A page as it is stored: an address of the web and a title, both short; empty for anything else."""
    if not isinstance(page, dict):
        return {}
    url, title = clean(str(page.get("url", "")), max_length=500), clean(str(page.get("title", "")), max_length=120)
    return {"url": url, "title": title} if url.startswith(("http://", "https://")) else {}
