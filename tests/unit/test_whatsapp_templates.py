"""Approved texts, as Meta lists them."""

from typing import Any

from helpdesk.connectors import whatsapp_templates
from helpdesk.connectors.social import Approved


def row(*components: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "order_ready",
        "status": "APPROVED",
        "category": "UTILITY",
        "language": "fi",
        "components": list(components),
        **more,
    }


BODY = {"type": "BODY", "text": "Hei {{1}}, tilauksesi {{2}} on valmis."}


class TestATemplate:
    def test_has_its_whole_text_and_its_places(self) -> None:
        found = whatsapp_templates.read(
            row({"type": "HEADER", "format": "TEXT", "text": "Tilaus"}, BODY, {"type": "FOOTER", "text": "Kauppa"})
        )

        assert found == Approved(
            name="order_ready",
            language="fi",
            category="UTILITY",
            text="Tilaus\n\nHei {{1}}, tilauksesi {{2}} on valmis.\n\nKauppa",
            places=("1", "2"),
        )

    def test_knows_the_order_of_numbers_and_the_names_of_names(self) -> None:
        numbered = whatsapp_templates.read(row({"type": "BODY", "text": "{{10}} {{2}} {{2}} {{1}}"}))
        named = whatsapp_templates.read(row({"type": "BODY", "text": "Hi {{first_name}}, {{ order }}"}))

        assert numbered is not None
        assert named is not None
        assert (numbered.places, named.places) == (("1", "2", "10"), ("first_name", "order"))

    def test_that_the_desk_can_t_fill_is_left_out(self) -> None:
        left_out: list[dict[str, Any]] = [
            row(BODY, status="PENDING"),
            row(BODY, status="PAUSED"),
            row(BODY, category="AUTHENTICATION"),
            row({"type": "HEADER", "format": "IMAGE"}, BODY),
            row({"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"}, BODY),
            row(BODY, {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://shop.example/{{1}}"}]}),
            row(BODY, {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE"}]}),
            row(BODY, {"type": "CAROUSEL"}),
        ]

        assert [whatsapp_templates.read(each) for each in left_out] == [None] * len(left_out)

    def test_with_plain_buttons_can_be_sent(self) -> None:
        buttons = {
            "type": "BUTTONS",
            "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}, {"type": "URL", "url": "https://shop.example/"}],
        }

        assert whatsapp_templates.read(row(BODY, buttons)) is not None

    def test_that_makes_no_sense_is_left_out(self) -> None:
        assert whatsapp_templates.read(None) is None
        assert whatsapp_templates.read({"status": "APPROVED", "components": "x"}) is None
