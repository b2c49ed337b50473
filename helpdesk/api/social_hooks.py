"""Social platforms deliver here: 200 only when everything of it is stored, and nothing without a valid signature.

Platforms repeat what wasn't answered with 200. So nothing is lost while the desk is down, and a repeat is known by its
id, however late it comes and in whatever order.
"""

import logging

from django.http import HttpRequest, HttpResponse, RawPostDataException
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from helpdesk.actions import social_accounts
from helpdesk.connectors.registry import social_connector
from helpdesk.connectors.social import Forged
from helpdesk.intake.social import take_delivery
from helpdesk.models import SocialAccount, SocialTrouble
from helpdesk.queries.social import account_at
from mail_gateway.errors import Temporary

log = logging.getLogger(__name__)

#: Platforms deliver words and addresses of files, never files.
MAX_BYTES = 5 * 1024 * 1024


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def deliver(request: HttpRequest, key: str) -> HttpResponse:
    """One delivery, or a platform that tries the address out."""
    account = account_at(key)
    if account is None:
        return _answer(404, "There is no such address.")
    connector = social_connector(account.provider)
    if request.method != "POST":
        said = connector.handshake(account, request.GET.dict())
        return _answer(200, said) if said is not None else _answer(403, "Deliveries come by POST.")
    body = _read(request)
    if body is None:
        return _refuse(account, SocialTrouble.TOO_LARGE, 413, "The delivery is too large.")
    try:
        connector.verify(account, {name.lower(): value for name, value in request.headers.items()}, body)
    except Forged as error:
        log.warning("social account %s: %s", account.pk, error)
        return _refuse(account, SocialTrouble.FORGED, 403, "The signature is wrong.", detail=str(error))
    return _take(account, body)


def _take(account: SocialAccount, body: bytes) -> HttpResponse:
    now = timezone.now()
    try:
        is_readable = take_delivery(account=account, body=body, at=now)
    except Temporary as error:
        log.warning("social account %s: a delivery could not be stored: %s", account.pk, error)
        return _answer(503, "Try again later.")
    if is_readable:
        social_accounts.note_event(account=account, at=now)
    else:  # it is ours to understand; the platform would only say it again
        social_accounts.note_trouble(account=account, trouble=SocialTrouble.UNREADABLE, at=now)
    return _answer(200, "Stored.")


def _read(request: HttpRequest) -> bytes | None:
    """The body as it came; None beyond what a delivery may be."""
    try:
        body = request.read(MAX_BYTES + 1)
    except (OSError, RawPostDataException):
        return b""  # the platform hung up, and repeats
    return body if len(body) <= MAX_BYTES else None


def _refuse(
    account: SocialAccount, trouble: SocialTrouble, status: int, words: str, *, detail: str = ""
) -> HttpResponse:
    log.warning("social account %s: a delivery was refused: %s", account.pk, trouble.value)
    social_accounts.note_trouble(account=account, trouble=trouble, detail=detail, at=timezone.now())
    return _answer(status, words)


def _answer(status: int, words: str) -> HttpResponse:
    return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
