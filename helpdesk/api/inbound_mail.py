"""Mail services hand over mail here, one call a mail: 200 only when it is stored (MAIL.md 1).

Services repeat what wasn't answered with 200, for hours. So nothing is lost while the desk is down or wrongly set up,
and a repeat is swallowed by `accept`.
"""

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse, RawPostDataException
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from helpdesk.actions import inbound_hooks
from helpdesk.connectors import mail_services
from helpdesk.connectors.mail_services import Delivered, Posted, Subscription
from helpdesk.intake.accept import Envelope, accept
from helpdesk.models import HookTrouble, InboundHook
from helpdesk.queries.inbound_hooks import hook_at
from mail_gateway.errors import GatewayError, Temporary

log = logging.getLogger(__name__)

#: A mail is a third longer in base64, and a form or JSON adds little.
_ROOM = 4 / 3 + 0.1


@csrf_exempt
@never_cache
@require_http_methods(["POST", "HEAD"])
def deliver(request: HttpRequest, key: str) -> HttpResponse:
    """One delivery. Services that try an address out ask for HEAD first."""
    hook = hook_at(key)
    if hook is None:
        return _answer(404, "There is no such address.")
    if request.method == "HEAD":
        return _answer(200, "")
    body = _read(request)
    if body is None:
        return _refuse(hook, HookTrouble.TOO_LARGE, 413, "The mail is too large.")
    try:
        posted = Posted({name.lower(): value for name, value in request.headers.items()}, body)
        found = mail_services.read(hook.service, posted, secret=hook.secret)
    except mail_services.Forged:
        return _refuse(hook, HookTrouble.FORGED, 403, "The signature or password is wrong.")
    except mail_services.NotRaw:
        return _refuse(hook, HookTrouble.NOT_RAW, 422, "Deliver raw mail: the complete MIME message.")
    except mail_services.Unreadable:
        return _refuse(hook, HookTrouble.UNREADABLE, 422, "This can't be read.")
    except GatewayError as error:
        log.warning("inbound hook %s: its signature could not be checked: %s", hook.pk, error)
        return _answer(503, "Try again later.")
    if isinstance(found, Subscription):
        return _confirm(hook, found)
    return _take(hook, found)


def _take(hook: InboundHook, found: Delivered) -> HttpResponse:
    if len(found.raw) > settings.MAX_MAIL_BYTES:
        return _refuse(hook, HookTrouble.TOO_LARGE, 413, "The mail is too large.")
    now = timezone.now()
    try:
        accept(
            channel=hook.mailbox.channel,
            external_id=found.external_id,
            raw=found.raw,
            received_at=now,
            envelope=Envelope(mail_from=found.mail_from, recipients=found.recipients[:500]),
        )
    except Temporary as error:
        log.warning("inbound hook %s: a mail could not be stored: %s", hook.pk, error)
        return _answer(503, "Try again later.")
    inbound_hooks.note_delivery(hook=hook, at=now)
    return _answer(200, "Stored.")


def _confirm(hook: InboundHook, subscription: Subscription) -> HttpResponse:
    try:
        is_confirmed = mail_services.confirm(subscription)
    except GatewayError as error:
        log.warning("inbound hook %s: the subscription could not be confirmed: %s", hook.pk, error)
        is_confirmed = False
    if not is_confirmed:
        return _refuse(hook, HookTrouble.UNCONFIRMED, 503, "Try again later.")
    log.info("inbound hook %s: the subscription is confirmed", hook.pk)
    return _answer(200, "Confirmed.")


def _read(request: HttpRequest) -> bytes | None:
    """The body, past Django's own limit for forms; None beyond what a mail may be."""
    most = int(settings.MAX_MAIL_BYTES * _ROOM) + 64 * 1024
    try:
        body = request.read(most + 1)
    except (OSError, RawPostDataException):
        return b""  # the service hung up, and repeats
    return body if len(body) <= most else None


def _refuse(hook: InboundHook, trouble: HookTrouble, status: int, words: str) -> HttpResponse:
    log.warning("inbound hook %s: a delivery was refused: %s", hook.pk, trouble.value)
    inbound_hooks.note_trouble(hook=hook, trouble=trouble, at=timezone.now())
    return _answer(status, words)


def _answer(status: int, words: str) -> HttpResponse:
    return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
