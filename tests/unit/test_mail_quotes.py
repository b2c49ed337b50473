"""The new text of a reply: all of it, and nothing of the old mail."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_gateway import html_text
from mail_gateway.quotes import new_text
from tests.unit.mail_samples import FOLDER, parsed

MARKS: dict[str, dict[str, list[str]]] = json.loads((FOLDER / "reply-marks.json").read_text("utf-8"))


def marks(kind: str) -> list[str]:
    return [mark for of_language in MARKS[kind].values() for mark in of_language]


FORWARDED = "From: Shop <s@x.example>\nDate: 3.11.2026\nSubject: Order\nTo: a@b.example\n\nIt is late."
SOME_MARKS = [mark for kind in MARKS for mark in marks(kind)[::9]]
# Sentences of people that have something of a mark.
LOOKALIKES = [
    "From: Helsinki\nTo: Tampere\nI need a ticket for both.",
    "My items:\n- Printer\n- Scanner",
    "My items:\n\n   -\n\n   Printer.\n   *\n\n   Scanner.",
    "Steps:\n\n-----\n1. Open the page\n2. Wait\n-----\n3. Nothing happens",
    "The first part.\n\n________________________________\n\nThe second part.",
    "Sent from my desk, which is easier than a phone.",
    "The notification was sent from my iPhone app to all users.",
    "This email was sent from our automated system, not from a phone.",
    "The error said:\nconnection refused\nWhat now?",
    "He wrote:\nplease call me.",
    "Hello,\nI have a complaint.\nOn 3 November your clerk wrote:\nYou will get it back.\nBut I got nothing.",
    "I paid on 5.4. and again on 6.4., see the log below:\n12:01 paid\n12:02 paid",
    "A form:\n\nFrom: Helsinki To: Turku Date: 3.11.\nThat is all.",
    "5 > 3 and a<b>c",
    "The log:\n\n```\n> started\n--\nSent from my iPhone\n```\n\nThat is all.",
    "I'd like to order:\n--\n1 printer\n--\n" + "\n".join(f"{number} scanners" for number in range(40)),
    "Is this right: https://x.example/blog/on-3-nov-2026-ann-wrote: ?",
]
GMAIL = "On Tue, Nov 3, 2026 at 9:58 AM Luotsi <s@luotsi.example> wrote:"
# What each mail program makes of "Thank you." above a quoted mail, as HTML.
HTML = {
    "gmail": f'<div dir="ltr">Thank you.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
    f'{GMAIL.replace("<", "&lt;")}<br></div><blockquote class="gmail_quote"><div>Dear Ann</div></blockquote></div>',
    "gmail-signature": '<div dir="ltr">Thank you.<br><span class="gmail_signature_prefix">-- </span><br><div '
    'class="gmail_signature">Ann Lahti<br>Customer Oy</div></div>',
    "outlook-web": '<div>Thank you.</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><font><b>Från:</b> '
    "Luotsi<br><b>Skickat:</b> den 3 november 2026<br><b>Till:</b> Ann<br><b>Ämne:</b> Faktura</font></div>Dear Ann",
    "outlook": '<div class="WordSection1"><p class="MsoNormal">Thank you.<o:p></o:p></p><div style="border:none;border-'
    'top:solid #E1E1E1 1.0pt"><p><b>Von:</b> Luotsi <br><b>Gesendet:</b> 3. November 2026<br><b>An:</b> Ann<br>'
    "<b>Betreff:</b> Rechnung</p></div><p>Dear Ann</p></div>",
    "outlook-phone": '<div>Thank you.</div><div id="ms-outlook-mobile-signature">Get <a href="https://x.example">'
    "Outlook for iOS</a></div><hr><div><b>From:</b> L<br><b>Sent:</b> x<br><b>To:</b> a<br><b>Subject:</b> b</div>Hi",
    "apple": '<div>Thank you.</div><div><blockquote type="cite"><div>On 3 Nov 2026, at 9.58, Luotsi &lt;s@luotsi.'
    "example&gt; wrote:</div><br><div>Dear Ann</div></blockquote></div>",
    "thunderbird": 'Thank you.<br><div class="moz-cite-prefix">Am 03.11.2026 um 09:58 schrieb Luotsi:<br></div>'
    '<blockquote type="cite" cite="mid:x">Dear Ann</blockquote>',
    "yahoo": '<div>Thank you.</div><div class="yahoo_quoted"><div>On Tuesday, November 3, 2026 at 09:58:12 AM GMT+2, '
    "Luotsi &lt;s@luotsi.example&gt; wrote:</div><div><br></div><div>Dear Ann</div></div>",
    "proton": '<div>Thank you.</div><div>Sent with <a href="x">Proton Mail</a> secure email.</div><div class='
    '"protonmail_quote">On Tuesday, November 3rd, 2026 at 9:58 AM, Luotsi &lt;s@luotsi.example&gt; wrote:<br>'
    "<blockquote>Dear Ann</blockquote></div>",
    "zimbra": '<div>Thank you.</div><hr id="zwchr"><div><b>From: </b>"Luotsi"<br><b>To: </b>"Ann"<br><b>Sent: </b>'
    "Tuesday<br><b>Subject: </b>Invoice<br></div><div>Dear Ann</div>",
    "samsung": "<div>Thank you.</div><div>Sent from my Galaxy</div><div><br></div><div>-------- Original message ---"
    "-----</div><div>From: Luotsi </div><div>Date: 3/11/2026 09:58 </div>Dear Ann",
}


class TestNewText:
    @pytest.mark.parametrize("attribution", marks("attributions"))
    def test_ends_before_the_attribution(self, attribution: str) -> None:
        assert new_text(f"Thank you, it works.\n\n{attribution}\n\n> Dear Ann,\n>\n> it is mended.") == (
            "Thank you, it works."
        )

    @pytest.mark.parametrize("attribution", marks("attributions"))
    def test_ends_before_the_attribution_of_an_unmarked_quote(self, attribution: str) -> None:
        assert new_text(f"Thank you.\n\n{attribution}\n\nDear Ann,\n\nit is mended.") == "Thank you."

    @pytest.mark.parametrize("headers", marks("headers"))
    def test_ends_before_the_headers_of_the_old_mail(self, headers: str) -> None:
        assert new_text(f"Thank you.\n\n{headers}\n\nDear Ann,\n\nit is mended.") == "Thank you."

    @pytest.mark.parametrize("separator", marks("separators"))
    def test_ends_before_the_line_above_the_old_mail(self, separator: str) -> None:
        assert new_text(f"Thank you.\n\n{separator}\nFrom: Luotsi\nDear Ann,\n\nit is mended.") == "Thank you."

    @pytest.mark.parametrize("line", marks("phones"))
    def test_ends_before_the_line_of_a_phone(self, line: str) -> None:
        assert new_text(f"Thank you.\n\n{line}\n") == "Thank you."

    @pytest.mark.parametrize("program", HTML)
    def test_of_an_html_mail_ends_there_too(self, program: str) -> None:
        assert new_text(html_text.to_text(HTML[program])) == "Thank you."

    def test_of_an_html_only_reply_ends_before_the_headers(self) -> None:
        assert parsed("outlook-reply-html-only").reply_text == "Hei,\n\nhyväksymme tarjouksen."

    def test_drops_the_signature(self) -> None:
        assert new_text("Thank you.\n\n-- \nAnn Lahti\nCustomer Oy") == "Thank you."

    def test_keeps_a_signature_below_nothing_but_a_greeting(self) -> None:
        assert (
            new_text("Hello\n\n-- \nAnn Lahti\n\nOn 3 Nov 2026 at 09:58, Luotsi wrote:\n> Hi")
            == "Hello\n\n--\nAnn Lahti"
        )

    def test_keeps_how_people_end_a_letter(self) -> None:
        assert new_text("It works.\n\nBest regards,\nAnn Lahti") == "It works.\n\nBest regards,\nAnn Lahti"

    def test_stands_below_the_quote_if_the_program_puts_it_there(self) -> None:
        text = "On 3 Nov 2026 at 09:58, Luotsi Oy <s@luotsi.example> wrote:\n> Does it work?\n\nYes, it does."

        assert new_text(text) == "Yes, it does."

    def test_keeps_a_line_that_was_picked_and_answered_below(self) -> None:
        assert new_text(f"{GMAIL}\n\n> Does it work?\n\nYes, it does.") == "> Does it work?\n\nYes, it does."

    def test_drops_a_whole_mail_above_its_answer(self) -> None:
        quote = "\n".join(f"> line {number}" for number in range(20))

        assert new_text(f"{GMAIL}\n\n{quote}\n\nYes, it does.") == "Yes, it does."

    def test_keeps_the_answer_below_a_quote_below_a_greeting(self) -> None:
        text = f"Hello Ann,\n\n{GMAIL}\n> Does it work?\n\nYes, it does."

        assert new_text(text) == "Hello Ann,\n\n> Does it work?\n\nYes, it does."

    def test_keeps_the_quotes_that_are_answered_one_by_one(self) -> None:
        answers = "> Does it print?\n\nYes.\n\n> Does it scan?\n\nNo."

        assert new_text(f"Hi!\n\n{answers}") == f"Hi!\n\n{answers}"
        assert new_text(f"See below.\n\n{GMAIL}\n{answers}") == f"See below.\n\n{answers}"

    def test_keeps_an_answer_right_below_the_quoted_line(self) -> None:
        text = f"My answers are below.\n\n{GMAIL}\n\n> Does it print?\nNo, never."

        assert new_text(text) == "My answers are below.\n\n> Does it print?\nNo, never."

    def test_takes_thanks_for_an_answer(self) -> None:
        assert new_text(f"Thanks,\n\n{GMAIL}\n> Dear Ann\n\nAnn Lahti\nCustomer Oy") == "Thanks,"
        assert new_text("Kiitos,\n\n-- \nAnn Lahti") == "Kiitos,"

    def test_drops_a_footer_below_the_quote(self) -> None:
        assert new_text(f"It works.\n\n{GMAIL}\n\n> Dear Ann\n\nCustomer Oy, Helsinki") == "It works."

    def test_drops_the_ends_of_quoted_lines_that_were_wrapped(self) -> None:
        quote = f"> {'word ' * 14}and the\nrest of it.\n>\n> More.\n"

        assert new_text(f"It works.\n\n{GMAIL}\n{quote}") == "It works."

    def test_drops_quoted_lines_that_were_read_without_their_encoding(self) -> None:
        assert new_text(f"It works.\n\n{GMAIL}\n\n> is strictly prohibited, pleas=\ne tell us.\n> Bye") == "It works."

    def test_ends_before_headers_in_one_line(self) -> None:
        headers = "Date: Tue, 3 Nov 2026 09:58:00 +0200 From: s@luotsi.example To: Ann Subject: Invoice"

        assert new_text(f"It works.\n\n{headers}\n\nDear Ann") == "It works."

    def test_begins_below_all_the_headers_of_a_forwarded_mail(self) -> None:
        headers = "From: Shop <s@x.example>\nSubject: Order\nTo: Ann <a@x.example>, Bob\n<b@x.example>"

        assert new_text(f"---- Forwarded message ----\n{headers}\nIt is late.") == "It is late."

    @pytest.mark.parametrize("mark", marks("forwards"))
    def test_of_a_forwarded_mail_is_the_mail(self, mark: str) -> None:
        assert new_text(f"{mark}\n{FORWARDED}") == "It is late."

    @pytest.mark.parametrize("mark", marks("forwards"))
    def test_keeps_a_mail_that_is_passed_on_with_a_word(self, mark: str) -> None:
        assert new_text(f"FYI\n\n{mark}\n{FORWARDED}") == f"FYI\n\n{mark}\n{FORWARDED}"

    @pytest.mark.parametrize("mark", marks("forwards"))
    def test_ends_before_a_mail_that_is_passed_on_with_a_question(self, mark: str) -> None:
        question = "I got this from the shop today, is it from you?"

        assert new_text(f"{question}\n\n{mark}\n{FORWARDED}") == question

    @pytest.mark.parametrize("text", LOOKALIKES)
    def test_leaves_alone_what_only_looks_like_a_quote(self, text: str) -> None:
        assert new_text(text) == text

    @pytest.mark.parametrize(
        "text",
        [
            "> only a quote",
            "-- \nAnn",
            "Sent from my iPhone",
            "On 3 Nov 2026, a@b.example wrote:\n> x",
            "On 3 Nov 2026, a@b.example wrote:\n> x\n\n-- \nAnn",
            "____",
        ],
    )
    def test_never_hides_the_only_text(self, text: str) -> None:
        assert new_text(text) == text

    def test_of_quotes_that_quote_nothing_is_empty(self) -> None:
        assert new_text(f"> {GMAIL}\n>\n>> {GMAIL}\n>>\n>>> {GMAIL}") == ""

    @pytest.mark.parametrize(
        "line",
        [
            "On 3 Nov 2026 at 09:58, a@b.example wrote:",
            "a@b.example 12:30 wrote:\n\n\n\n",
            "> quoted\nanswered",
            "From: a\nTo: b\nSent: c",
            "-" * 190,
            "--- original " * 14,
            "a." * 240 + "@ wrote:",
            "<" * 400 + "a@b wrote:",
            "On 1" + " 1" * 230 + " wrote:",
            "-- ",
            "```",
            "",
        ],
    )
    def test_of_nothing_but_marks_is_found_in_time(self, line: str) -> None:
        text = f"{line}\n" * (200_000 // (len(line) + 1))
        started = time.process_time()

        new_text(text)

        # Less than half a second; quadratic time would be minutes.
        assert time.process_time() - started < 5

    @settings(deadline=None)
    @given(st.lists(st.sampled_from([*SOME_MARKS, "> q", "", "text", "-- ", "____", "-Ann"])))
    def test_is_part_of_the_text_and_empty_only_with_it(self, lines: list[str]) -> None:
        text = "\n".join(lines)

        result = new_text(text)

        assert bool(result) == bool(text.strip())
        # Whole lines in their order: what is hidden is just the others.
        rest = iter(line.strip() for line in text.split("\n"))
        assert all(line.strip() in rest for line in result.split("\n"))

    @settings(deadline=None)
    @given(st.text(st.sampled_from("On wrote:\n> <a@b.fi> 12:30 From To -_=~é"), max_size=500))
    def test_is_found_in_anything(self, text: str) -> None:
        assert bool(new_text(text)) == bool(text.strip())
