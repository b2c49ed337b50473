"""Channels: the mailboxes of the desk, how they are doing, and their settings; the list has the chats too."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk.actions import mailboxes, mailroom, setup
from helpdesk.console import connection_trial, provider_form
from helpdesk.console.access import agent_of
from helpdesk.console.channel_form import ChannelForm
from helpdesk.console.channel_start import StartForm, foresee
from helpdesk.models import Channel
from helpdesk.queries import channels, chat_sites, social

#: What a mailbox loop does, by mail_gateway.imap.State: (words, tone).
PHASES = {
    "": (gettext_lazy("Not started yet"), ""),
    "connecting": (gettext_lazy("Connecting"), "accent"),
    "polling": (gettext_lazy("Looking for mail"), "success"),
    "idle": (gettext_lazy("Listening"), "success"),
    "waiting": (gettext_lazy("Waits before the next try"), "warning"),
    "refused": (gettext_lazy("Login refused"), "danger"),
    "stopped": (gettext_lazy("Stopped"), ""),
}
#: What a folder is for, by RFC 6154.
USES = {
    "\\Sent": gettext_lazy("sent mail"),
    "\\Drafts": gettext_lazy("drafts"),
    "\\Junk": gettext_lazy("spam"),
    "\\Trash": gettext_lazy("deleted mail"),
    "\\Archive": gettext_lazy("archive"),
    "\\All": gettext_lazy("all mail"),
    "\\Flagged": gettext_lazy("marked mail"),
    "\\Important": gettext_lazy("important mail"),
}


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """All channels and how they are doing."""
    found = {"lines": channels.lines(), "chats": chat_sites.sites(), "accounts": social.lines(now=timezone.now())}
    return render(request, "console/channels.html", {**found, "phases": PHASES})


@sensitive_post_parameters("imap_password", "smtp_password")
@require_http_methods(["GET", "POST"])
def channel(request: HttpRequest, channel_id: int | None = None) -> HttpResponse:
    """Make or change a channel."""
    stored = _channel(channel_id) if channel_id is not None else None
    form = ChannelForm(request.POST or None, channel=stored)
    if request.method == "POST" and form.is_valid():
        saved = setup.save_mail_channel(channel=stored, values=form.values(), by=agent_of(request))
        if saved.mailbox.imap_host and saved.mailbox.imap_started_at is None:
            messages.success(request, _("Saved. No mail is fetched before you have seen what would happen."))
            return redirect("channel", saved.pk)
        messages.success(request, _("Saved."))
        return redirect("channels")
    return page(request, form)


@sensitive_post_parameters("imap_password", "smtp_password")
@require_POST
def trial(request: HttpRequest, channel_id: int | None = None) -> HttpResponse:
    """Try the typed settings out, without storing them."""
    form = ChannelForm(request.POST, channel=_channel(channel_id) if channel_id is not None else None)
    if not form.is_valid():
        if "HX-Request" in request.headers:
            return render(request, "console/channel_trial.html", {"outcomes": (), "form": form})
        return page(request, form)
    outcomes = connection_trial.try_out(form.as_mailbox())
    if "HX-Request" in request.headers:
        return render(request, "console/channel_trial.html", {"outcomes": outcomes, "form": form})
    return page(request, form, outcomes=outcomes)


@sensitive_post_parameters("imap_password", "smtp_password")
@require_POST
def folders(request: HttpRequest, channel_id: int | None = None) -> HttpResponse:
    """Ask the typed account for its folders, to tick some of them; nothing is stored."""
    form = ChannelForm(request.POST, channel=_channel(channel_id) if channel_id is not None else None)
    found = connection_trial.look_up_folders(form.as_mailbox()) if form.names_an_account else None
    if "HX-Request" in request.headers:
        return render(request, "console/channel_folders.html", {"form": form, "found": found, "uses": USES})
    return page(request, form, found=found)


@require_POST
def forecast(request: HttpRequest, channel_id: int) -> HttpResponse:
    """What Start would do with these choices."""
    stored, form = _channel(channel_id), StartForm(request.POST)
    foreseen = None
    if form.is_valid():
        foreseen = foresee(stored.mailbox, since=form.since(now=timezone.now()), older=form.older)
    if "HX-Request" in request.headers:
        return render(request, "console/channel_forecast.html", {"start": form, "forecast": foreseen})
    return page(request, ChannelForm(channel=stored), start=form, forecast=foreseen)


@require_POST
def start(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Let the mail of a mailbox be fetched from now on."""
    stored, form, now = _channel(channel_id), StartForm(request.POST), timezone.now()
    if not form.is_valid():
        return page(request, ChannelForm(channel=stored), start=form)
    since = form.since(now=now)
    if mailboxes.start_mailbox(channel=stored, since=since, older_mail=form.older, by=agent_of(request), at=now):
        messages.success(request, _("Started. The first mails are here in a few seconds."))
    return redirect("channel", channel_id)


@require_POST
def check(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Compare the folders with what is here, now."""
    mailboxes.request_check(channel=_channel(channel_id), by=agent_of(request))
    messages.success(request, _("The folders are being compared. Load this page again in a few seconds."))
    return redirect("channel", channel_id)


def page(request: HttpRequest, form: ChannelForm, **more: Any) -> HttpResponse:
    """The page of a channel. ``more`` is what was just asked for: ``outcomes``, ``found``, ``start`` with ``forecast``.

    ``login_form`` has errors to show.
    """
    stored = form.channel
    is_fetched = stored is not None and bool(stored.mailbox.imap_host)
    context = {
        "form": form,
        "channel": stored,
        "folders": channels.folders_of(channel=stored) if stored is not None else (),
        "is_fetched": is_fetched,
        "start": StartForm() if is_fetched else None,
        "phases": PHASES,
        "uses": USES,
        "outcomes": (),
    }
    if stored:
        context |= provider_form.context(stored, more.pop("login_form", None))
    return render(request, "console/channel.html", {**context, **more})


@require_POST
def resume(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Let a paused channel send again."""
    try:
        row = channels.any_channel(channel_id=channel_id)
    except Channel.DoesNotExist as error:
        raise Http404 from error
    if mailroom.resume_channel(channel=row, by=agent_of(request)):
        messages.success(request, _("The channel sends again."))
    return redirect("channels")


def _channel(channel_id: int) -> Channel:
    try:
        return channels.channel_by_id(channel_id=channel_id)
    except Channel.DoesNotExist as error:
        raise Http404 from error
