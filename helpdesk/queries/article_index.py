"""Which FAQ articles answer a message: BM25 over stems, kept in memory. Pure; the same on every database.

Two questions, two scores. ``match`` is for mail: a long text in which most words are beside the point, and no link is
better than a wrong one, so an article counts only if enough of its *topic* (title, keywords, summary) is spoken of.
``find`` is for somebody who types into a search field: forgiving, and every word of an article counts.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from helpdesk.queries.lexicon import Hit, Lexicon
from helpdesk.queries.words import words

# Fields and how often one occurrence in them counts (BM25F).
_TITLE, _KEYWORDS, _SUMMARY, _BODY = 4.0, 3.0, 1.5, 0.4
_SATURATION = 1.6
# Every set of articles is taken for part of a larger one, so that scores mean the same with 10 articles and with 300.
_UNSEEN_ARTICLES = 20

# How a message is read. Tuned by tests/flows/knowledge_messages.py, of which a third was held out.
_SUBJECT = 1.4
_MAX_LETTERS, _MAX_WORDS, _MAX_QUERY = 4_000, 60, 200
_SHORTEST_BEGINNING = 3
_PATIENCE = 14
_ENOUGH_TOPIC, _ENOUGH_SCORE, _NEARLY_AS_GOOD = 0.9, 0.78, 0.7


@dataclass(frozen=True, slots=True)
class Document:
    """What the index needs to know of an article."""

    article_id: int
    title: str
    summary: str
    keywords: str
    body: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """An article and how well it fits; scores compare within one index only."""

    article_id: int
    score: float


class _Posting(NamedTuple):
    """What a term adds to an article's score when it is spoken of: from all of it, and from its topic alone."""

    article_id: int
    total: float
    topic: float


class ArticleIndex:
    """Articles of one language. Immutable once built, so threads share it."""

    def __init__(self, documents: Sequence[Document], *, language: str) -> None:
        texts = [(d.title, d.keywords, d.summary, d.body) for d in documents]
        self.lexicon = Lexicon((w for fields in texts for field in fields for w in words(field)), language=language)
        raw: defaultdict[str, list[_Posting]] = defaultdict(list)
        for document, fields in zip(documents, texts, strict=True):
            for term, total, topic in self._weigh(fields):
                raw[term].append(_Posting(document.article_id, total, topic))
        self._postings = _by_rarity(raw, size=len(documents) + _UNSEEN_ARTICLES)

    def match(self, *, subject: str, text: str, limit: int) -> list[Ranked]:
        """At most ``limit`` articles that answer this message, best first; mostly none for a matter no article has."""
        heard = self._hear(subject=subject, text=text)
        scores: defaultdict[int, float] = defaultdict(float)
        topics: defaultdict[int, float] = defaultdict(float)
        for term, certainty in heard.terms.items():
            for article_id, total, topic in self._postings.get(term, ()):
                scores[article_id] += certainty * total
                topics[article_id] += certainty * topic
        # The longer a message is, the more of any article it meets by chance.
        dilution = math.sqrt((heard.size + _PATIENCE) / _PATIENCE)
        ranked = [
            Ranked(article_id, score / dilution)
            for article_id, score in scores.items()
            if topics[article_id] >= _ENOUGH_TOPIC and score / dilution >= _ENOUGH_SCORE
        ]
        ranked.sort(key=lambda hit: (-hit.score, hit.article_id))
        return [hit for hit in ranked[:limit] if hit.score >= ranked[0].score * _NEARLY_AS_GOOD]

    def find(self, query: str, *, limit: int) -> tuple[list[Ranked], frozenset[str]]:
        """Articles for a search field, best first, and the terms to highlight. The last word may be unfinished.

        An article with more of the words always comes before one with fewer; with none of them it isn't found.
        """
        sought = self._sought(query)
        scores: defaultdict[int, float] = defaultdict(float)
        covered: Counter[int] = Counter()
        for hits in sought:
            best: dict[int, float] = {}
            for hit in hits:
                for article_id, total, topic in self._postings.get(hit.term, ()):
                    best[article_id] = max(best.get(article_id, 0.0), hit.certainty * (total + topic))
            for article_id, score in best.items():
                scores[article_id] += score
                covered[article_id] += 1
        order = sorted(scores, key=lambda article_id: (-covered[article_id], -scores[article_id], article_id))
        terms = frozenset(hit.term for hits in sought for hit in hits)
        return [Ranked(article_id, scores[article_id]) for article_id in order[:limit]], terms

    def _sought(self, query: str) -> list[tuple[Hit, ...]]:
        """What each word of a query may mean; words that no article has are left out."""
        typed = list(dict.fromkeys(words(query[:_MAX_QUERY])))
        meant = [self.lexicon.hits(word) for word in typed]
        if typed and len(typed[-1]) >= _SHORTEST_BEGINNING:
            meant[-1] += tuple(h for h in self.lexicon.hits_of_beginning(typed[-1]) if h not in meant[-1])
        return [hits for hits in meant if hits]

    def _hear(self, *, subject: str, text: str) -> "_Heard":
        terms: dict[str, float] = {}
        seen: set[str] = set()
        for part, emphasis in ((subject[:_MAX_LETTERS], _SUBJECT), (text[:_MAX_LETTERS], 1.0)):
            for word in words(part):
                if len(seen) >= _MAX_WORDS:
                    break
                if word in seen or self.lexicon.is_stop_word(word):
                    continue
                seen.add(word)
                for hit in self.lexicon.hits(word):
                    terms[hit.term] = max(terms.get(hit.term, 0.0), hit.certainty * emphasis)
        return _Heard(terms, len(seen))

    def _weigh(self, fields: Iterable[str]) -> Iterator[tuple[str, float, float]]:
        """Each term of an article with its weight in the whole and in the topic, both below 1."""
        total: defaultdict[str, float] = defaultdict(float)
        topic: defaultdict[str, float] = defaultdict(float)
        for field, factor in zip(fields, (_TITLE, _KEYWORDS, _SUMMARY, _BODY), strict=True):
            for word in words(field):
                for hit in self.lexicon.hits(word):
                    total[hit.term] += factor * hit.certainty
                    topic[hit.term] += factor * hit.certainty if factor != _BODY else 0
        for term, amount in total.items():
            yield term, amount / (amount + _SATURATION), topic[term] / (topic[term] + _SATURATION)


def _by_rarity(raw: Mapping[str, list[_Posting]], *, size: int) -> dict[str, tuple[_Posting, ...]]:
    """Weights times inverse document frequency: 1 for a term of one article, falling towards 0 for a term of all."""
    rarest = math.log((size + 0.5) / 1.5)
    weighed = {}
    for term, postings in raw.items():
        rarity = math.log((size + 0.5) / (len(postings) + 0.5)) / rarest
        weighed[term] = tuple(_Posting(which, total * rarity, topic * rarity) for which, total, topic in postings)
    return weighed


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a message speaks of: terms with their emphasis, and how many words with a meaning it has."""

    terms: dict[str, float]
    size: int
