"""Other systems put their records here: ``PUT /api/records/<system>/<id>/`` with its token (docs/customers.md).

The same call twice is one record; every refusal is a sentence, for whoever wired the two systems together.
"""

import logging
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, JsonResponse, RawPostDataException
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from helpdesk.actions import records as actions
from helpdesk.actions.contacts import BadAddress, address_of
from helpdesk.actions.records import RecordFields
from helpdesk.models import ExternalRecord, ExternalSystem, IdentityKind
from helpdesk.queries.records import record_of, system_by_token
from helpdesk.text import read_json

log = logging.getLogger(__name__)

#: A record is a line of a list, not a document.
MAX_BYTES = 64 * 1024
_MOST_FIELDS = 20
_TEXTS = {"kind": 40, "title": 200, "state": 60, "amount": 40, "url": 500}
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]{2,}")


class _Refused(ValueError):
    """What was sent can't be stored; the text is the answer."""


@csrf_exempt
@never_cache
@require_http_methods(["GET", "PUT", "DELETE"])
def record(request: HttpRequest, system: str, external_id: str) -> JsonResponse:
    """One record of one system: as it is stored, stored anew, or taken away."""
    caller = _caller(request, system)
    if caller is None:
        answer = _error("The token is wrong, or the system is unknown or switched off.", 401)
        answer["WWW-Authenticate"] = 'Bearer realm="records"'
        return answer
    if len(external_id) > 120 or not external_id.isprintable():
        return _refuse(caller, "The id has at most 120 printable characters.", 422)
    if request.method == "PUT":
        return _put(request, caller, external_id)
    if request.method == "DELETE":
        is_gone = actions.remove_record(system=caller, external_id=external_id, at=timezone.now())
        return JsonResponse({"removed": is_gone}, status=200 if is_gone else 404)
    row = record_of(caller, external_id=external_id)
    return JsonResponse(_shown(row)) if row is not None else _error("There is no such record.", 404)


def _put(request: HttpRequest, caller: ExternalSystem, external_id: str) -> JsonResponse:
    try:
        body = request.read(MAX_BYTES + 1)
    except (OSError, RawPostDataException):
        return _error("The connection broke.", 400)
    if len(body) > MAX_BYTES:
        return _refuse(caller, "A record has at most 64 kB.", 413)
    try:
        fields = _fields(body)
    except _Refused as error:
        return _refuse(caller, str(error), 422)
    row, is_new = actions.put_record(system=caller, external_id=external_id, fields=fields, at=timezone.now())
    return JsonResponse(_shown(row), status=201 if is_new else 200)


def _caller(request: HttpRequest, slug: str) -> ExternalSystem | None:
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    return system_by_token(slug=slug, token_hash=actions.hash_of(token.strip()))


def _fields(body: bytes) -> RecordFields:
    try:
        given = read_json(body)
    except ValueError as error:
        raise _Refused("The body is no JSON.") from error
    if not isinstance(given, dict):
        raise _Refused("The body is no JSON object.")
    texts = {name: _text(given, name, most) for name, most in _TEXTS.items()}
    for name in ("kind", "title"):
        if not texts[name]:
            raise _Refused(f"“{name}” is missing.")
    if texts["url"] and not texts["url"].startswith(("https://", "http://")):
        raise _Refused("“url” does not begin with https://.")
    return RecordFields(**texts, **_owner(given), at=_moment(given), fields=_more(given))


def _text(given: Mapping[str, Any], name: str, most: int) -> str:
    value = given.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise _Refused(f"“{name}” is a text of at most {most} characters.")
    return value.strip()


def _moment(given: Mapping[str, Any]) -> datetime:
    try:
        found = parse_datetime(str(given.get("at", "")))
    except ValueError:
        found = None
    if found is None or found.utcoffset() is None:
        raise _Refused("“at” is no time with its zone, such as 2026-03-02T14:00:00+02:00.")
    return found


def _owner(given: Mapping[str, Any]) -> dict[str, str]:
    """Whose it is: an address of a customer, a domain of an organisation, or both."""
    customer, domain = given.get("customer") or {}, str(given.get("domain") or "").strip().lower()
    if domain and (len(domain) > 190 or not _DOMAIN.fullmatch(domain)):
        raise _Refused("“domain” is no domain.")
    if not isinstance(customer, dict) or len(customer) > 1 or not (customer or domain):
        raise _Refused('Whose is it? Give “customer”: {"email": "…"} (or another kind of address), or “domain”.')
    for kind, value in customer.items():
        if kind not in IdentityKind.values:
            raise _Refused(f"“customer” knows these kinds of addresses: {', '.join(IdentityKind.values)}.")
        try:
            return {"owner_kind": kind, "owner_value": address_of(kind=kind, value=str(value)), "domain": domain}
        except BadAddress as error:
            raise _Refused(f"“customer”: that can't be an address of the kind {kind}.") from error
    return {"domain": domain}


def _more(given: Mapping[str, Any]) -> dict[str, str]:
    more = given.get("fields") or {}
    if not isinstance(more, dict) or len(more) > _MOST_FIELDS:
        raise _Refused(f"“fields” is an object of at most {_MOST_FIELDS} texts.")
    if any(len(name) > 60 or not isinstance(value, (str, int, float)) for name, value in more.items()):
        raise _Refused("“fields”: names have at most 60 characters, and values are texts or numbers.")
    return {name: str(value)[:200] for name, value in more.items()}


def _shown(row: ExternalRecord) -> dict[str, Any]:
    return {
        "system": row.system.slug,
        "id": row.external_id,
        **{name: getattr(row, name) for name in _TEXTS},
        "at": row.at.isoformat(),
        "customer": {row.owner_kind: row.owner_value} if row.owner_value else {},
        "domain": row.domain,
        "fields": row.fields,
    }


def _refuse(caller: ExternalSystem, words: str, status: int) -> JsonResponse:
    log.warning("external system %s: a record was refused: %s", caller.pk, words)
    actions.note_trouble(system=caller, words=words, at=timezone.now())
    return _error(words, status)


def _error(words: str, status: int) -> JsonResponse:
    return JsonResponse({"error": words}, status=status)
