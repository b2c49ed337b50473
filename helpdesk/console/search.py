"""Search: tickets by their words, their people, or a whole reference."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from helpdesk.console.access import agent_of
from helpdesk.console.inbox import is_fragment
from helpdesk.models import Agent, Ticket
from helpdesk.queries import search as searches
from helpdesk.queries.inbox import Row, row_of
from helpdesk.queries.tickets import ticket_for

_MAX_QUERY = 200
#: What the palette offers at once.
_SUGGESTIONS = 7


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Tickets with the words of ``q``, newest first; a whole reference leads to its ticket at once."""
    agent, query = agent_of(request), _query(request)
    if named := _by_reference(agent, query):
        return redirect("ticket", named.reference)
    before = request.GET.get("before", "")
    page = searches.search(agent=agent, query=query, before=before) if query else searches.Page(hits=())
    first = f"{reverse('search')}?{urlencode({'q': query})}"
    context = {
        "view": "search",
        "heading": _heading(page) if query else _("Search"),
        "tabs": (),
        "rows": tuple(row_of(hit.ticket, at=hit.at) for hit in page.hits),
        "excerpts": {hit.ticket.pk: hit.excerpt for hit in page.hits},
        "older": f"{first}&{urlencode({'before': page.before})}" if page.before else "",
        "after": before,
        "first": first,
        "reference": "",
        "query": query,
        "view_query": "",
    }
    return render(request, "console/inbox/list.html" if is_fragment(request) else "console/inbox.html", context)


@require_safe
def find(request: HttpRequest) -> JsonResponse:
    """For the palette: tickets by reference, words or customer, as ``{"found": [{name, hint, go}]}``."""
    agent, query = agent_of(request), _query(request)
    if named := _by_reference(agent, query):
        return JsonResponse({"found": [_suggestion(row_of(named, at=named.last_activity_at))]})
    hits = searches.search(agent=agent, query=query, limit=_SUGGESTIONS).hits if len(query) > 1 else ()
    return JsonResponse({"found": [_suggestion(row_of(hit.ticket, at=hit.at)) for hit in hits]})


def _query(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip()[:_MAX_QUERY]


def _heading(page: searches.Page) -> str:
    if page.count is None:
        return _("Search")
    if page.is_count_capped:
        return _("More than %(num)s tickets") % {"num": page.count}
    return ngettext("%(num)s ticket", "%(num)s tickets", page.count) % {"num": page.count}


def _by_reference(agent: Agent, text: str) -> Ticket | None:
    try:
        return ticket_for(agent, text)
    except Ticket.DoesNotExist:
        return None


def _suggestion(row: Row) -> dict[str, str]:
    return {
        "name": row.subject or row.reference,
        "hint": " · ".join(filter(None, (row.contact_name, row.reference))),
        "go": reverse("ticket", args=[row.reference]),
    }
