"""Connecting a mailbox at Google or Microsoft: out to the provider's page, back with a code, and undoing it.

Who comes back must be the browser that went: the state is in its session, and in the row as a hash that works once.
"""

import secrets

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from helpdesk.actions import grants
from helpdesk.connectors import oauth
from helpdesk.connectors.tokens import trouble_in
from helpdesk.console import channels
from helpdesk.console.access import agent_of
from helpdesk.console.channel_form import ChannelForm
from helpdesk.console.provider_form import ProviderForm, redirect_address
from helpdesk.models import Channel, GrantTrouble, OAuthGrant
from helpdesk.queries.channels import channel_by_id
from helpdesk.queries.oauth import grant_of
from mail_gateway.errors import GatewayError

_UNDER_WAY = "oauth"


@sensitive_post_parameters("login-client_secret")
@require_POST
def save(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Choose a provider and go there."""
    channel = _channel(channel_id)
    form = ProviderForm(request.POST, channel=channel)
    if not form.is_valid():
        return channels.page(request, ChannelForm(channel=channel), login_form=form)
    grant = grants.use_provider(mailbox=channel.mailbox, client=form.client(), by=agent_of(request))
    return _leave(request, grant)


@require_POST
def connect(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Go to the provider (again)."""
    return _leave(request, _grant(channel_id))


@require_POST
def disconnect(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Forget the tokens."""
    if grants.disconnect(grant=_grant(channel_id), by=agent_of(request)):
        messages.success(request, _("Disconnected. The desk has forgotten the permission."))
    return redirect("channel", channel_id)


@require_POST
def use_password(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Log in with a password from now on."""
    if grants.use_password(mailbox=_channel(channel_id).mailbox, by=agent_of(request)):
        messages.success(request, _("Type the password of the mailbox and save."))
    return redirect("channel", channel_id)


@never_cache
@require_safe
@sensitive_variables("code", "verifier", "tokens")
def callback(request: HttpRequest) -> HttpResponse:
    """Somebody comes back from the provider."""
    taken = _taken(request)
    if taken is None:
        messages.error(request, _("This login was not begun here, or took too long. Begin it again."))
        return redirect("channels")
    grant, verifier = taken
    code = request.GET.get("code", "")
    if "error" in request.GET or not code:
        words = (oauth.shown(request.GET.get("error"), limit=60), oauth.shown(request.GET.get("error_description")))
        grants.note_failure(grant=grant, trouble=GrantTrouble.DECLINED, detail=": ".join(filter(None, words)))
        return _back(request, grant, is_connected=False)
    try:
        tokens = oauth.exchange(grant, code=code, redirect_uri=redirect_address(), verifier=verifier)
    except GatewayError as error:
        trouble, detail = trouble_in(error)
        grants.note_failure(grant=grant, trouble=trouble, detail=detail)
        return _back(request, grant, is_connected=False)
    return _back(request, grant, is_connected=grants.connect(grant=grant, tokens=tokens, by=agent_of(request)))


def _taken(request: HttpRequest) -> tuple[OAuthGrant, str] | None:
    """The login that this browser comes back from; None for any other."""
    state = request.GET.get("state", "")
    under_way: dict[str, str] = request.session.get(_UNDER_WAY, {})
    began = [key for key, known in under_way.items() if secrets.compare_digest(known.encode(), state.encode())]
    if not began:
        return None
    request.session[_UNDER_WAY] = {key: known for key, known in under_way.items() if key not in began}
    return grants.take_attempt(state=state)


def _leave(request: HttpRequest, grant: OAuthGrant) -> HttpResponse:
    """A page that goes on to the provider by itself: the policy allows no form to be sent on to another host."""
    try:
        attempt = grants.begin(grant=grant, redirect_uri=redirect_address())
    except GatewayError as error:
        messages.error(request, str(error))
        return redirect("channel", grant.mailbox.channel_id)
    request.session[_UNDER_WAY] = {**request.session.get(_UNDER_WAY, {}), str(grant.pk): attempt.state}
    context = {"provider": grant.get_provider_display(), "target": attempt.url, "channel_id": grant.mailbox.channel_id}
    response = render(request, "console/channel_leave.html", context)
    response["Refresh"] = f"0; url={attempt.url}"
    response["Cache-Control"] = "no-store"
    return response


def _back(request: HttpRequest, grant: OAuthGrant, *, is_connected: bool) -> HttpResponse:
    if is_connected:
        messages.success(request, _("Connected. The desk logs in now to see whether it works."))
        response = redirect("channel", grant.mailbox.channel_id)
        response["Location"] += "?try"
        return response
    messages.error(request, _("The mailbox was not connected. Its page says why."))
    return redirect("channel", grant.mailbox.channel_id)


def _grant(channel_id: int) -> OAuthGrant:
    grant = grant_of(_channel(channel_id))
    if grant is None:
        raise Http404
    return grant


def _channel(channel_id: int) -> Channel:
    try:
        return channel_by_id(channel_id=channel_id)
    except Channel.DoesNotExist as error:
        raise Http404 from error
