"""Posts of federated servers as text: what programs write, and what strangers write to harm."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.connectors import status_html
from helpdesk.connectors.status_html import Link

MENTION = (
    '<span class="h-card" translate="no"><a href="https://desk.example/@support" class="u-url mention">'
    "@<span>support</span></a></span>"
)
LONG_LINK = (
    '<a href="https://shop.example/orders/4711?from=mail" rel="nofollow noopener" target="_blank">'
    '<span class="invisible">https://</span><span class="ellipsis">shop.example/orders/4711?f</span>'
    '<span class="invisible">rom=mail</span></a>'
)
TAG = '<a href="https://far.example/tags/broken" class="mention hashtag" rel="tag">#<span>broken</span></a>'


def text_of(markup: str) -> str:
    return status_html.read(markup).text


class TestAPost:
    def test_of_mastodon_reads_as_its_writer_saw_it(self) -> None:
        post = status_html.read(f"<p>{MENTION} my order is late:<br>{LONG_LINK}</p><p>Why? {TAG}</p>")

        assert post.text == "@support my order is late:\nhttps://shop.example/orders/4711?from=mail\n\nWhy? #broken"
        assert post.links == (
            Link("https://desk.example/@support", "@support", is_mention=True),
            Link("https://shop.example/orders/4711?from=mail", "https://shop.example/orders/4711?from=mail", False),
            Link("https://far.example/tags/broken", "#broken", is_mention=False),
        )

    @pytest.mark.parametrize(
        ("markup", "text"),
        [
            ("", ""),
            ("plain words", "plain words"),
            ("<div>one</div><div>two</div>", "one\ntwo"),
            ("<p>one<br/>two<br>three</p>", "one\ntwo\nthree"),
            ("<p>a &amp; b &lt;c&gt; &quot;d&quot; &#39;e&#39;</p>", "a & b <c> \"d\" 'e'"),
            ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
            ("<blockquote><p>asked</p></blockquote><p>answered</p>", "> asked\n\nanswered"),
            ("<pre><code>if x:\n  go()</code></pre>", "if x:\n  go()"),
            ('<p>so <img src="https://far.example/e.png" alt=":blobcat:"> it is</p>', "so :blobcat: it is"),
            ("<p>5 < 6 and 7 > 6</p>", "5 < 6 and 7 > 6"),
            ("<p>many\n   spaces\t here</p>", "many spaces here"),
            (
                "<p>unclosed <b>bold <i>and <a href='https://a.example/'>link",
                "unclosed bold and link (https://a.example/)",
            ),
            ("<P>Upper</P><BR><P>case</P>", "Upper\n\ncase"),
        ],
    )
    def test_of_any_program_becomes_text(self, markup: str, text: str) -> None:
        assert text_of(markup) == text

    def test_shows_where_a_link_really_leads(self) -> None:
        assert text_of('<a href="https://evil.example/x">https://bank.example/</a>') == (
            "https://bank.example/ (https://evil.example/x)"
        )
        assert text_of('<a href="https://evil.example/">press here</a>') == "press here (https://evil.example/)"
        assert text_of('<a href="https://a.example/">a.example</a>') == "a.example"
        assert text_of('<a href="https://a.example/"></a>') == "https://a.example/"

    def test_that_calls_any_link_a_mention_still_shows_its_address(self) -> None:
        assert text_of('<a class="mention" href="https://evil.example/">your bank</a>') == (
            "your bank (https://evil.example/)"
        )


class TestAHostilePost:
    @pytest.mark.parametrize(
        "markup",
        [
            "<p>kept</p><script>alert('evil')</script>",
            "<p>kept</p><style>p{background:url(https://evil.example/)}</style>",
            '<p onclick="evil()">kept</p>',
            "<p>kept</p><svg><a href='https://evil.example/'>x</a></svg>",
            "<p>kept</p><iframe src='https://evil.example/'>evil</iframe>",
            "<p>kept</p><!-- evil <b>evil</b> -->",
            "<p>kept</p><!-- evil",
            "<p>kept</p><script>evil",
            "<p>kept</p><template>evil</template>",
        ],
    )
    def test_loses_what_is_not_text(self, markup: str) -> None:
        assert text_of(markup) == "kept"

    @pytest.mark.parametrize(
        "href",
        [
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "&#106;avascript:alert(1)",
            "//x",
            "mailto:a",
        ],
    )
    def test_leads_nowhere_but_to_the_web(self, href: str) -> None:
        post = status_html.read(f'<a href="{href}">words</a>')

        assert post.text == "words"
        assert post.links == ()

    def test_cannot_turn_text_around_or_ring_a_bell(self) -> None:
        assert text_of("<p>a\u202eb\u2066c&#8238;d\x07e\x1b[31mf</p>") == "abcde[31mf"

    @pytest.mark.parametrize(
        "markup",
        [
            "<" * 200_000,
            '<a "' * 50_000,
            "<!--" * 50_000,
            "<div>" * 40_000,
            "<blockquote>" * 17_000 + "x",
            "<a href='https://a.example/'>" * 7_000,
            "&" * 200_000,
            '<a href="' + "x" * 199_000,
            "<a " + "b = " * 40_000 + ">",
            "</script" * 25_000,
            "<pre>" + "\n" * 199_000,
        ],
    )
    def test_is_read_in_time_that_grows_with_its_length_only(self, markup: str) -> None:
        began = time.process_time()

        post = status_html.read(markup)

        assert time.process_time() - began < 5  # each takes well below half a second
        assert len(post.links) <= 100

    def test_of_many_megabytes_is_cut(self) -> None:
        assert len(text_of("x" * 5_000_000)) == status_html.MAX_LENGTH

    @given(st.text(alphabet=st.sampled_from("<>/&;\"'= ab!-\n#x3pre"), max_size=200))
    def test_never_breaks_the_reader(self, markup: str) -> None:
        text = text_of(markup)

        assert text == text.strip()
        assert "\n\n\n" not in text

    @given(st.text(max_size=40))
    def test_without_tags_keeps_its_words(self, words: str) -> None:
        escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

        assert set(text_of(f"<p>{escaped}</p>").replace("> ", "").split()) <= set(text_of(escaped).split()) | {">"}
