"""A desk with something on each of its own screens, for tests of those screens."""

from helpdesk.actions import knowledge, rules
from helpdesk.actions.knowledge import ArticleFields, TemplateFields
from helpdesk.actions.rules import RuleFields
from helpdesk.models import (
    Agent,
    Article,
    Channel,
    Delivery,
    InboundEvent,
    Message,
    RuleFinding,
    RuleReview,
    RuleSuggestion,
    Template,
    Ticket,
)
from helpdesk.models.transport import DeliveryState
from routing_rules.findings import Code
from routing_rules.models import Rule
from tests import make

ABOUT_INVOICES = {"all": [{"field": "subject", "operator": "contains", "value": "invoice"}]}
TO_BILLING = [{"kind": "set_team", "value": "billing"}]


def article(
    *,
    by: Agent | None = None,
    slug: str = "reset-password",
    language: str = "en",
    title: str = "How to reset your password",
    body: str = "Open **My account** and choose *Forgot your password*.",
    is_published: bool = True,
) -> Article:
    """One language of an article."""
    fields = ArticleFields(
        title=title, summary="A new one in two minutes.", body=body, keywords="forgot lost", is_published=is_published
    )
    return knowledge.save_article(slug=slug, language=language, fields=fields, by=by)


def rule(
    *,
    by: Agent,
    name: str = "Invoices to billing",
    condition: object = ABOUT_INVOICES,
    effects: object = TO_BILLING,
    **fields: object,
) -> Rule:
    """A rule at the end of the order, in a version of its own."""
    values = {"comment": "", "is_stop": False, "is_enabled": True, **fields}
    written = RuleFields(name=name, condition=condition, effects=effects, **values)  # type: ignore[arg-type]
    return rules.save_rule(rule=None, fields=written, expected_version=None, reason="", by=by)


def template(*, by: Agent, kind: str = Template.Kind.ACKNOWLEDGEMENT, body: str = "Hello {{contact_name}}") -> Template:
    """A text of our mails."""
    fields = TemplateFields(
        slug="usual", kind=kind, language="en", name="The usual one", subject="", body=body, is_default=False
    )
    return knowledge.save_template(template=None, fields=fields, by=by)


def delivery(*, ticket: Ticket, state: DeliveryState = DeliveryState.QUEUED, **fields: object) -> Delivery:
    """An outgoing mail of ``ticket`` in ``state``."""
    message = make.message(ticket=ticket, kind=Message.Kind.REPLY, text="Our answer")
    raw = make.mail(sender="support@desk.example", to="ann@customer.example", subject="Our answer", text="Our answer\n")
    values = {
        "recipient": "ann@customer.example",
        "recipients": ["ann@customer.example"],
        "subject": "Our answer",
        "mime": raw,
        "next_attempt_at": make.NOON,
        "created_at": make.NOON,
        "sent_at": make.NOON if state == DeliveryState.SENT else None,
    }
    return Delivery.objects.create(message=message, channel=ticket.channel, state=state, **(values | fields))


def quarantined(*, channel: Channel, raw: bytes = b"Subject: Odd\r\n\r\n<script>alert(1)</script>") -> InboundEvent:
    """A mail that the reader crashed on three times."""
    event = make.arrive(channel, raw)
    InboundEvent.objects.filter(pk=event.pk).update(
        state=InboundEvent.State.QUARANTINED, reason=InboundEvent.Reason.CRASHED, attempts=3, quarantined_at=make.NOON
    )
    event.refresh_from_db()
    return event


def reviewed(*, rule: Rule, ticket: Ticket) -> dict[str, str]:
    """A review that has found something of each kind about a rule, and one suggestion; the addresses of the pages."""
    first = rule
    second = Rule.objects.create(name="Everything", position=0, is_enabled=False)
    details: dict[str, dict[str, object]] = {
        Code.SHADOWED: {"kinds": ["set_team"]},
        Code.CONFLICT: {"kinds": ["set_team"], "facts": {"subject": "invoice", "language": "fi", "is_automatic": True}},
        Code.NEVER_FIRED: {"days": 180, "asked": 700},
        Code.REDUNDANT: {"part": ABOUT_INVOICES},
    }
    for code, about in details.items():
        is_seen = code == Code.NEVER_FIRED
        RuleFinding.objects.create(
            key=code,
            code=code,
            certainty="observed" if is_seen else "proved",
            rule_uid=first.uid,
            other_uids=[] if code in (Code.REDUNDANT, Code.NEVER_FIRED) else [str(second.uid)],
            details=about,
            ticket_ids=[ticket.pk] if is_seen else [],
            first_seen_at=make.NOON,
            seen_at=make.NOON,
        )
    suggestion = RuleSuggestion.objects.create(
        key="suggestion",
        tests=[{"field": "subject", "operator": "contains_any_word", "value": ["invoice"]}],
        team=ticket.team,
        matching=46,
        agreeing=40,
        moved=31,
        bound=0.743,
        above_uid=second.uid,
        evidence=[ticket.pk],
        exceptions=[ticket.pk],
        first_seen_at=make.NOON,
        seen_at=make.NOON,
    )
    RuleReview.objects.create(
        name="night", rules_version=1, started_at=make.NOON, finished_at=make.NOON, rules=12, tickets=3400
    )
    return {
        "findings": "/rules/findings/",
        "suggestions": "/rules/suggestions/",
        "learned rule": f"/rules/new/?suggestion={suggestion.pk}",
    }
