"""Which mail service hands over a mailbox's mail by webhook."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk.actions import inbound_hooks
from helpdesk.connectors.mail_services import USER
from helpdesk.console.access import agent_of
from helpdesk.console.channel_form import Secret
from helpdesk.models import Channel, HookTrouble, InboundHook, MailService
from helpdesk.queries.channels import channel_by_id
from helpdesk.queries.inbound_hooks import hook_of

#: These have a key of their own, which an admin copies; for the others the desk makes a password.
_NEEDS_KEY = (MailService.MAILGUN, MailService.SES)


class ServiceForm(forms.Form):
    """The service, and what proves that a delivery is its own."""

    service = forms.ChoiceField(label=gettext_lazy("Service"), choices=MailService.choices)
    secret = Secret(
        label=gettext_lazy("Key"),
        help_text=gettext_lazy(
            "Mailgun: the HTTP webhook signing key. Amazon SES: the ARN of the SNS topic. Postmark and SendGrid: leave "
            "it empty, the desk makes a password."
        ),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, hook: InboundHook | None) -> None:
        self.hook = hook
        super().__init__(data, initial={"service": hook.service} if hook else None)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        service, secret = values.get("service"), values.get("secret", "")
        is_stored = self.hook is not None and self.hook.service == service
        if service in _NEEDS_KEY and not secret and not is_stored:
            self.add_error("secret", _("This service needs its key."))
        if service == MailService.SES and secret and not secret.strip().startswith("arn:"):
            raise ValidationError({"secret": _("The ARN of a topic begins with arn:aws:sns:")})
        return values


@never_cache
@sensitive_post_parameters("secret")
@require_http_methods(["GET", "POST"])
def service(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Choose a service, and read the address that it needs."""
    channel = _channel(channel_id)
    hook = hook_of(channel)
    form = ServiceForm(request.POST or None, hook=hook)
    if request.method == "POST" and form.is_valid():
        inbound_hooks.use_service(
            mailbox=channel.mailbox,
            service=MailService(form.cleaned_data["service"]),
            secret=form.cleaned_data["secret"].strip(),
            by=agent_of(request),
        )
        messages.success(request, _("Saved. Now give the address to the service."))
        return redirect("channel-service", channel_id)
    context = {"channel": channel, "form": form, "hook": hook, "address": _address(hook) if hook else ""}
    if hook is not None:
        context["trouble"] = HookTrouble(hook.trouble).label if hook.trouble else ""
    return render(request, "console/channel_service.html", context)


@require_POST
def remove(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Take no more deliveries."""
    if inbound_hooks.use_none(mailbox=_channel(channel_id).mailbox, by=agent_of(request)):
        messages.success(request, _("Removed. The address takes no more mail."))
    return redirect("channel-service", channel_id)


def _address(hook: InboundHook) -> str:
    """What the service is told. The password in it is the only proof that Postmark and SendGrid have."""
    scheme, _, rest = f"{settings.SITE_URL}{reverse('inbound-mail', args=[hook.key])}".partition("://")
    if hook.service in _NEEDS_KEY:
        # Mailgun posts complete mails only to addresses that end so.
        return f"{scheme}://{rest}" + ("mime" if hook.service == MailService.MAILGUN else "")
    return f"{scheme}://{USER}:{hook.secret}@{rest}"


def _channel(channel_id: int) -> Channel:
    try:
        return channel_by_id(channel_id=channel_id)
    except Channel.DoesNotExist as error:
        raise Http404 from error
