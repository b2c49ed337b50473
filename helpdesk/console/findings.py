"""What the desk has found out about its rules: findings of the linter, and rules that it suggests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk.actions import rule_reviews
from helpdesk.console.access import agent_of
from helpdesk.console.finding_words import Subject, Told, feature_sentence, is_proved, told
from helpdesk.console.rule_choices import Choices, rule_choices
from helpdesk.models import RuleFinding, RuleReview, RuleSuggestion, Ticket
from helpdesk.queries import rule_findings
from routing_rules.findings import PROBLEMS, Code
from routing_rules.models import Rule

#: Tickets that are shown beside a finding or a suggestion.
TICKETS_SHOWN = 5
SHOWN = 50

_ORDER = (Code.CONFLICT,)
_SEEN = (Code.UNCOVERED, Code.NEVER_FIRED)


@dataclass(frozen=True)
class Line:
    """One finding on the page. ``hidden`` tickets are those that the reader may not see."""

    row: RuleFinding
    told: Told
    rules: Sequence[Rule]
    tickets: Sequence[Ticket]


@dataclass(frozen=True)
class Group:
    """Findings that call for the same kind of attention; ``more`` are not shown."""

    slug: str
    title: str
    lead: str
    lines: Sequence[Line]
    more: int


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The findings, grouped; or those that were dismissed."""
    is_dismissed = "dismissed" in request.GET
    agent = agent_of(request)
    found = rule_findings.findings(agent=agent, is_dismissed=is_dismissed)
    choices = rule_choices()
    lines = [_line(row, found, choices) for row in found.rows]
    review = rule_findings.last_review()
    context = {
        "groups": [_group("dismissed", lines)] if is_dismissed and lines else list(_groups(lines)),
        "is_dismissed": is_dismissed,
        "review": review,
        "night": rule_findings.last_review(is_nightly=True),
        "unexamined": _unexamined(review, found.rules),
    }
    return render(request, "console/findings.html", context | _counts())


def _counts() -> dict[str, object]:
    findings, suggestions = rule_findings.counts()
    return {"finding_count": findings, "suggestion_count": suggestions}


def _line(row: RuleFinding, found: rule_findings.Findings, choices: Choices) -> Line:
    rule = found.rules.get(str(row.rule_uid))
    others = [found.rules[uid] for uid in row.other_uids]
    subject = Subject(
        rule=rule.name if rule else "",
        others=[each.name for each in others],
        details=row.details,
        is_proved=is_proved(row.certainty),
        choices=choices,
    )
    return Line(
        row=row,
        told=told(code=row.code, subject=subject),
        rules=[*others, *([rule] if rule else [])],
        tickets=_shown(row.ticket_ids, found.tickets),
    )


def _shown(ids: Iterable[int], tickets: Mapping[int, Ticket]) -> list[Ticket]:
    return [tickets[number] for number in ids if number in tickets][:TICKETS_SHOWN]


def _groups(lines: Sequence[Line]) -> Iterable[Group]:
    shares: dict[str, list[Line]] = {"problems": [], "seen": [], "order": [], "tidy": []}
    for line in lines:
        code = Code(line.row.code)
        slug = "problems" if code in PROBLEMS else "order" if code in _ORDER else "seen" if code in _SEEN else "tidy"
        shares[slug].append(line)
    # What did happen comes before what only can.
    shares["order"].sort(key=lambda line: (line.told.is_proved, -int(line.row.details.get("tickets", 0))))
    return (_group(slug, each) for slug, each in shares.items() if each)


def _group(slug: str, lines: Sequence[Line]) -> Group:
    titles = {
        "problems": (_("Does not do what it says"), _("Somebody should change these rules.")),
        "seen": (_("Seen in tickets"), _("What the tickets of the last half year show.")),
        "order": (
            _("Decided by the order"),
            _("Two rules can match one ticket and want different things; the upper one wins, and nobody is told."),
        ),
        "tidy": (_("To tidy up"), _("Nothing is wrong, but it could be said more simply.")),
        "dismissed": (_("Dismissed"), _("Somebody has said that nothing is to be done about these.")),
    }
    title, lead = titles[slug]
    return Group(slug=slug, title=title, lead=lead, lines=lines[:SHOWN], more=max(0, len(lines) - SHOWN))


def _unexamined(review: RuleReview | None, rules: Mapping[str, Rule]) -> Sequence[Rule]:
    """The rules that were too big for some question."""
    wanted = dict.fromkeys(each["rule"] for each in review.not_examined) if review else {}
    return [rules[uid] for uid in wanted if uid in rules]


@require_POST
def settle(request: HttpRequest, finding_id: int) -> HttpResponse:
    """Dismiss a finding, with a reason, or take that back."""
    row = RuleFinding.objects.filter(pk=finding_id).first()
    return _settled(request, row, "rule-findings")


@dataclass(frozen=True)
class Offer:
    """One suggestion on the page. ``percent`` and counts are of all tickets; those listed are the reader's to see."""

    row: RuleSuggestion
    sentence: str
    percent: int
    above: Rule | None
    evidence: Sequence[Ticket]
    exceptions: Sequence[Ticket]


@require_safe
def suggestions(request: HttpRequest) -> HttpResponse:
    """Rules that would do what people do by hand; or those that were dismissed."""
    is_dismissed = "dismissed" in request.GET
    found = rule_findings.suggestions(agent=agent_of(request), is_dismissed=is_dismissed)
    choices = rule_choices()
    offers = [
        Offer(
            row=row,
            sentence=feature_sentence(row.tests, choices=choices),
            percent=100 * row.agreeing // max(1, row.matching),
            above=found.rules.get(str(row.above_uid)),
            evidence=_shown(row.evidence, found.tickets),
            exceptions=_shown(row.exceptions, found.tickets),
        )
        for row in found.rows
    ]
    context = {"offers": offers, "is_dismissed": is_dismissed, "review": rule_findings.last_review()}
    return render(request, "console/suggestions.html", context | _counts())


@require_POST
def settle_suggestion(request: HttpRequest, suggestion_id: int) -> HttpResponse:
    """Dismiss a suggestion, with a reason, or take that back."""
    row = RuleSuggestion.objects.filter(pk=suggestion_id).first()
    return _settled(request, row, "rule-suggestions")


def _settled(request: HttpRequest, row: RuleFinding | RuleSuggestion | None, place: str) -> HttpResponse:
    if row is None:
        raise Http404
    by, at = agent_of(request), timezone.now()
    if request.POST.get("do") == "restore":
        rule_reviews.restore(row=row, by=by, at=at)
    else:
        rule_reviews.dismiss(row=row, reason=request.POST.get("reason", "").strip(), by=by, at=at)
    return redirect(place)


def seed_of(suggestion_id: str) -> tuple[Rule, Rule | None] | None:
    """The unsaved rule of a suggestion, and the rule that it has to stand above to be asked first."""
    if not (suggestion_id.isascii() and suggestion_id.isdigit()):
        return None
    row = RuleSuggestion.objects.filter(pk=int(suggestion_id[:18])).select_related("team").first()
    if row is None:
        return None
    values = [str(item) for test in row.tests for item in _items(test["value"])]
    rule = Rule(
        name=_("%(what)s to %(team)s") % {"what": ", ".join(values)[:60], "team": row.team.name},
        condition=row.condition,
        effects=[{"kind": "set_team", "value": row.team.slug}],
        comment=_("Learned: %(agreeing)d of %(matching)d such tickets ended there, %(moved)d of them by hand.")
        % {"agreeing": row.agreeing, "matching": row.matching, "moved": row.moved},
    )
    return rule, Rule.objects.filter(uid=row.above_uid).first() if row.above_uid else None


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]
