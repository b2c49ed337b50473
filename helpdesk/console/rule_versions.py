"""Versions of the rules: which there are, what differs between two, and the way back."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk.actions import rule_sets
from helpdesk.console import paging
from helpdesk.console.access import agent_of
from helpdesk.console.rule_choices import rule_choices
from helpdesk.console.rule_differences import shown, told
from helpdesk.queries import rule_versions
from routing_rules.models import RuleVersion, StaleRules, current_number

#: A larger number is no version's, and the database could not hold it.
_MAX_NUMBER = 2**31 - 1


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """All versions, newest first, each with author, reason and what it changed."""
    page, lines = rule_versions.versions(key=paging.key_of(request))
    newest = current_number()
    context = {
        "lines": [(line.version, told(line.changes)) for line in lines],
        "newest": newest,
        "pages": paging.links(request, page),
        "plans": rule_versions.plans(),
        "told": told,
    }
    return render(request, "console/rule_versions.html", context)


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """What differs between version ``from`` and version ``to``; without them, between the last two."""
    newest = current_number()
    end = _number(request, "to", newest)
    start = _number(request, "from", max(0, end - 1))
    try:
        changes = rule_versions.compared(start=start, end=end)
    except RuleVersion.DoesNotExist as error:
        raise Http404 from error
    kept = RuleVersion.objects.defer("rules")
    context = {
        "start": kept.filter(number=start).first(),
        "end": kept.filter(number=end).first(),
        "numbers": (start, end),
        "newest": newest,
        "shown": shown(changes, choices=rule_choices()),
        "versions": kept[:100],
    }
    return render(request, "console/rule_compare.html", context)


def _number(request: HttpRequest, name: str, default: int) -> int:
    value = request.GET.get(name, "")
    return min(int(value), _MAX_NUMBER) if value.isascii() and value.isdigit() and len(value) < 12 else default


@require_POST
def restore(request: HttpRequest, number: int) -> HttpResponse:
    """Make the rules what they were in version ``number``, unless they have changed since the page was made."""
    expected = request.POST.get("version", "")
    try:
        version = rule_sets.restore_version(
            number=number, expected_version=int(expected) if expected.isdigit() else -1, by=agent_of(request)
        )
    except RuleVersion.DoesNotExist as error:
        raise Http404 from error
    except StaleRules:
        messages.warning(request, _("Nothing was changed: somebody else has changed the rules meanwhile. Look again."))
        return redirect("rule-versions")
    if version is None:
        messages.info(request, _("The rules are as in version %(number)d already.") % {"number": number})
        return redirect("rule-versions")
    words = {"old": number, "new": version.number}
    messages.success(request, _("The rules are again as in version %(old)d. This is version %(new)d now.") % words)
    return redirect(f"{reverse('rule-compare')}?from={version.number - 1}&to={version.number}")
