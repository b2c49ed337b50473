"""`manage.py desk`: everything in one process."""

import logging
import os
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand

from helpdesk import leases
from helpdesk.management.loops import (
    BadAddress,
    listening_socket,
    mail_loops,
    prepare,
    require_free_receivers,
    split_address,
    worker_loops,
)
from helpdesk.models import Agent
from helpdesk.queries import chat_sites
from helpdesk.supervisor import Loop, Supervisor

#: A socket of ours only ever says a few words; daphne's own limit is a megabyte.
FRAME_BYTES = 64 * 1024

#: With a date and an id of its own each time, or the second run would be the same mail again and change nothing.
_SAMPLE_MAIL = (
    """python3 -c "import smtplib, email.utils as u; smtplib.SMTP('{host}', {port}).sendmail('ann@customer.example', """
    """'support@luotsi.example', f'From: Ann Customer <ann@customer.example>\\r\\nTo: support@luotsi.example\\r\\n"""
    """Subject: I forgot my password\\r\\nDate: {{u.formatdate()}}\\r\\nMessage-ID: {{u.make_msgid()}}\\r\\n\\r\\n"""
    """Hello, I forgot my password. How do I get a new one?\\r\\n\\r\\nAnn')\""""
)


class Command(BaseCommand):
    """Pages, sockets, mail in and out, timers: no other server is needed."""

    _shop_address = ""
    help = "Run the whole desk in one process: pages, sockets, mail in and out, timers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="fill an empty database with a demo first")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            listener = listening_socket("LUOTSI_HTTP", settings.HTTP_ADDRESS)
            require_free_receivers()
        except BadAddress as error:
            raise CommandError(str(error)) from error
        Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # WhiteNoise warns about a missing one
        call_command("migrate", verbosity=0, interactive=False)
        if options["demo"]:
            self._seed()
        try:
            prepare()
        except BadAddress as error:
            raise CommandError(str(error)) from error
        with leases.held():
            self._serve(listener, self._shop() if options["demo"] else ())

    def _seed(self) -> None:
        from helpdesk.demo import seed  # noqa: PLC0415  # 40 tickets' worth of text that a real desk never needs

        if not Agent.objects.exists():
            self.stdout.write("Filling the empty database with a demo ...")
            seed()

    def _shop(self) -> Sequence[Loop]:
        """The demo's web shop, if its port is free; the desk itself doesn't depend on it."""
        from helpdesk.demo import shop  # noqa: PLC0415  # see _seed
        from helpdesk.widget.pages import script_line  # noqa: PLC0415

        if not shop.address():
            return ()
        try:
            listening_socket("LUOTSI_DEMO_SITE", settings.DEMO_SITE).close()
        except BadAddress as error:
            self.stderr.write(f"No web shop beside the demo. {error}")
            return ()
        line = script_line(chat_sites.open_site(slug=shop.SLUG))
        self._shop_address = shop.address()
        return (Loop("demo-site", partial(shop.serve, line=line)),)

    def _serve(self, listener: socket.socket, shop_loop: Sequence[Loop]) -> None:
        # Imported here, since it installs an event loop: `check` and `migrate` have no use for one.
        from daphne.endpoints import build_endpoint_description_strings  # noqa: PLC0415
        from daphne.server import Server  # noqa: PLC0415

        from helpdesk.asgi import application  # noqa: PLC0415
        from helpdesk.web_server import limit_bodies  # noqa: PLC0415

        limit_bodies()
        host, port = listener.getsockname()[:2]
        listener.close()
        supervisor = Supervisor([*worker_loops(), *mail_loops(), *shop_loop])
        server = Server(
            application,
            endpoints=build_endpoint_description_strings(host=host, port=port),
            websocket_max_message_size=FRAME_BYTES,
            websocket_max_frame_size=FRAME_BYTES,
            ready_callable=lambda: self._tell(host, port),
            server_name="luotsi",
            **_proxy_headers(),
        )
        supervisor.start()
        try:
            server.run()  # until SIGTERM or SIGINT
        finally:
            supervisor.stop()
        self.stdout.write("The desk has stopped.")
        self.stdout.flush()
        _leave()

    def _tell(self, host: str, port: int) -> None:
        """Say where the desk is, and how to try it."""
        url = settings.SITE_URL if not settings.SITE_URL.endswith(":0") else f"http://{host}:{port}"
        beside = ["", f"A web shop with the chat on it is at {self._shop_address}"] if self._shop_address else []
        lines = ["", f"Luotsi is at {url}", *_invitation(), *beside, "", "Ctrl-C stops it.", ""]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _leave() -> NoReturn:
    """End the process with status 0, without waiting for threads.

    All work is settled or leased. A thread that was answering a request when the event loop stopped waits for that loop
    for ever, and Python would wait for the thread.
    """
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)


def _invitation() -> list[str]:
    """What to do first: make an admin, or try the demo."""
    if not Agent.objects.exists():
        python = os.path.relpath(sys.executable) if Path(sys.executable).is_relative_to(Path.cwd()) else sys.executable
        return ["", f"Nobody can log in yet. Make the first admin: {python} manage.py createsuperuser"]
    from helpdesk.demo import LOGIN, PASSWORD  # noqa: PLC0415  # see _seed

    if not Agent.objects.filter(email=LOGIN).exists():
        return []
    login = ["", f"Log in as {LOGIN} with the password {PASSWORD}"]
    if not settings.SMTP_ADDRESS:
        return login
    host, port = split_address("LUOTSI_SMTP", settings.SMTP_ADDRESS)
    reachable = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  # a comparison, not a listener
    return [*login, "", "Then send it a mail, from another window:", "", _SAMPLE_MAIL.format(host=reachable, port=port)]


def _proxy_headers() -> dict[str, str]:
    """Behind a proxy the visitor's address is in a header, which otherwise anybody could write."""
    if settings.SECURE_PROXY_SSL_HEADER is None:
        return {}
    return {"proxy_forwarded_address_header": "X-Forwarded-For", "proxy_forwarded_proto_header": "X-Forwarded-Proto"}
