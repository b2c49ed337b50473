"""The way into a chat without scripts: a form whose question becomes a ticket of the same channel, answered by mail."""

from dataclasses import dataclass, field
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from helpdesk import chats
from helpdesk.actions.visitors import Guest
from helpdesk.chats.words import MAX_TEXT
from helpdesk.console.chat_form import LANGUAGE_NAMES
from helpdesk.models import ChatSite
from helpdesk.queries import chat_sites, progress
from helpdesk.text import clean
from helpdesk.widget import identity, limits, lookups, pages, words

#: Questions by this form from one address: three at once, then one in two minutes.
_rates = limits.Rates(rate=1 / 120, size=3)


@dataclass(slots=True)
class Question:
    """What was typed, and what is wrong with it, by field. ``errors`` holds keys of the widget's words."""

    name: str = ""
    email: str = ""
    text: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@csrf_exempt  # nobody's login is used here, and a visitor gets no cookie
@never_cache
@require_http_methods(["GET", "POST"])
def write(request: HttpRequest, slug: str) -> HttpResponse:
    """The form; a POST of it stores the question and leads to a page with the reference.

    The same form sent twice is one question: it brings the id of its message and the token of its visitor along.
    """
    try:
        site = chat_sites.open_site(slug=slug)
    except ChatSite.DoesNotExist as error:
        raise Http404 from error
    asked = (
        request.POST.get("language") or request.GET.get("language") or translation.get_language_from_request(request)
    )
    language = words.chosen(asked, languages=site.languages)
    if request.method == "GET" or site.requires_identity:
        return _page(request, site, language, Question())
    question = _read(request.POST, site, language)
    token, client_id = request.POST.get("token", ""), request.POST.get("message", "")
    if not identity.is_ours(token, site.channel_id) or not (8 <= len(client_id) <= 64 and client_id.isalnum()):
        return _page(request, site, language, question)  # a form of an older desk: the typed text is kept
    now = timezone.now()
    if not question.errors and not _rates.of(request.META.get("REMOTE_ADDR", "")).take(now.timestamp()):
        question.errors["form"] = "form_slow"
    if question.errors:
        return _page(request, site, language, question, token=token, client_id=client_id)
    guest = Guest(
        channel_id=site.channel_id, token=token, name=question.name, address=question.email, language=language
    )
    said = chats.say(
        words=chats.Words(client_id=client_id, text=question.text, at=now, guest=guest, fields=question.answers)
    )
    if isinstance(said, chats.Refused):
        question.errors["form"] = "refused"
        return _page(request, site, language, question)
    return redirect(f"{reverse('chat-written', args=[slug, progress.token_for(said.ticket_id)])}?language={language}")


@never_cache
@require_http_methods(["GET"])
def written(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """It has arrived: the reference, and the link by which one follows the case."""
    found = progress.progress_for(token, now=timezone.now())
    try:
        site = chat_sites.open_site(slug=slug)
    except ChatSite.DoesNotExist as error:
        raise Http404 from error
    if found is None:
        raise Http404
    language = words.chosen(request.GET.get("language", ""), languages=site.languages)
    context = {"reference": found.reference, "progress_url": reverse("progress", args=[token])}
    response = _render(request, site, language, "portal/written.html", context)
    response["Referrer-Policy"] = "no-referrer"  # the address is the key
    return response


def _read(given: QueryDict, site: ChatSite, language: str) -> Question:
    question = Question(
        name=clean(given.get("name", ""), max_length=120),
        email=lookups.address_in(given.get("email", "")) or "",
        text=given.get("text", "").strip(),
    )
    for each in pages.fields_of(site, language):
        value = clean(given.get(each["name"], ""), max_length=500)
        question.answers[each["name"]] = value
        if each["required"] and not value and each["name"] != "email":
            question.errors[each["name"]] = "required"
    question.answers |= {"name": question.name, "email": question.email}
    if not question.email:
        question.errors["email"] = "bad_address"
        question.email = given.get("email", "")[:320]
    if not question.text:
        question.errors["text"] = "required"
    elif len(question.text) > MAX_TEXT:
        question.errors["text"] = "too_long"
    return question


def _page(
    request: HttpRequest, site: ChatSite, language: str, question: Question, *, token: str = "", client_id: str = ""
) -> HttpResponse:
    texts = words.catalogue(language)
    context = {
        "question": question,
        "errors": {name: str(texts[key]).replace("{n}", str(MAX_TEXT)) for name, key in question.errors.items()},
        "fields": [each for each in pages.fields_of(site, language) if each["name"] not in {"name", "email"}],
        "token": token or identity.new_token(site.channel_id),
        "client_id": client_id or identity.new_message_id(),
        "needs_identity": site.requires_identity,
    }
    response = _render(request, site, language, "portal/write.html", context)
    response.status_code = 422 if question.errors else 200
    return response


def _render(
    request: HttpRequest, site: ChatSite, language: str, template: str, context: dict[str, Any]
) -> HttpResponse:
    here = request.path
    spoken = [(code, LANGUAGE_NAMES[code], f"{here}?language={code}") for code in site.languages]
    with translation.override(language):
        more = {"site": site, "words": words.catalogue(language), "language_code": language, "languages": spoken}
        response = render(request, template, {**more, **context})
    response["Content-Language"] = language
    response["X-Robots-Tag"] = "noindex"
    return response
