"""The list of rules: in folders, in the order in which they are asked, each as a sentence with how often it fires."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk.actions import rules as actions
from helpdesk.console import rule_verdict
from helpdesk.console.access import agent_of
from helpdesk.console.rule_choices import rule_choices
from helpdesk.console.rule_differences import told
from helpdesk.queries import rehearsal, rule_findings, rule_versions
from helpdesk.queries.rule_firings import Fired, fired
from helpdesk.text import clean
from routing_rules import forms, models
from routing_rules.folding import fold
from routing_rules.models import Rule, StaleRules


@dataclass(slots=True)
class RuleLine:
    """A rule in the list.

    ``caught`` is out of the looked-at tickets; None for a rule that can't be used. ``up`` and ``down`` are where the
    arrows put it ("4:Billing"), '' at the ends: at the edge of its folder a rule first goes into the next folder.
    """

    rule: Rule
    place: int
    sentence: str
    problem: str
    caught: int | None
    fired: Fired | None
    is_over: bool
    is_ahead: bool
    up: str = ""
    down: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """Rules that stand together. A folder whose rules don't is shown in parts: the order of asking comes first."""

    path: str
    lines: Sequence[RuleLine]
    is_continued: bool

    @property
    def parts(self) -> list[str]:
        """The names on the way to it."""
        return self.path.split("/") if self.path else []


@dataclass(slots=True)
class _Seen:
    paths: set[str] = field(default_factory=set)

    def again(self, path: str) -> bool:
        known = path in self.paths
        self.paths.add(path)
        return known


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """All rules in their order, or those with all words of ``?q=``."""
    context = context_of(words=clean(request.GET.get("q", ""), max_length=200))
    is_part = request.headers.get("HX-Target", "").endswith("rules")
    return render(request, "console/rule_list.html" if is_part else "console/rules.html", context)


def context_of(*, words: str = "", stale: str = "") -> dict[str, object]:
    """What the list needs."""
    lines = _lines()
    among = rehearsal.recent()
    parsed = [models.rule_from_snapshot(line.rule.snapshot()) for line in lines]
    counts = rehearsal.caught(conditions=[rule.condition for rule in parsed], among=among)
    choices = rule_choices()
    for line, rule, count in zip(lines, parsed, counts, strict=True):
        line.sentence, line.problem = forms.sentence(rule, choices=choices), rule.problem
        line.caught = None if rule.problem else count
    shown = [line for line in lines if _has(line, words)] if words else lines
    seen = _Seen()
    findings, suggestions = rule_findings.counts()
    return {
        "folders": [
            Folder(path, list(members), seen.again(path))
            for path, members in groupby(shown, key=lambda line: line.rule.folder)
        ],
        "total": len(lines),
        "found": len(shown),
        "words": words,
        "looked_at": len(among),
        "version": models.current_number(),
        "plans": rule_versions.plans(),
        "told": told,
        "stale": stale,
        "problem_counts": rule_verdict.counts_by_rule(),
        "finding_count": findings,
        "suggestion_count": suggestions,
    }


def _lines() -> list[RuleLine]:
    now = timezone.now()
    firings = fired(now=now)
    lines = [
        RuleLine(
            rule=row,
            place=place,
            sentence="",
            problem="",
            caught=None,
            fired=firings.get(row.pk),
            is_over=row.active_until is not None and row.active_until <= now,
            is_ahead=row.active_from is not None and row.active_from > now,
        )
        for place, row in enumerate(Rule.objects.all())
    ]
    for above, line in pairwise(lines):
        folder, other = line.rule.folder, above.rule.folder
        line.up = f"{line.place - (folder == other)}:{other}"
        above.down = f"{above.place + (folder == other)}:{folder}"
    return lines


def _has(line: RuleLine, words: str) -> bool:
    rule = line.rule
    text = fold(" ".join((rule.name, rule.folder, rule.comment, line.sentence)))
    return all(fold(word) in text for word in words.split())


@require_POST
def move(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Put a rule at another place: ``to`` counts from 0; "4:Billing" puts it into that folder as well."""
    to, colon, folder = request.POST.get("to", "").partition(":")
    by, seen = agent_of(request), seen_version(request)
    if not (to.isascii() and to.isdigit()):
        return _list_after(request, lambda: None)
    place = min(int(to[:9]), 100_000)
    into = clean(folder, max_length=200) if colon else None
    return _list_after(
        request,
        lambda: actions.move_rule(rule=rule_or_404(rule_id), to=place, folder=into, by=by, expected_version=seen),
    )


@require_POST
def switch(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Turn a rule on or off."""
    by, seen, is_on = agent_of(request), seen_version(request), request.POST.get("on") == "yes"
    return _list_after(
        request, lambda: actions.set_enabled(rule=rule_or_404(rule_id), is_enabled=is_on, by=by, expected_version=seen)
    )


@require_POST
def duplicate(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Make a copy, turned off, behind the rule, and open it."""
    rule = rule_or_404(rule_id)
    try:
        copy = actions.duplicate_rule(rule=rule, name=_("%(name)s (copy)") % {"name": rule.name}, by=agent_of(request))
    except StaleRules:
        messages.warning(request, _("Nothing was changed: somebody else has changed the rules meanwhile. Look again."))
        return redirect("rules")
    messages.success(request, _("This is the copy. It is off until you turn it on."))
    return redirect("rule", copy.pk)


def _list_after(request: HttpRequest, change: Callable[[], object]) -> HttpResponse:
    """The list after ``change``; when somebody else was faster, the list as it now is, and a word about it."""
    stale = ""
    try:
        change()
    except (StaleRules, Http404):  # a rule that has gone was deleted by somebody else
        stale = _("Nothing was changed: somebody else has changed the rules meanwhile. This is how they stand now.")
    if "HX-Request" in request.headers:
        return render(request, "console/rule_list.html", context_of(stale=stale))
    if stale:
        messages.warning(request, stale)
    return redirect("rules")


def seen_version(request: HttpRequest) -> int | None:
    """The version that the page was made from."""
    version = request.POST.get("version", "")
    return int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None


def rule_or_404(rule_id: int) -> Rule:
    """The rule of an address."""
    found = Rule.objects.filter(pk=rule_id).first()
    if found is None:
        raise Http404
    return found
