"""The progress page: what became of an enquiry, for whoever holds its link."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from helpdesk.models import State
from helpdesk.portal import languages
from helpdesk.queries import progress

#: Each state in words for a customer: (what it is called, what it means for them).
STATE_WORDS = {
    State.NEW: (
        _("Received"),
        _("Your message is in our queue. Nobody has to be reminded; we answer in order of arrival."),
    ),
    State.OPEN: (_("In progress"), _("Somebody is working on it.")),
    State.WAITING: (
        _("Waiting for you"),
        _("We have answered and need to hear from you. Reply to our message to go on."),
    ),
    State.SOLVED: (_("Solved"), _("We think this is solved. If it is not, reply to our message and it opens again.")),
    State.CLOSED: (_("Closed"), _("This enquiry is closed. For anything new, just write to us again.")),
}
#: What we think of a mail is not for its sender to know.
STATE_WORDS[State.SPAM] = STATE_WORDS[State.CLOSED]


@never_cache
@require_safe
def show(request: HttpRequest, token: str) -> HttpResponse:
    """The page; 404 for a link that opens nothing, in the same words whatever is wrong with it."""
    found = progress.progress_for(token, now=timezone.now())
    language = languages.chosen(request, first=found.language if found else "")
    with translation.override(language):
        if found is None:
            page = render(request, "portal/progress_unknown.html", status=404)
        else:
            word, meaning = STATE_WORDS[State(found.state)]
            context = {
                "progress": found,
                "word": word,
                "meaning": meaning,
                "is_over": found.state in {State.SOLVED, State.CLOSED, State.SPAM},
                "languages": languages.links(request),
            }
            page = render(request, "portal/progress.html", context)
    page["Content-Language"] = language
    # The address is the key: it goes into no index, no other site's log and no shared cache.
    page["Referrer-Policy"] = "no-referrer"
    page["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return page
