"""Shapes of the demo's content: what the data modules of this package hold."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class ArticleText:
    """One FAQ article in one language; translations share the slug."""

    slug: str
    title: str
    summary: str
    keywords: str
    body: str


@dataclass(frozen=True, slots=True)
class TemplateText:
    """An acknowledgement or a canned reply, with {{name}} places."""

    slug: str
    kind: Literal["acknowledgement", "canned"]
    language: str
    name: str
    body: str
    subject: str = ""
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class Colleague:
    """An agent. Those who can log in all do so with the demo's password."""

    email: str
    name: str
    role: Literal["agent", "lead", "admin"]
    teams: tuple[str, ...]
    signature: str = ""
    language: str = "en"
    capacity: int = 20
    presence: Literal["available", "away", "dnd"] = "available"
    can_log_in: bool = False
    skills: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Company:
    """A customer company; people who write from its domain belong to it."""

    name: str
    domain: str
    customer_class: str = ""


@dataclass(frozen=True, slots=True)
class RuleText:
    """A routing rule; ``condition`` as routing_rules.conditions reads it, effects as (kind, value)."""

    name: str
    condition: dict[str, object]
    effects: tuple[tuple[str, str], ...]
    is_stop: bool = False
    comment: str = ""
    events: tuple[str, ...] = ("ticket_created",)
    is_once: bool = False
    folder: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file that comes with a mail; its content is made by helpdesk.demo.files."""

    filename: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Writes:
    """The customer (or ``sender``) sends a mail: a new one as the first step, later an answer to our newest."""

    text: str
    subject: str = ""
    html: str = ""
    files: tuple[File, ...] = ()
    sender: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Answers:
    """The owner (or ``by``) replies."""

    text: str
    state: Literal["open", "waiting", "solved"] = "waiting"
    by: str = ""
    after: timedelta = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Notes:
    """An internal note."""

    text: str
    by: str = ""
    after: timedelta = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class Changes:
    """The owner (or ``by``) changes what is named; empty means "as it is". ``owner`` is an agent's address."""

    state: Literal["", "open", "waiting", "solved", "closed"] = ""
    team: str = ""
    owner: str = ""
    priority: Literal["", "low", "normal", "high", "urgent"] = ""
    tag: str = ""
    by: str = ""
    after: timedelta = timedelta(minutes=5)


Step = Writes | Answers | Notes | Changes


@dataclass(frozen=True, slots=True)
class Conversation:
    """One ticket's story. It begins ``days`` ago at ``clock`` in the desk's zone, or ``minutes`` ago."""

    customer: str
    steps: tuple[Step, ...]
    days: int = 0
    clock: str = ""
    minutes: int = 0
    cc: tuple[str, ...] = field(default=())


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def days(number: float) -> timedelta:
    return timedelta(days=number)
