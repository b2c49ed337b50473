"""Text in, text out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk import text


class TestSanitise:
    @pytest.mark.parametrize(
        "html",
        [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<a href='javascript:alert(1)'>x</a>",
            "<p style='background:url(http://evil.example/)'>x</p>",
            "<style>p{background:url(http://evil.example/)}</style>",
            "<iframe src='http://evil.example/'></iframe>",
            "<form action='http://evil.example/'><input name=password></form>",
            "<svg><script>alert(1)</script></svg>",
            "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
            "<base href='http://evil.example/'>",
        ],
    )
    def test_leaves_nothing_that_acts(self, html: str) -> None:
        clean = text.sanitise(html).lower()

        for sign in ("script", "onerror", "evil.example", "<form", "<input", "<iframe", "<style", "<meta", "<base"):
            assert sign not in clean

    def test_keeps_what_is_read(self) -> None:
        html = '<p style="color:red">Hello <a href="https://a.example/">link</a> <img src="cid:x" alt="a"></p>'

        clean = text.sanitise(html)

        assert "color:red" in clean
        assert '<a href="https://a.example/" rel="noopener noreferrer nofollow">link</a>' in clean
        assert 'src="cid:x"' in clean

    @given(st.text())
    def test_never_lets_a_script_through(self, html: str) -> None:
        assert "<script" not in text.sanitise(html).lower()


class TestFill:
    def test_replaces_names_and_nothing_else(self) -> None:
        assert text.fill("Hi {{ name }}, {{unknown}}{% x %}", {"name": "Ann"}) == "Hi Ann, {% x %}"

    def test_does_not_fill_what_it_filled_in(self) -> None:
        assert text.fill("{{a}}", {"a": "{{secret}}", "secret": "x"}) == "{{secret}}"


class TestExcerpt:
    def test_cuts_between_words(self) -> None:
        assert text.excerpt("one two three four", max_length=12) == "one two…"

    @given(st.text(), st.integers(min_value=5, max_value=80))
    def test_is_one_line_of_at_most_the_length(self, value: str, length: int) -> None:
        short = text.excerpt(value, max_length=length)

        assert len(short) <= length
        assert "\n" not in short


class TestOneAddress:
    def test_is_lower_case_without_spaces_around(self) -> None:
        assert text.one_address(" Ann@Customer.EXAMPLE ") == "ann@customer.example"

    @pytest.mark.parametrize(
        "value", ["", "ann", "@x.example", "ann@", "a b@x.example", "a@b", "a@x.example\nBcc: b@c.d"]
    )
    def test_refuses_what_mail_cannot_be_sent_to(self, value: str) -> None:
        with pytest.raises(ValueError, match="not a mail address"):
            text.one_address(value)


class TestRemoteImages:
    @pytest.mark.parametrize(
        ("source", "kept"),
        [
            ("https://x.example/a.png?a=1&amp;b=2", ' src="remote:https://x.example/a.png?a=1&amp;b=2"'),
            (" HTTP://x.example/a.png", ' src="remote:HTTP://x.example/a.png"'),
            ("ht\ntps://x.example/a", ' src="remote:https://x.example/a"'),
            ("//x.example/a.gif", ' src="remote:https://x.example/a.gif"'),
            ("cid:shot@x", ' src="cid:shot@x"'),
            ("/inside.png", ""),
            ("remote:https://x.example/a", ""),
            ("data:image/png;base64,AAAA", ""),
            ("javascript:alert(1)", ""),
        ],
    )
    def test_are_stored_so_that_nothing_loads_them(self, source: str, kept: str) -> None:
        assert text.sanitise(f'<p><img alt="a" src="{source}"></p>') == f'<p><img alt="a"{kept}></p>'

    def test_are_marked_whatever_stands_beside_them(self) -> None:
        html = """<img alt='> src="cid:x" <img src=https://x.example/1' title='"' src=https://x.example/2>"""

        assert ' src="http' not in text.sanitise(html)
        assert ' src="remote:https://x.example/2"' in text.sanitise(html)


class TestSharesNoWord:
    @pytest.mark.parametrize(
        ("subject", "other", "expected"),
        [
            ("Broken kettle", "Charged twice", True),
            ("VS: Re: charged TWICE!", "Charged twice", False),
            ("Re: Sv: Fwd: Kettle", "Kettle", False),
            ("Re:", "Charged twice", False),
            ("", "Charged twice", False),
            ("Счёт за май", "Как войти", True),
        ],
    )
    def test_tells_another_matter_from_an_answer(self, subject: str, other: str, *, expected: bool) -> None:
        assert text.shares_no_word(subject, other) is expected
