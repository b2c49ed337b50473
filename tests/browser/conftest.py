"""A real desk for a real browser: daphne with pages and sockets on a port of its own, Chromium beside it."""

import shutil
import threading
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django import DjangoDbBlocker

from helpdesk.models import Agent

#: ``open_page(agent, "/inbox/teams/", width=390, scheme="dark")``: a page as that agent sees it; None: a visitor.
Opener = Callable[..., Page]
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
#: Half of the page's slow tick: what comes in time came by a hint, on a machine that has other work as well.
_PATIENCE_MS = 15_000


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The address of one daphne for all tests of this process: its reactor can't be started twice."""
    settings.STATIC_ROOT = tmp_path_factory.mktemp("static")  # nothing is collected: pages find the files themselves
    from daphne.server import Server

    from helpdesk.asgi import application

    ready = threading.Event()
    desk = Server(
        application, endpoints=["tcp:port=0:interface=127.0.0.1"], signal_handlers=False, ready_callable=ready.set
    )
    threading.Thread(target=desk.run, daemon=True).start()
    assert ready.wait(10), "daphne did not start"
    # A socket that closes looks after its connection to the database when the test that opened it is already over.
    with django_db_blocker.unblock():
        yield f"http://127.0.0.1:{desk.listening_addresses[0][1]}"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium_path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium_path is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        # Playwright's loop runs in the tests' thread from now on; rows are still read there, one at a time, by these
        # tests and by whatever follows in this process.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        expect.set_options(timeout=_PATIENCE_MS)
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(transactional_db: None, server: str, browser: Browser) -> Iterator[Opener]:
    """Opens pages; a script error, a violated policy or a failed request on any of them fails the test.

    ``refusal``: words of the one complaint that the test wants to see (a browser logs each 409 and 422).
    """
    contexts, complaints = [], []

    def complain(line: ConsoleMessage, refusal: str) -> None:
        if line.type == "error" and not (refusal and refusal in line.text):
            complaints.append(line.text)

    def open_one(
        agent: Agent | None,
        path: str,
        *,
        width: int = 1440,
        height: int = 900,
        scheme: str = "light",
        refusal: str = "",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            base_url=server,
        )
        contexts.append(context)
        if agent is not None:
            client = Client()
            client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
            session = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": server}])
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.on("console", lambda line: complain(line, refusal))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path, wait_until="load")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it stands: rule, then where. WCAG 2.2 A and AA, and axe's best practices."""
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]
