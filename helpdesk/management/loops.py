"""Which loops a process runs: the worker's, the mail edges, or all of them."""

import os
import signal
import socket
import threading
from collections.abc import Sequence
from functools import partial

from django.conf import settings
from django.db import connection
from django.utils import timezone

from helpdesk import (
    assigning,
    delivery_lanes,
    erasures,
    leases,
    live,
    rehearsals,
    reviews,
    rule_timers,
    timers,
)
from helpdesk.actions.environment import apply_environment, ensure_default_team
from helpdesk.connectors.base import Arrival
from helpdesk.connectors.email_imap import follow_all
from helpdesk.connectors.email_smtp import start_receiver
from helpdesk.intake import queue, social_care, social_polling, social_queue
from helpdesk.intake.accept import Envelope, accept
from helpdesk.mail_urls import BadMailUrl
from helpdesk.supervisor import Loop, Supervisor
from mail_gateway.receive import Protocol


class BadAddress(ValueError):
    """An address of the settings can't be used; the text says which, why, and what to do."""


def worker_loops() -> list[Loop]:
    """Intake, outbox, assignment, timers and rehearsals; on PostgreSQL also the ear for wake-ups of other processes."""
    loops = [
        Loop("intake", queue.run),
        Loop("intake-slow", queue.run_slow),
        Loop("social", social_queue.run),
        Loop("social-polls", social_polling.run),
        Loop("social-care", social_care.run),
        Loop("outbox", delivery_lanes.run),
        Loop("assignment", assigning.run),
        Loop("timers", timers.run),
        Loop("rules", rule_timers.run),
        Loop("rehearsals", rehearsals.run),
        Loop("rule-reviews", reviews.run),
        Loop("erasures", erasures.run),
    ]
    if connection.vendor == "postgresql":
        loops.append(Loop("wake-ups", listen))
    return loops


def mail_loops() -> list[Loop]:
    """The IMAP loops, and the receivers whose address isn't empty."""
    return [Loop("imap", _imap), *(Loop(protocol, partial(_receive, protocol)) for protocol in _receivers())]


def _receivers() -> dict[Protocol, tuple[str, str]]:
    """The variable and the address of each receiver that is wanted."""
    given: dict[Protocol, tuple[str, str]] = {
        "smtp": ("LUOTSI_SMTP", settings.SMTP_ADDRESS),
        "lmtp": ("LUOTSI_LMTP", settings.LMTP_ADDRESS),
    }
    return {protocol: place for protocol, place in given.items() if place[1]}


def split_address(name: str, address: str) -> tuple[str, int]:
    """``host:port`` or ``[v6]:port`` of the setting ``name``. Raises BadAddress."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise BadAddress(f"{name}={address!r} is not host:port, such as 127.0.0.1:8000.")
    return host.strip("[]") or "127.0.0.1", int(port)


def listening_socket(name: str, address: str) -> socket.socket:
    """A socket that listens on the setting ``name``. Raises BadAddress, with what to do about it."""
    host, port = split_address(name, address)
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise BadAddress(f"{name}={address}: this host can't be found: {error.strerror}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(256)
    except OSError as error:
        listener.close()
        hint = f"Is a desk already running? Otherwise choose another port: {name}={host}:{port + 1}"
        raise BadAddress(f"Can't listen on {address}: {error.strerror}. {hint}") from error
    return listener


def require_free_receivers() -> None:
    """Raises BadAddress now, in words, where a receiver's loop would only fail in the log."""
    for name, address in _receivers().values():
        listening_socket(name, address).close()


def prepare() -> None:
    """Write what the loops need: a default team, and the environment's mailbox. Raises BadAddress."""
    ensure_default_team()
    try:
        apply_environment()
    except BadMailUrl as error:
        raise BadAddress(f"LUOTSI_IMAP_URL or LUOTSI_SMTP_URL: {error}.") from error


def run_until_signal(loops: Sequence[Loop]) -> None:
    """Run ``loops`` until SIGTERM or SIGINT, then end them in order."""
    with leases.held():
        supervisor = Supervisor(loops)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.request_stop())
        supervisor.start()
        supervisor.wait()
        supervisor.stop()


def listen(stop: threading.Event) -> None:
    """Ring the bells of this process when another one calls :func:`live.wake` (LISTEN/NOTIFY)."""
    connection.ensure_connection()
    channel = connection.connection
    channel.execute(f"LISTEN {live.NOTIFICATION}")
    while not stop.is_set():
        for notification in channel.notifies(timeout=1.0, stop_after=1):
            live.bell(notification.payload).set()


def take_in(arrival: Arrival) -> None:
    """Hand an arrival to the intake. Raises Temporary."""
    accept(
        channel=arrival.channel,
        external_id=arrival.external_id,
        raw=arrival.raw,
        received_at=arrival.received_at,
        envelope=Envelope(mail_from=arrival.mail_from, recipients=arrival.recipients, peer=arrival.peer),
        is_truncated=arrival.is_truncated,
        is_silent=arrival.is_silent,
        at=timezone.now(),
    )


def _imap(stop: threading.Event) -> None:
    follow_all(stop, take_in=take_in, owner=f"{socket.gethostname()}:{os.getpid()}")


def _receive(protocol: Protocol, stop: threading.Event) -> None:
    host, port = split_address(*_receivers()[protocol])
    receiver = start_receiver(host=host, port=port, take_in=take_in, protocol=protocol)
    try:
        stop.wait()
    finally:
        receiver.stop(grace_s=3.0)
