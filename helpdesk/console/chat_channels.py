"""The page of a chat channel: its settings, the line for the site, what is still amiss, the site's keys, a preview."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk.actions import chat_sites as actions
from helpdesk.console.access import agent_of
from helpdesk.console.chat_form import LANGUAGE_NAMES, ChatForm
from helpdesk.models import ChatKey, ChatSite
from helpdesk.queries import articles, chat_sites
from helpdesk.widget import pages
from helpdesk.widget.palette import palette_of

#: Sites that nobody else can see.
_OF_THIS_MACHINE = ("http://localhost", "http://127.0.0.1", "http://[::1]")


@dataclass(frozen=True)
class Remark:
    """Something about a chat that its admin should know. ``tone``: danger, warning or ''."""

    tone: str
    text: str


@require_http_methods(["GET", "POST"])
def chat(request: HttpRequest, channel_id: int | None = None) -> HttpResponse:
    """Make or change a chat channel."""
    site = _site(channel_id) if channel_id is not None else None
    form = ChatForm(request.POST or None, site=site)
    if request.method == "POST" and form.is_valid():
        saved = actions.save_chat_channel(site=site, values=form.values(), by=agent_of(request), at=timezone.now())
        messages.success(request, _("Saved."))
        return redirect("chat-channel", saved.channel_id)
    return _page(request, form)


@xframe_options_sameorigin
@require_POST
def preview(request: HttpRequest, channel_id: int | None = None) -> HttpResponse:
    """The panel as it would be with what is typed; nothing is stored."""
    form = ChatForm(request.POST, site=_site(channel_id) if channel_id is not None else None)
    return pages.document(request, form.as_site(), language=request.POST.get("preview_language", ""))


@never_cache
@require_POST
def make_key(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Make a key and show its secret, this once."""
    site = _site(channel_id)
    try:
        key = actions.make_key(site=site, by=agent_of(request), at=timezone.now())
    except actions.TooManyKeys:
        messages.error(request, _("There are two keys already. Retire the old one first."))
        return redirect("chat-channel", channel_id)
    return _page(request, ChatForm(site=site), new_key=key)


@require_POST
def retire_key(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Believe a key no more."""
    kid = request.POST.get("kid", "")
    if actions.retire_key(site=_site(channel_id), kid=kid, by=agent_of(request), at=timezone.now()):
        messages.success(request, _("The key is retired. What it signed is believed no more."))
    return redirect("chat-channel", channel_id)


def remarks(site: ChatSite) -> list[Remark]:
    """What stands in the way of this chat, and what is good to know."""
    return [*_of_the_sites(site), *_of_the_people(site), *_of_the_looks(site)]


def _of_the_sites(site: ChatSite) -> Iterator[Remark]:
    if not site.channel.is_active:
        yield Remark("warning", _("It is closed: the button is on no page."))
    if not site.allowed_origins:
        yield Remark("danger", _("No site may show it yet. Add the address of yours."))
    for origin in site.allowed_origins:
        if origin.startswith("http://") and not origin.startswith(_OF_THIS_MACHINE):
            yield Remark("warning", _("%(site)s is not encrypted: others can read along.") % {"site": origin})
    if site.requires_identity and not site.keys.filter(retired_at=None).exists():
        yield Remark("danger", _("Nobody can write: only people whom the site vouches for may, and it has no key."))


def _of_the_people(site: ChatSite) -> Iterator[Remark]:
    if not chat_sites.people_of(site=site):
        yield Remark("danger", _("Nobody is in the team that takes its chats."))
    if site.hours.is_never_open:
        yield Remark("danger", _("Its opening hours never begin."))
    if not chat_sites.can_write_mail(site=site):
        yield Remark("warning", _("No mailbox can send: who has left the page gets no answer by mail."))


def _of_the_looks(site: ChatSite) -> Iterator[Remark]:
    shown = palette_of(site.colour)
    if shown.is_corrected:
        text = _("Your colour %(colour)s would be hard to read; it is shown as %(shown)s.")
        yield Remark("", text % {"colour": site.colour, "shown": shown.fill})
    bare = [LANGUAGE_NAMES[code] for code in site.languages if not articles.published(language=code)]
    if bare and site.is_faq_first:
        text = _("The FAQ has no articles yet in these languages of the chat: %(names)s.")
        yield Remark("", text % {"names": ", ".join(bare)})


def _page(request: HttpRequest, form: ChatForm, *, new_key: ChatKey | None = None) -> HttpResponse:
    site = form.site
    context = {
        "form": form,
        "site": site,
        "channel": site.channel if site else None,
        "remarks": remarks(site) if site else [],
        "line": pages.script_line(site) if site else "",
        "pinned_line": pages.pinned_line(site) if site else "",
        "origin": settings.SITE_URL,
        "keys": list(site.keys.filter(retired_at=None).order_by("created_at")) if site else [],
        "new_key": new_key,
        "palette": palette_of(site.colour if site else ChatForm.base_fields["colour"].initial),
        "languages": list(LANGUAGE_NAMES.items()),
    }
    return render(request, "console/chat_channel.html", context)


def _site(channel_id: int) -> ChatSite:
    try:
        return chat_sites.site_by_channel(channel_id=channel_id)
    except ChatSite.DoesNotExist as error:
        raise Http404 from error
