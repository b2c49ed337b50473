"""What must be true of the code for every social platform; a new one is found by its line in the registry."""

from pathlib import Path

import pytest
from django.utils import timezone

from helpdesk.connectors.registry import SOCIAL, connector_for, social_connector
from helpdesk.connectors.social import Forged, Unreadable
from helpdesk.management.commands.social_table import table
from helpdesk.models import Channel, SocialAccount
from helpdesk.queries.social import platforms

PLATFORMS = platforms()
DOCS = Path(__file__).resolve().parents[2] / "docs" / "social-channels.md"


def empty_account(provider: str) -> SocialAccount:
    channel = Channel(kind=provider, name="Empty", slug="empty")
    return SocialAccount(channel=channel, provider=provider, key="k" * 43, created_at=timezone.now())


@pytest.mark.parametrize("provider", PLATFORMS)
class TestEachPlatform:
    def test_says_what_it_can_do_and_what_it_needs(self, provider: str) -> None:
        connector = social_connector(provider)

        assert connector.capabilities.private or connector.capabilities.public
        assert connector.capabilities.attachments <= {"image", "audio", "video", "file"}
        assert connector.tested
        assert any(field.is_secret for field in connector.fields)
        assert len({field.name for field in connector.fields}) == len(connector.fields)

    @pytest.mark.parametrize("body", [b"", b"{}", b"\xff" * 100])
    def test_believes_nothing_without_a_secret(self, provider: str, body: bytes) -> None:
        with pytest.raises(Forged):
            social_connector(provider).verify(empty_account(provider), {}, body)

    @pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"7", b"\xff", b"[" * 100_000])
    def test_reads_rubbish_as_rubbish(self, provider: str, raw: bytes) -> None:
        with pytest.raises(Unreadable):
            social_connector(provider).read(empty_account(provider), raw)

    def test_has_a_way_out(self, provider: str) -> None:
        assert hasattr(connector_for(provider), "open_line")


def test_every_platform_is_a_kind_of_channel() -> None:
    assert set(SOCIAL) <= set(Channel.Kind)


def test_the_table_in_the_docs_is_what_the_code_says() -> None:
    text = DOCS.read_text(encoding="utf-8")

    found = text.partition("<!-- table -->\n")[2].partition("<!-- /table -->")[0]
    assert found == table(), "run: manage.py social_table, and put it between the two marks"
