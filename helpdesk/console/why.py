"""Why a ticket is where it is: short answers, and every rule at every event."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from helpdesk.console.assignment_words import WORDS, passed_over, why_chosen
from helpdesk.console.inbox import is_fragment
from helpdesk.console.rule_words import RuleWords, StepWords, event_name
from helpdesk.console.tickets import ticket_or_404
from helpdesk.console.wording import acknowledged
from helpdesk.intake.acknowledgement import Verdict
from helpdesk.jinja import exact
from helpdesk.models import Assignment, RoutingDecision, Ticket
from helpdesk.queries.assignment import Books, Ledger, books_of, skill_names
from helpdesk.queries.routing import Decided, Explanation, Fired, decisions_of, explanation_of
from helpdesk.queries.whereabouts import Whereabouts, whereabouts_of
from routing_rules.assignment import Reason
from routing_rules.engine import Outcome
from routing_rules.vocabulary import EffectKind, Event

#: Rules that were not asked at all say little, and there can be many.
_NOT_ASKED = frozenset({Outcome.OTHER_EVENT.value, Outcome.DISABLED.value, Outcome.INACTIVE.value})
_ACKNOWLEDGED = frozenset({"", Verdict.FULL.value, Verdict.NEUTRAL.value, Verdict.FOLLOW_UP.value})


@dataclass(frozen=True, slots=True)
class Answer:
    """A question that agents ask, answered in a line."""

    question: str
    answer: str


@require_safe
def panel(request: HttpRequest, reference: str) -> HttpResponse:
    """The short answers for the panel beside a ticket; as a page, with every event and what the rules did at it."""
    _agent, row = ticket_or_404(request, reference)
    decisions, books = decisions_of(row), books_of(row)
    context = {
        "ticket": row,
        "reference": row.reference,
        "answers": answers(row, decisions, books),
        "decisions": decisions,
        "words": RuleWords(),
        "event_name": event_name,
        "books": books,
        "skills": skill_names(),
        "causes": dict(Assignment.Cause.choices),
        "outcomes": dict(Assignment.Outcome.choices),
        **WORDS,
    }
    return render(
        request, "console/ticket/why.html" if is_fragment(request) else "console/ticket/why_page.html", context
    )


@require_safe
def decision(request: HttpRequest, reference: str, decision_id: int) -> HttpResponse:
    """Every rule at one event: what it did, or the condition that failed."""
    _agent, row = ticket_or_404(request, reference)
    try:
        found = explanation_of(row, decision_id)
    except RoutingDecision.DoesNotExist as error:
        raise Http404 from error
    asked, others = told(found, RuleWords())
    context = {
        "ticket": row,
        "reference": row.reference,
        "found": found,
        "asked": asked,
        "others": others,
        "event_name": event_name,
    }
    template = "console/ticket/decision.html" if is_fragment(request) else "console/ticket/decision_page.html"
    return render(request, template, context)


def told(found: Explanation, words: RuleWords) -> tuple[list[StepWords], list[StepWords]]:
    """The rules that were asked, and those that were not, each in their order."""
    steps = [words.step(step) for step in found.steps]
    asked = [step for step in steps if step.outcome not in _NOT_ASKED]
    return asked, [step for step in steps if step.outcome in _NOT_ASKED]


def answers(ticket: Ticket, decisions: Sequence[Decided], books: Books) -> list[Answer]:
    """What is asked most, answered in a line each."""
    first = next((each for each in decisions if each.event == Event.TICKET_CREATED), None)
    known = whereabouts_of(ticket)
    owner = _owner(ticket, decisions, known, books)
    found = [_team(ticket, decisions, known), owner, _acknowledgement(first, known)]
    return [each for each in found if each is not None]


def _team(ticket: Ticket, decisions: Sequence[Decided], known: Whereabouts) -> Answer | None:
    question = _("Why is it in %(team)s?") % {"team": ticket.team.name}
    moved = known.team_moved
    if moved is not None and moved.who:
        words = {"who": moved.who, "team": moved.origin, "when": exact(moved.at)}
        return Answer(question, _("%(who)s moved it here from %(team)s (%(when)s).") % words)
    rule = _setter(decisions, EffectKind.SET_TEAM, ticket.team.slug)
    if rule is not None:
        return Answer(question, _("Rule “%(rule)s” put it here.") % {"rule": rule.name})
    if moved is None and decisions:
        return Answer(question, _("No rule set a team, so it went to the team of its channel."))
    return None


def _owner(ticket: Ticket, decisions: Sequence[Decided], known: Whereabouts, books: Books) -> Answer | None:
    moved, name = known.owner_moved, ticket.owner.name if ticket.owner else ""
    question = _("Why is it with %(agent)s?") % {"agent": name} if name else _("Why is it unassigned?")
    ledger = books.present.ledger if books.present is not None else books.waits
    if ledger is None and moved is None:
        ledger = next((each.ledger for each in reversed(decisions) if each.ledger and each.agent == name), None)
    if ledger is not None:
        return Answer(question, _chosen(ledger, name, decisions))
    is_newest = moved is not None and (known.team_moved is None or moved.at >= known.team_moved.at)
    if moved is not None and is_newest and moved.to == name:
        return Answer(question, _handed(moved.who, name, exact(moved.at)))
    if not name and known.team_moved is not None:
        return Answer(question, _("Nobody has taken it since it was moved here (%s).") % exact(known.team_moved.at))
    if not name:
        return Answer(question, _("It waits in its team's queue."))
    return None


def _handed(who: str, name: str, when: str) -> str:
    words = {"who": who, "agent": name, "when": when}
    if not name:
        return _("%(who)s handed it back to the team (%(when)s).") % (words | {"who": who or _("The desk")})
    if who == name:
        return _("%(who)s took it (%(when)s).") % words
    if who:
        return _("%(who)s gave it to %(agent)s (%(when)s).") % words
    return _("A rule or the desk gave it to %(agent)s (%(when)s).") % words


def _chosen(ledger: Ledger, name: str, decisions: Sequence[Decided]) -> str:
    if not name:
        skills = skill_names()
        others = [f"{each.name} {reason}" for each in ledger.contenders if (reason := passed_over(each, skills))]
        return f"{why_chosen(ledger)}: {'; '.join(others)}." if others else f"{why_chosen(ledger)}."
    rule = _setter(decisions, EffectKind.SET_AGENT, None) if ledger.reason == Reason.RULE else None
    if rule is not None:
        return _("Rule “%(rule)s” named %(agent)s.") % {"rule": rule.name, "agent": name}
    return f"{name} {why_chosen(ledger)}."


def _acknowledgement(first: Decided | None, known: Whereabouts) -> Answer | None:
    if known.acknowledgement in _ACKNOWLEDGED:
        return None
    answer = acknowledged(known.acknowledgement)
    if known.acknowledgement == Verdict.RULE and first is not None:
        rule = _setter([first], EffectKind.SET_ACKNOWLEDGEMENT, None)
        if rule is not None:
            answer = _("No: rule “%(rule)s” said so.") % {"rule": rule.name}
    return Answer(_("Why no acknowledgement?"), answer)


def _setter(decisions: Sequence[Decided], kind: EffectKind, value: str | None) -> Fired | None:
    """The rule that set ``kind`` last, if that was to ``value``."""
    for decision_ in reversed(decisions):
        for rule in decision_.fired:
            for effect in rule.effects:
                if effect.kind == kind:
                    return rule if value is None or effect.value == value else None
    return None
