"""Field types of our own: what is sealed in the database."""

import json
from typing import Any

from cryptography.fernet import InvalidToken
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from helpdesk import keys


class SealedTextField(models.TextField):  # type: ignore[type-arg]
    """Text encrypted at rest (Fernet, key derived from the secret key); plain in Python, empty stays empty."""

    def get_prep_value(self, value: object) -> str:
        return keys.sealer().encrypt(str(value).encode()).decode() if value else ""

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str:
        if not value:
            return ""
        try:
            return keys.sealer().decrypt(value.encode()).decode()
        except InvalidToken as error:
            raise ImproperlyConfigured(
                "A stored secret can't be opened: the secret key has changed. "
                "Put the former key into LUOTSI_FORMER_SECRET_KEYS."
            ) from error


class SealedJSONField(SealedTextField):
    """An object of JSON, encrypted at rest like a sealed text; an empty one stays empty."""

    def get_prep_value(self, value: object) -> str:
        return super().get_prep_value(json.dumps(value, sort_keys=True) if value else "")

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        return json.loads(super().from_db_value(value, expression, connection) or "{}")
