"""Who was erased, as keyed hashes, in a file of its own: a restored backup is cleaned by it."""

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from helpdesk import keys
from helpdesk.actions.erasing.task import contacts_of, identities_of
from helpdesk.models import Contact, Erasure, Identity


@dataclass(frozen=True, slots=True)
class Line:
    """One erasure as the ledger has it: nothing in it tells who it was to anybody without the desk's key."""

    uid: str
    at: datetime
    hashes: frozenset[str]


def path() -> Path:
    """Where the ledger lies."""
    return Path(settings.ERASURE_LEDGER or Path(settings.DATA_DIR) / "erasures.jsonl")


def hashes_of(contacts: list[int]) -> list[str]:
    """By these the person is known again: each address, and the moment at which each of their contacts was made."""
    [key, *_former] = keys.ledger_keys()
    return sorted({_hash(key, said) for said in _said_of(contacts)})


def ensure(erasure: Erasure) -> None:
    """Have the erasure in the ledger for good, before anything is erased. The file is readable to the owner alone."""
    if any(line.uid == str(erasure.uid) for line in lines()):
        return
    line = json.dumps(
        {"uid": str(erasure.uid), "at": erasure.created_at.isoformat(), "hashes": erasure.hashes}, sort_keys=True
    )
    path().parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, f"{line}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def lines(file: Path | None = None) -> Iterator[Line]:
    """What the ledger holds; raises ValueError for a line that it can't have written."""
    file = file or path()
    if not file.exists():
        return
    for number, text in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            data = json.loads(text)
            yield Line(data["uid"], datetime.fromisoformat(data["at"]), frozenset(data["hashes"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{file.name}: line {number} is no line of an erasure ledger") from error


def restored(file: Path | None = None) -> dict[str, tuple[Line, list[list[int]]]]:
    """Erasures that this database knows nothing of, each with the people it is about who are here (again).

    Only who was there before the erasure: whoever wrote afterwards is a new customer.
    """
    known = {str(uid) for uid in Erasure.objects.values_list("uid", flat=True)}
    missing = {line.uid: line for line in lines(file) if line.uid not in known}
    found = {uid: (line, []) for uid, line in missing.items()}  # type: dict[str, tuple[Line, list[list[int]]]]
    by_hash: dict[str, list[Line]] = {}
    for line in missing.values():
        for each in line.hashes:
            by_hash.setdefault(each, []).append(line)
    if not by_hash:
        return found
    for contact_id, said in _everybody():
        for line in {
            line.uid: line for key in keys.ledger_keys() for line in by_hash.get(_hash(key, said), ())
        }.values():
            contact = Contact.objects.filter(pk=contact_id, created_at__lte=line.at).first()
            if contact is not None and all(contact_id not in people for people in found[line.uid][1]):
                found[line.uid][1].append(contacts_of(contact))
    return found


def _everybody() -> Iterator[tuple[int, str]]:
    for contact_id, kind, value in Identity.objects.values_list("contact_id", "kind", "value").iterator():
        yield contact_id, f"{kind}:{value}"
    for pk, created_at in Contact.objects.values_list("pk", "created_at").iterator():
        yield pk, f"contact:{pk}:{created_at.isoformat()}"


def _said_of(contacts: list[int]) -> Iterator[str]:
    for identity in identities_of(contacts):
        yield f"{identity.kind}:{identity.value}"
    for contact in Contact.objects.filter(pk__in=contacts):
        yield f"contact:{contact.pk}:{contact.created_at.isoformat()}"


def _hash(key: bytes, said: str) -> str:
    return hmac.digest(key, said.encode(), hashlib.sha256).hex()[:40]
