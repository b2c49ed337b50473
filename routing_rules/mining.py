"""Rules that people act by without having written them: learned from where they move tickets. Pure: no Django.

Two passes. The first sees the tickets that people moved and keeps the features, and pairs of them, that occur often
enough among those of one team. The second counts, over all tickets, how many that have such features ended in that
team. What remains is what holds nearly always, with a margin: the lower end of Wilson's interval, so that three of
three is no evidence.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from routing_rules.folding import fold, is_word_character

Feature = tuple[str, str]
"""Field and folded value. A word of the subject has the field "subject"."""

MOVES_MIN = 5
MATCHES_MIN = 8
BOUND_MIN = 0.70
MOVED_SHARE_MIN = 0.1
CANDIDATES_MAX = 5_000
SUGGESTIONS_MAX = 20
OVERLAP_MAX = 0.5
EXAMPLES_MAX = 20
WORD_MIN, WORD_MAX = 3, 30
_Z = 1.96

_WHOLE = ("sender_domain", "organisation", "recipient", "channel", "language")
# A channel or a language alone is no habit but a gap; both together, or with a word, may be one.
_WEAK = frozenset(("channel", "language"))


@dataclass(frozen=True, slots=True)
class Moved:
    """A ticket that a person brought to `team`."""

    ticket_id: int
    features: frozenset[Feature]
    team: str


@dataclass(slots=True)
class Candidate:
    """Features that may lead to a team, and what was counted of them. `moves` of its tickets people brought there."""

    features: tuple[Feature, ...]
    team: str
    moves: int
    matching: int = 0
    agreeing: int = 0
    exceptions: list[int] = field(default_factory=list)

    @property
    def bound(self) -> float:
        """The share of tickets that ends in the team is at least this, with 95 % confidence."""
        return wilson_bound(self.agreeing, self.matching)


def wilson_bound(hits: int, total: int) -> float:
    """Return the lower end of Wilson's 95 % interval for `hits` of `total`."""
    if total == 0:
        return 0.0
    share, spread = hits / total, _Z * _Z / total
    middle = share + spread / 2
    margin = _Z * math.sqrt((share * (1 - share) + spread / 4) / total)
    return (middle - margin) / (1 + spread)


def features_of(facts: Mapping[str, object]) -> frozenset[Feature]:
    """Return what may be learned from: words of the subject, and what else tells tickets apart before anybody reads."""
    found = {(name, fold(str(facts[name]))) for name in _WHOLE if facts.get(name)}
    return frozenset(found | {("subject", word) for word in words_of(str(facts.get("subject") or ""))})


def words_of(text: str) -> set[str]:
    """Return the words of a text as `contains any whole word of` sees them, short ones and numbers left out."""
    spaced = "".join(letter if is_word_character(letter) else " " for letter in fold(text))
    return {word for word in spaced.split() if WORD_MIN <= len(word) <= WORD_MAX and not word.isdigit()}


def _is_telling(features: Iterable[Feature]) -> bool:
    names = [name for name, _value in features]
    return not _WEAK.issuperset(names) or len(names) > 1


class Miner:
    """Counts candidates. Give it the moved tickets at once, then every ticket by `count`, then ask for `best`."""

    def __init__(self, moved: Iterable[Moved]) -> None:
        by_team: dict[str, list[Moved]] = defaultdict(list)
        for each in moved:
            by_team[each.team].append(each)
        self._frequent = {team: _frequent(tickets) for team, tickets in by_team.items()}
        candidates = [
            candidate
            for team, tickets in by_team.items()
            for candidate in _candidates(team, tickets, self._frequent[team])
        ]
        candidates.sort(key=lambda each: (-each.moves, len(each.features), each.features))
        self.candidates = candidates[:CANDIDATES_MAX]
        # Of a pair the later one by name: words and domains are rarer than channels and languages.
        self._by_feature: dict[Feature, list[Candidate]] = defaultdict(list)
        for candidate in self.candidates:
            self._by_feature[candidate.features[-1]].append(candidate)

    def count(self, *, ticket_id: int, features: frozenset[Feature], team: str) -> None:
        """Count a ticket that ended in `team`."""
        for feature in features:
            for candidate in self._by_feature.get(feature, ()):
                if features.issuperset(candidate.features):
                    candidate.matching += 1
                    if candidate.team == team:
                        candidate.agreeing += 1
                    elif len(candidate.exceptions) < EXAMPLES_MAX:
                        candidate.exceptions.append(ticket_id)

    def moved(self, candidate: Candidate) -> frozenset[int]:
        """Return the tickets that people brought to the candidate's team."""
        of_team = self._frequent[candidate.team]
        return frozenset(set.intersection(*(of_team[feature] for feature in candidate.features)))

    def best(self) -> list[Candidate]:
        """Return the candidates worth telling, the strongest first; of those that rest on the same tickets one."""
        good = [
            each
            for each in self.candidates
            if each.matching >= MATCHES_MIN
            and each.bound >= BOUND_MIN
            and each.moves >= MOVED_SHARE_MIN * each.matching
        ]
        good.sort(key=lambda each: (-each.moves * each.bound, len(each.features), each.features))
        told: dict[str, set[int]] = defaultdict(set)
        chosen: list[Candidate] = []
        for each in good:
            moved = self.moved(each)
            if len(moved & told[each.team]) < OVERLAP_MAX * len(moved):
                chosen.append(each)
                told[each.team] |= moved
        return chosen[:SUGGESTIONS_MAX]


def _frequent(tickets: list[Moved]) -> dict[Feature, set[int]]:
    """Return the features that occur often enough, with their tickets."""
    singles: dict[Feature, set[int]] = defaultdict(set)
    for each in tickets:
        for feature in each.features:
            singles[feature].add(each.ticket_id)
    return {feature: ids for feature, ids in singles.items() if len(ids) >= MOVES_MIN}


def _candidates(team: str, tickets: list[Moved], frequent: Mapping[Feature, set[int]]) -> Iterable[Candidate]:
    pairs: Counter[tuple[Feature, Feature]] = Counter()
    for each in tickets:
        kept = sorted(each.features.intersection(frequent))
        pairs.update(pair for pair in combinations(kept, 2) if pair[0][0] != pair[1][0])
    for feature, ids in frequent.items():
        if _is_telling((feature,)):
            yield Candidate((feature,), team, len(ids))
    for pair, count in pairs.items():
        if count >= MOVES_MIN:
            yield Candidate(pair, team, count)


def as_tests(features: Iterable[Feature]) -> list[dict[str, object]]:
    """Return the tests of a rule for these features, as JSON."""
    shapes: Mapping[str, tuple[str, bool]] = {
        "subject": ("contains_any_word", True),
        "channel": ("is_any_of", True),
        "language": ("is_any_of", True),
    }
    tests: list[dict[str, object]] = []
    for name, value in features:
        operator, is_list = shapes.get(name, ("is", False))
        tests.append({"field": name, "operator": operator, "value": [value] if is_list else value})
    return tests
