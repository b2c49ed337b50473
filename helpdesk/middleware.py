"""What every response and every request gets: a Content Security Policy, the reader's zone and language."""

import secrets
import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

Handler = Callable[[HttpRequest], HttpResponse]

_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self' {sockets}; frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def content_security_policy(handler: Handler) -> Handler:
    """Every response carries a policy with a fresh nonce; a view that needs a stricter one sets its own first."""
    # Older Safari doesn't count a socket on the own host as 'self'.
    sockets = settings.SITE_URL.replace("http", "ws", 1)

    def respond(request: HttpRequest) -> HttpResponse:
        request.csp_nonce = secrets.token_urlsafe(16)  # type: ignore[attr-defined]
        response = handler(request)
        if "Content-Security-Policy" not in response:
            nonce: str = request.csp_nonce  # type: ignore[attr-defined]
            response["Content-Security-Policy"] = _POLICY.format(nonce=nonce, sockets=sockets)
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response

    return respond


def reader_preferences(handler: Handler) -> Handler:
    """Agents read in their own zone and language; visitors in the desk's zone and their browser's language."""
    zones = zoneinfo.available_timezones()  # walks the disk, 600 files: once a process, not once a page

    def respond(request: HttpRequest) -> HttpResponse:
        agent = request.user
        zone = getattr(agent, "time_zone", "")
        if agent.is_authenticated:
            translation.activate(agent.language)
            request.LANGUAGE_CODE = translation.get_language() or settings.LANGUAGE_CODE
        with timezone.override(zone if zone in zones else settings.TIME_ZONE):
            return handler(request)

    return respond
