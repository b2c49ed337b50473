"""System checks: each mistake in the settings with a hint of what to do. `manage.py` runs them before each command."""

import os
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # Django's name for it
from django.db import connection

from helpdesk.crash_points import UnknownPoint, read_target
from helpdesk.mail_urls import BadMailUrl, read_imap_url, read_smtp_url

SHORTEST_SECRET = 32
OLDEST_SQLITE = (3, 35, 0)
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", ""})


@register
def data_folder(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """The folder that everything is written to takes files."""
    folder = Path(settings.DATA_DIR)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return []
    except OSError as error:
        hint = f"Give the user {_user()} the right to write there, or set LUOTSI_DATA to another folder."
        return [Error(f"The data folder {folder} can't be written to: {error.strerror}.", hint=hint, id="luotsi.E001")]


@register(Tags.security)
def secret_key(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """The key from which all others are derived can't be guessed."""
    if len(settings.SECRET_KEY) >= SHORTEST_SECRET and len(set(settings.SECRET_KEY)) >= 8:
        return []
    hint = (
        "Leave LUOTSI_SECRET_KEY empty, then the desk makes one; or set it to what "
        '`python3 -c "import secrets; print(secrets.token_urlsafe(48))"` prints.'
    )
    return [Error("The secret key is too short to protect anything.", hint=hint, id="luotsi.E002")]


@register(Tags.security)
def site_url(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Links in mail and on pages lead to the desk, and strangers see no debug pages."""
    url = urlsplit(settings.SITE_URL)
    if url.scheme not in {"http", "https"} or not url.hostname:
        hint = "Write it as people's browsers see it, such as https://desk.example.org."
        return [Error(f"LUOTSI_SITE_URL={settings.SITE_URL!r} is not an address.", hint=hint, id="luotsi.E003")]
    found: list[CheckMessage] = []
    if settings.DEBUG and url.hostname not in _LOCAL_HOSTS:
        hint = "Unset LUOTSI_DEBUG: its error pages show settings and data to everybody."
        found.append(Error("LUOTSI_DEBUG is on for a desk with a public address.", hint=hint, id="luotsi.E004"))
    if url.scheme == "https" and settings.SECURE_SSL_REDIRECT and settings.SECURE_PROXY_SSL_HEADER is None:
        hint = (
            "Behind a proxy that ends TLS and sets X-Forwarded-Proto, set LUOTSI_BEHIND_PROXY=1; "
            "see docs/operating.md for its configuration."
        )
        found.append(
            Error(
                "Every page would redirect to itself: the desk can't see that it is https.", hint=hint, id="luotsi.E005"
            )
        )
    return found


@register
def listening_addresses(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """What the desk is to listen on can be understood."""
    may_be_empty = {"LUOTSI_SMTP": settings.SMTP_ADDRESS, "LUOTSI_LMTP": settings.LMTP_ADDRESS}
    given = {"LUOTSI_HTTP": settings.HTTP_ADDRESS, **may_be_empty}
    return [
        Error(
            f"{name}={address!r} is not host:port.",
            hint="For example 127.0.0.1:8000, or [::1]:8000. An empty LUOTSI_SMTP receives no mail by SMTP.",
            id="luotsi.E006",
        )
        for name, address in given.items()
        if not _is_host_and_port(address) and (address or name not in may_be_empty)
    ]


@register
def mail_accounts(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """The mail accounts of the environment can be understood."""
    found: list[CheckMessage] = []
    for name, url, read in (
        ("LUOTSI_IMAP_URL", settings.IMAP_URL, read_imap_url),
        ("LUOTSI_SMTP_URL", settings.SMTP_URL, read_smtp_url),
    ):
        if not url:
            continue
        if not settings.MAIL_ADDRESS:
            hint = "Set LUOTSI_MAIL_ADDRESS to the address of that mailbox."
            found.append(Warning(f"{name} has no effect without an address.", hint=hint, id="luotsi.W007"))
        try:
            read(url)
        except BadMailUrl as error:
            scheme = name.split("_")[1].lower()
            hint = f"Write it as {scheme}s://user:password@mail.example.org, with %40 for an @ in user or password."
            found.append(Error(f"{name} can't be used: {error}.", hint=hint, id="luotsi.E008"))
    return found


@register(Tags.database)
def sqlite_version(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """SQLite is young enough for what the desk asks of it."""
    if connection.vendor != "sqlite" or sqlite3.sqlite_version_info >= OLDEST_SQLITE:
        return []
    hint = "Use a Python that brings a newer one, or PostgreSQL by DATABASE_URL."
    needed = ".".join(str(part) for part in OLDEST_SQLITE)
    message = f"SQLite {sqlite3.sqlite_version} is too old, the desk needs {needed}."
    return [Error(message, hint=hint, id="luotsi.E009")]


@register
def redis(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Live screens are told at once; without Redis they still look every few seconds."""
    if not settings.REDIS_URL:
        return []
    from redis import Redis, RedisError  # noqa: PLC0415  # only a grown desk has any use for it

    try:
        with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1) as server:
            server.ping()
    except (RedisError, ValueError) as error:
        hint = "Start it, correct REDIS_URL, or unset REDIS_URL if the desk is one process."
        message = f"Redis doesn't answer ({type(error).__name__}): screens will be slow to show what is new."
        return [Warning(message, hint=hint, id="luotsi.W010")]
    return []


@register
def crash_point(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """What is to be ended somewhere is to be ended at a place that there is."""
    try:
        target = read_target(settings.CRASH_AT)
    except UnknownPoint as error:
        hint = "It is a tool for tests; a real desk leaves it empty."
        return [Error(str(error), hint=hint, id="luotsi.E011")]
    if target is None:
        return []
    hint = "It is a tool for tests: unset LUOTSI_CRASH_AT."
    message = f"This process will end itself at {target.name}, at visit {target.visit}."
    return [Warning(message, hint=hint, id="luotsi.W012")]


def _is_host_and_port(address: str) -> bool:
    host, _, port = address.rpartition(":")
    return bool(host) and port.isdecimal() and int(port) < 65536


def _user() -> str:
    try:
        return os.getlogin()
    except OSError:
        return f"#{os.getuid()}"
