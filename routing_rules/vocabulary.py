"""The words of the rule language: fields with their types, operators with their values, effects with theirs.

Everything that is shown carries its English msgid; whoever shows it passes it through gettext. Pure: no Django.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

Translate = Callable[[str], str]


def gettext_noop(message: str) -> str:
    """Mark `message` for the translation catalogue and return it unchanged."""
    return message


class FieldType(StrEnum):
    """What kind of fact a field holds."""

    TEXT = "text"
    CHOICE = "choice"
    SET = "set"
    BOOL = "bool"
    TIME = "time"
    NUMBER = "number"


class ValueKind(StrEnum):
    """What a test compares with; a form draws its input by it."""

    NOTHING = "nothing"
    TEXT = "text"
    WORDS = "words"
    PATTERN = "pattern"
    CHOICES = "choices"
    CLOCK_SPAN = "clock_span"
    WEEKDAYS = "weekdays"
    MOMENT = "moment"
    DURATION = "duration"
    NUMBER = "number"
    LINES = "lines"


class Operator(StrEnum):
    """Every operator of the language."""

    CONTAINS = "contains"
    DOES_NOT_CONTAIN = "does_not_contain"
    CONTAINS_ANY = "contains_any"
    CONTAINS_ANY_WORD = "contains_any_word"
    CONTAINS_ANY_FORM_OF = "contains_any_form_of"
    IS = "is"
    IS_NOT = "is_not"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    MATCHES = "matches"
    IS_EMPTY = "is_empty"
    IS_ANY_OF = "is_any_of"
    IS_NONE_OF = "is_none_of"
    HAS_ANY = "has_any"
    HAS_ALL = "has_all"
    HAS_NONE = "has_none"
    IS_TRUE = "is_true"
    IS_FALSE = "is_false"
    BETWEEN = "between"
    ON_DAYS = "on_days"
    BEFORE = "before"
    AFTER = "after"
    AT_LEAST_AGO = "at_least_ago"
    LESS_THAN_AGO = "less_than_ago"
    EQUALS = "equals"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


DURATIONS = frozenset((Operator.AT_LEAST_AGO, Operator.LESS_THAN_AGO))
"""Operators whose outcome changes with time alone, at a moment that depends on the fact."""


@dataclass(frozen=True, slots=True)
class OperatorSpec:
    """How an operator reads, and what value it takes."""

    operator: Operator
    label: str
    value_kind: ValueKind


@dataclass(frozen=True, slots=True)
class Field:
    """One fact that rules may test.

    `choices` names the list that fills the input ("teams", "channels"); empty when the value is free text. `negation`
    is how a yes-or-no field reads when the answer is no.
    """

    name: str
    type: FieldType
    label: str
    choices: str = ""
    negation: str = ""

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The operators that this field allows, in the order in which a form offers them."""
        if self.name == NOW:
            return OPERATORS_OF_NOW
        return OPERATORS_OF[self.type]


class Event(StrEnum):
    """What happens to a ticket; each rule names the events that it is asked at."""

    TICKET_CREATED = "ticket_created"
    CUSTOMER_MESSAGE = "customer_message"
    AGENT_REPLY = "agent_reply"
    STATE_CHANGED = "state_changed"
    ASSIGNED = "assigned"
    RATING_GIVEN = "rating_given"
    SERVICE_WARNING = "service_warning"
    SERVICE_BREACH = "service_breach"
    TIME_PASSED = "time_passed"


class EffectKind(StrEnum):
    """What a rule can do to a ticket."""

    SET_TEAM = "set_team"
    SET_AGENT = "set_agent"
    SET_PRIORITY = "set_priority"
    ADD_TAG = "add_tag"
    REMOVE_TAG = "remove_tag"
    SET_STATE = "set_state"
    ADD_NOTE = "add_note"
    NOTIFY = "notify"
    SET_ACKNOWLEDGEMENT = "set_acknowledgement"
    SET_SERVICE_POLICY = "set_service_policy"
    REQUIRE_SKILL = "require_skill"
    PREFER_SKILL = "prefer_skill"
    PREFER_PERSON = "prefer_person"


@dataclass(frozen=True, slots=True)
class EffectSpec:
    """How an effect reads and what value it takes; `is_single`: the first rule that sets it wins, later ones don't.

    Effects with the same `slot` contend for a value: the first rule that says anything of a tag wins. `events` are
    those at which it means something; empty: all. `value_kind` LINES is a text of several lines with {{name}} places.
    """

    kind: EffectKind
    label: str
    choices: str
    is_single: bool
    slot: str = ""
    events: frozenset[str] = frozenset()
    value_kind: ValueKind = ValueKind.CHOICES


NO_ACKNOWLEDGEMENT = "none"
PRIORITIES = ("low", "normal", "high", "urgent")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# Values that the language itself defines. Every other list (teams, channels, templates) comes from the caller.
OWN_CHOICES: Mapping[str, Mapping[str, str]] = {
    "events": {
        Event.TICKET_CREATED.value: gettext_noop("ticket created"),
        Event.CUSTOMER_MESSAGE.value: gettext_noop("customer wrote again"),
        Event.AGENT_REPLY.value: gettext_noop("agent replied"),
        Event.STATE_CHANGED.value: gettext_noop("state changed"),
        Event.ASSIGNED.value: gettext_noop("owner changed"),
        Event.RATING_GIVEN.value: gettext_noop("rating given"),
        Event.SERVICE_WARNING.value: gettext_noop("service level about to be missed"),
        Event.SERVICE_BREACH.value: gettext_noop("service level missed"),
        Event.TIME_PASSED.value: gettext_noop("time passed"),
    },
    "priorities": {
        "low": gettext_noop("Low"),
        "normal": gettext_noop("Normal"),
        "high": gettext_noop("High"),
        "urgent": gettext_noop("Urgent"),
    },
    "weekdays": {
        "mon": gettext_noop("Monday"),
        "tue": gettext_noop("Tuesday"),
        "wed": gettext_noop("Wednesday"),
        "thu": gettext_noop("Thursday"),
        "fri": gettext_noop("Friday"),
        "sat": gettext_noop("Saturday"),
        "sun": gettext_noop("Sunday"),
    },
    "service_states": {
        "running": gettext_noop("on time"),
        "warning": gettext_noop("about to be missed"),
        "breached": gettext_noop("missed"),
        "paused": gettext_noop("paused"),
    },
    "service_clocks": {
        "first-reply": gettext_noop("First reply"),
        "next-reply": gettext_noop("Next reply"),
        "resolution": gettext_noop("Resolution"),
    },
    "templates": {NO_ACKNOWLEDGEMENT: gettext_noop("none")},
    "causes": {
        "customer": gettext_noop("the customer"),
        "agent": gettext_noop("an agent"),
        "rule": gettext_noop("a rule"),
        "desk": gettext_noop("the desk itself"),
    },
    "units": {
        "minutes": gettext_noop("minutes"),
        "hours": gettext_noop("hours"),
        "days": gettext_noop("days"),
    },
    "persons": {
        "account_owner": gettext_noop("who looks after the organisation"),
        "known_agent": gettext_noop("who had the customer's last ticket"),
    },
    "listeners": {
        "owner": gettext_noop("the owner"),
        "leads": gettext_noop("the leads of the team"),
        "team": gettext_noop("everybody in the team"),
    },
}

OPERATORS_OF: Mapping[FieldType, tuple[Operator, ...]] = {
    FieldType.TEXT: (
        Operator.CONTAINS,
        Operator.DOES_NOT_CONTAIN,
        Operator.CONTAINS_ANY,
        Operator.CONTAINS_ANY_WORD,
        Operator.CONTAINS_ANY_FORM_OF,
        Operator.IS,
        Operator.IS_NOT,
        Operator.STARTS_WITH,
        Operator.ENDS_WITH,
        Operator.MATCHES,
        Operator.IS_EMPTY,
    ),
    FieldType.CHOICE: (Operator.IS_ANY_OF, Operator.IS_NONE_OF, Operator.IS_EMPTY),
    FieldType.SET: (Operator.HAS_ANY, Operator.HAS_ALL, Operator.HAS_NONE, Operator.IS_EMPTY),
    FieldType.BOOL: (Operator.IS_TRUE, Operator.IS_FALSE),
    FieldType.TIME: (
        Operator.AT_LEAST_AGO,
        Operator.LESS_THAN_AGO,
        Operator.BETWEEN,
        Operator.ON_DAYS,
        Operator.BEFORE,
        Operator.AFTER,
        Operator.IS_EMPTY,
    ),
    FieldType.NUMBER: (Operator.EQUALS, Operator.AT_LEAST, Operator.AT_MOST, Operator.IS_EMPTY),
}
OPERATORS_OF_NOW = (Operator.BETWEEN, Operator.ON_DAYS, Operator.BEFORE, Operator.AFTER)


def _by_operator(*specs: OperatorSpec) -> dict[Operator, OperatorSpec]:
    return {spec.operator: spec for spec in specs}


OPERATORS: Mapping[Operator, OperatorSpec] = _by_operator(
    OperatorSpec(Operator.CONTAINS, gettext_noop("contains"), ValueKind.TEXT),
    OperatorSpec(Operator.DOES_NOT_CONTAIN, gettext_noop("does not contain"), ValueKind.TEXT),
    OperatorSpec(Operator.CONTAINS_ANY, gettext_noop("contains any of"), ValueKind.WORDS),
    OperatorSpec(Operator.CONTAINS_ANY_WORD, gettext_noop("contains any whole word of"), ValueKind.WORDS),
    OperatorSpec(Operator.CONTAINS_ANY_FORM_OF, gettext_noop("contains any form of"), ValueKind.WORDS),
    OperatorSpec(Operator.IS, gettext_noop("is"), ValueKind.TEXT),
    OperatorSpec(Operator.IS_NOT, gettext_noop("is not"), ValueKind.TEXT),
    OperatorSpec(Operator.STARTS_WITH, gettext_noop("starts with"), ValueKind.TEXT),
    OperatorSpec(Operator.ENDS_WITH, gettext_noop("ends with"), ValueKind.TEXT),
    OperatorSpec(Operator.MATCHES, gettext_noop("matches the pattern"), ValueKind.PATTERN),
    OperatorSpec(Operator.IS_EMPTY, gettext_noop("is empty"), ValueKind.NOTHING),
    OperatorSpec(Operator.IS_ANY_OF, gettext_noop("is any of"), ValueKind.CHOICES),
    OperatorSpec(Operator.IS_NONE_OF, gettext_noop("is none of"), ValueKind.CHOICES),
    OperatorSpec(Operator.HAS_ANY, gettext_noop("have any of"), ValueKind.CHOICES),
    OperatorSpec(Operator.HAS_ALL, gettext_noop("have all of"), ValueKind.CHOICES),
    OperatorSpec(Operator.HAS_NONE, gettext_noop("have none of"), ValueKind.CHOICES),
    OperatorSpec(Operator.IS_TRUE, gettext_noop("is true"), ValueKind.NOTHING),
    OperatorSpec(Operator.IS_FALSE, gettext_noop("is not true"), ValueKind.NOTHING),
    OperatorSpec(Operator.BETWEEN, gettext_noop("is between"), ValueKind.CLOCK_SPAN),
    OperatorSpec(Operator.ON_DAYS, gettext_noop("is on"), ValueKind.WEEKDAYS),
    OperatorSpec(Operator.BEFORE, gettext_noop("is before"), ValueKind.MOMENT),
    OperatorSpec(Operator.AFTER, gettext_noop("is at or after"), ValueKind.MOMENT),
    OperatorSpec(Operator.AT_LEAST_AGO, gettext_noop("is at least so long ago:"), ValueKind.DURATION),
    OperatorSpec(Operator.LESS_THAN_AGO, gettext_noop("is less long ago than"), ValueKind.DURATION),
    OperatorSpec(Operator.EQUALS, gettext_noop("is exactly"), ValueKind.NUMBER),
    OperatorSpec(Operator.AT_LEAST, gettext_noop("is at least"), ValueKind.NUMBER),
    OperatorSpec(Operator.AT_MOST, gettext_noop("is at most"), ValueKind.NUMBER),
)


def _by_name(*fields: Field) -> dict[str, Field]:
    return {field.name: field for field in fields}


NOW = "now"
"""The one field that is no fact: the moment of the decision, always known."""

LANGUAGE = "language"
"""The field that says in which language texts are."""

FIELDS: Mapping[str, Field] = _by_name(
    Field("event", FieldType.CHOICE, gettext_noop("event"), "events"),
    Field("subject", FieldType.TEXT, gettext_noop("subject")),
    Field("body", FieldType.TEXT, gettext_noop("text")),
    Field("sender", FieldType.TEXT, gettext_noop("sender's address")),
    Field("sender_domain", FieldType.TEXT, gettext_noop("sender's domain")),
    Field("sender_name", FieldType.TEXT, gettext_noop("sender's name")),
    Field("recipient", FieldType.TEXT, gettext_noop("our address")),
    Field("channel", FieldType.CHOICE, gettext_noop("channel"), "channels"),
    Field("channel_kind", FieldType.CHOICE, gettext_noop("kind of channel"), "channel_kinds"),
    Field(LANGUAGE, FieldType.CHOICE, gettext_noop("language"), "languages"),
    Field("customer_class", FieldType.CHOICE, gettext_noop("customer class"), "customer_classes"),
    Field("segments", FieldType.SET, gettext_noop("customer's segments"), "segments"),
    Field("organisation", FieldType.TEXT, gettext_noop("organisation")),
    Field("tags", FieldType.SET, gettext_noop("tags"), "tags"),
    Field(
        "has_attachments",
        FieldType.BOOL,
        gettext_noop("has attachments"),
        negation=gettext_noop("has no attachments"),
    ),
    Field(
        "is_automatic",
        FieldType.BOOL,
        gettext_noop("was sent by a machine"),
        negation=gettext_noop("was not sent by a machine"),
    ),
    Field("sender_verdict", FieldType.CHOICE, gettext_noop("sender check"), "sender_verdicts"),
    Field("arrived_at", FieldType.TIME, gettext_noop("time of arrival")),
    Field(NOW, FieldType.TIME, gettext_noop("current time")),
    Field("priority", FieldType.CHOICE, gettext_noop("priority"), "priorities"),
    Field("state", FieldType.CHOICE, gettext_noop("state"), "states"),
    Field("service_policy", FieldType.CHOICE, gettext_noop("service policy"), "service_policies"),
    Field("service_state", FieldType.CHOICE, gettext_noop("service level"), "service_states"),
    Field("service_clock", FieldType.CHOICE, gettext_noop("service clock"), "service_clocks"),
    Field("service_due_at", FieldType.TIME, gettext_noop("service level due")),
    Field("state_before", FieldType.CHOICE, gettext_noop("former state"), "states"),
    Field("team", FieldType.CHOICE, gettext_noop("team"), "teams"),
    Field("owner", FieldType.CHOICE, gettext_noop("owner"), "agents"),
    Field("owner_before", FieldType.CHOICE, gettext_noop("former owner"), "agents"),
    Field("changed_by", FieldType.CHOICE, gettext_noop("caused by"), "causes"),
    Field("created_at", FieldType.TIME, gettext_noop("ticket's opening")),
    Field("state_since", FieldType.TIME, gettext_noop("last change of state")),
    Field("last_customer_message_at", FieldType.TIME, gettext_noop("customer's last message")),
    Field("last_reply_at", FieldType.TIME, gettext_noop("our last reply")),
    Field("customer_messages", FieldType.NUMBER, gettext_noop("number of customer's messages")),
    Field("replies", FieldType.NUMBER, gettext_noop("number of our replies")),
    Field("rating", FieldType.NUMBER, gettext_noop("rating")),
)


def _by_kind(*specs: EffectSpec) -> dict[EffectKind, EffectSpec]:
    return {spec.kind: spec for spec in specs}


EFFECTS: Mapping[EffectKind, EffectSpec] = _by_kind(
    EffectSpec(EffectKind.SET_TEAM, gettext_noop("team"), "teams", is_single=True),
    EffectSpec(EffectKind.SET_AGENT, gettext_noop("agent"), "agents", is_single=True),
    EffectSpec(EffectKind.SET_PRIORITY, gettext_noop("priority"), "priorities", is_single=True),
    EffectSpec(EffectKind.ADD_TAG, gettext_noop("tag"), "tags", is_single=False, slot="tag"),
    EffectSpec(EffectKind.REMOVE_TAG, gettext_noop("without the tag"), "tags", is_single=False, slot="tag"),
    EffectSpec(EffectKind.SET_STATE, gettext_noop("state"), "states", is_single=True),
    EffectSpec(EffectKind.ADD_NOTE, gettext_noop("internal note"), "", is_single=False, value_kind=ValueKind.LINES),
    EffectSpec(EffectKind.NOTIFY, gettext_noop("mail to"), "listeners", is_single=False),
    EffectSpec(
        EffectKind.SET_ACKNOWLEDGEMENT,
        gettext_noop("acknowledgement"),
        "templates",
        is_single=True,
        events=frozenset((Event.TICKET_CREATED,)),
    ),
    EffectSpec(EffectKind.SET_SERVICE_POLICY, gettext_noop("service policy"), "service_policies", is_single=True),
    # Skills are written as slug and level: fi:4 (a language from B2 on), printer:2.
    EffectSpec(EffectKind.REQUIRE_SKILL, gettext_noop("only agents with"), "skills", is_single=False),
    EffectSpec(EffectKind.PREFER_SKILL, gettext_noop("rather agents with"), "skills", is_single=False),
    EffectSpec(EffectKind.PREFER_PERSON, gettext_noop("rather to"), "persons", is_single=False),
)
