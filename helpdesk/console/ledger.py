"""The ledger for people: paste a Message-ID, read its fate."""

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from helpdesk.console import paging
from helpdesk.queries import fates, troubles
from helpdesk.text import clean

#: Each fate: (word, tone).
FATES = {
    fates.Fate.MESSAGE: (gettext_lazy("Message"), "success"),
    fates.Fate.AGAIN: (gettext_lazy("The same again"), ""),
    fates.Fate.QUARANTINED: (gettext_lazy("Quarantined"), "danger"),
    fates.Fate.IGNORED: (gettext_lazy("Ignored"), ""),
    fates.Fate.WAITING: (gettext_lazy("Waiting"), "warning"),
}


@never_cache
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Every arrival, or those that were asked for, each with what became of it."""
    words = clean(request.GET.get("q", ""), max_length=1000)
    on = _day(request.GET.get("on", ""))
    answer = fates.ask(words=words, on=on, key=paging.key_of(request))
    context = {
        "words": words,
        "on": on.isoformat() if on else "",
        "lines": answer.lines,
        "ours": answer.ours,
        "pages": paging.links(request, answer.arrivals),
        "fates": FATES,
        "folders": troubles.followed_folders(),
    }
    return render(request, "console/ledger.html", context)


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
