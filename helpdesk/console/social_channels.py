"""The page of a social channel: its credentials, tried out; the webhook's address; what came in last; what is wrong."""

import logging

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk.actions import social_accounts as actions
from helpdesk.connectors.registry import SOCIAL, account_connector, social_connector
from helpdesk.connectors.social import Checked
from helpdesk.connectors.staged import is_staged
from helpdesk.console.access import agent_of
from helpdesk.console.social_form import SocialForm
from helpdesk.intake.social_care import learn_templates
from helpdesk.models import Channel, InboundEvent, SocialAccount
from helpdesk.queries import social
from mail_gateway.errors import GatewayError

log = logging.getLogger(__name__)


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """Which platform is to be connected?"""
    kinds = [(kind.value, str(kind.label)) for kind in social.platforms()]
    return render(request, "console/social_new.html", {"platforms": kinds})


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, provider: str) -> HttpResponse:
    """Connect an account."""
    if provider not in social.platforms():
        raise Http404
    return _save(request, provider, None)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Look at a connected account, and change it."""
    account = _account(channel_id)
    return _save(request, account.provider, account)


def _save(request: HttpRequest, provider: str, account: SocialAccount | None) -> HttpResponse:
    form = SocialForm(request.POST or None, provider=provider, account=account)
    if request.method != "POST" or not form.is_valid():
        return _page(request, form, provider, account)
    now = timezone.now()
    draft = actions.draft_account(account=account, provider=provider, wanted=form.wanted(), at=now)
    checked = _tried(draft)  # the network first: no transaction waits for it
    if account is None and not checked.ok:
        return _page(request, form, provider, None, checked=checked)
    saved = actions.save_account(account=draft, checked=checked, by=agent_of(request), at=now)
    if checked.ok:
        _connect(request, saved)
    else:
        messages.error(request, _("Saved, but it does not work: %s") % checked.trouble)
    return redirect("social-channel", saved.channel_id)


@require_POST
def check(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Try the stored credentials out, and tell the platform the address once more."""
    account = _account(channel_id)
    checked = _tried(account)
    actions.note_checked(account=account, checked=checked, at=timezone.now())
    if checked.ok:
        _connect(request, account)
    return _page(
        request, SocialForm(provider=account.provider, account=account), account.provider, account, checked=checked
    )


@require_POST
def renew(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Another webhook address: who knew the old one has no way in."""
    account = _account(channel_id)
    actions.new_key(account=account, by=agent_of(request), at=timezone.now())
    _connect(request, account)
    return redirect("social-channel", channel_id)


def _tried(account: SocialAccount) -> Checked:
    try:
        return account_connector(account).check(account)
    except GatewayError as error:
        return Checked(ok=False, trouble=_("The platform can't be reached: %s") % error)


def _connect(request: HttpRequest, account: SocialAccount) -> None:
    try:
        account_connector(account).connect(account, social.webhook_address(account))
    except GatewayError as error:
        log.warning("social account %s could not be connected: %s", account.pk, error)
        messages.error(request, _("The credentials work, but the platform does not take the address: %s") % error)
    else:
        messages.success(request, _("Connected."))
        _learn_templates(request, account)


def _learn_templates(request: HttpRequest, account: SocialAccount) -> None:
    try:
        learn_templates(account=account, by=agent_of(request), at=timezone.now())
    except GatewayError as error:
        log.warning("social account %s: its approved texts can't be had: %s", account.pk, error)
        messages.error(request, _("The approved texts can't be had: %s") % error)


def _page(
    request: HttpRequest,
    form: SocialForm,
    provider: str,
    account: SocialAccount | None,
    *,
    checked: Checked | None = None,
) -> HttpResponse:
    now = timezone.now()
    connector = social_connector(provider)
    stored = _account(account.channel_id) if account is not None else None
    context = {
        "form": form,
        "provider": provider,
        "platform": _("Your system") if provider == Channel.Kind.GENERIC else str(Channel.Kind(provider).label),
        "account": stored,
        "channel": stored.channel if stored else None,
        "checked": checked,
        "address": social.webhook_address(stored) if stored else "",
        "is_asked": stored is not None and connector.poll_every(stored) is not None,
        "is_public": social.is_reachable_from_outside(),
        "is_staged": stored is not None and is_staged(stored),
        "events": social.newest_events(stored) if stored else (),
        "states": {state.value: str(state.label) for state in InboundEvent.State},
        "reasons": {reason.value: str(reason.label) for reason in InboundEvent.Reason},
        "able": connector.capabilities,
        "templates": stored.templates.all() if stored else (),
        "days_left": (stored.expires_at - now).days if stored and stored.expires_at else None,
    }
    return render(request, "console/social_channel.html", context)


def _account(channel_id: int) -> SocialAccount:
    try:
        account = social.account_of(channel_id=channel_id)
    except SocialAccount.DoesNotExist as error:
        raise Http404 from error
    if account.provider not in SOCIAL:
        raise Http404
    return account
