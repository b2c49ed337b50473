"""What somebody typed into the search field, understood. Pure; anything is a valid query, nothing raises.

``liisa invoice``       both words, anywhere in one message of the ticket or its people, subject, file names
``"wrong amount"``      these words in this order
``kirjau*``             words that begin so
``from:liisa``          who wrote it, by name or address
``is:open``             a state; ``is:active``, ``is:unassigned``
``team:billing``        a team by its short or full name
``owner:me``            or an agent's name, or ``owner:none``
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from helpdesk.models import ACTIVE_STATES, State
from helpdesk.queries.search_terms import plain_terms, readings

MAX_LETTERS = 300
MAX_WORDS = 12
_SHORTEST_BEGINNING = 2

_PIECE = re.compile(r'(?:(?P<operator>from|is|team|owner):)?(?P<value>"[^"]*"?|(?<=:)\S*|\S+)', re.IGNORECASE)
_ACTIVE = frozenset(state.value for state in ACTIVE_STATES)


@dataclass(frozen=True, slots=True)
class Sought:
    """One word, or several that must stand one after the other; any one of its ``readings`` will do."""

    readings: tuple[tuple[str, ...], ...]
    is_beginning: bool = False
    is_person: bool = False


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A conjunction: everything in it must hold. ``owners`` and ``teams`` are names as typed, lower case."""

    sought: tuple[Sought, ...] = ()
    states: frozenset[str] = frozenset()
    is_contradictory: bool = False
    is_unassigned: bool = False
    teams: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()

    @property
    def has_filters(self) -> bool:
        """Does it ask for something that only the ticket's row knows?"""
        return bool(self.states or self.owners or self.is_unassigned)

    @property
    def is_empty(self) -> bool:
        return not (self.sought or self.has_filters or self.teams or self.is_contradictory)

    def terms(self) -> frozenset[str]:
        """All terms that the message itself may show, for highlighting."""
        return frozenset(term for each in self.sought for reading in each.readings for term in reading)

    def beginnings(self) -> tuple[str, ...]:
        """Beginnings of words that were asked for, for highlighting."""
        return tuple(reading[-1] for each in self.sought if each.is_beginning for reading in each.readings)


def understand(text: str) -> SearchQuery:
    """Read what was typed."""
    sought: list[Sought] = []
    states: frozenset[str] | None = None
    teams: list[str] = []
    owners: list[str] = []
    is_unassigned = is_contradictory = False
    for operator, value, is_quoted in _pieces(text[:MAX_LETTERS]):
        match operator:
            case "is" if value in {"unassigned", "unowned"}:
                is_unassigned = True
            case "is":
                wanted = _states(value)
                states = wanted if states is None else states & wanted
                is_contradictory = is_contradictory or not states
            case "team":
                teams.append(value)
            case "owner" if value in {"none", "nobody"}:
                is_unassigned = True
            case "owner":
                owners.append(value)
            case "from":
                sought.append(Sought((tuple(plain_terms(value)),), is_person=True))
            case _:
                sought.append(_sought(value, is_quoted=is_quoted))
    found = tuple(dict.fromkeys(each for each in sought if any(each.readings)))[:MAX_WORDS]
    return SearchQuery(
        sought=found,
        states=states or frozenset(),
        is_contradictory=is_contradictory,
        is_unassigned=is_unassigned,
        teams=tuple(teams),
        owners=tuple(owners),
    )


def _pieces(text: str) -> Iterator[tuple[str, str, bool]]:
    for match in _PIECE.finditer(text):
        value = match["value"]
        yield (match["operator"] or "").lower(), value.strip('"').strip().lower(), value.startswith('"')


def _states(value: str) -> frozenset[str]:
    if value in {"active", "unsolved"}:
        return _ACTIVE
    return frozenset({value}) & frozenset(State.values)


def _sought(value: str, *, is_quoted: bool) -> Sought:
    """A word with punctuation inside (an address, a serial number, a path) is a phrase of its parts."""
    found = readings(value)
    is_beginning = not is_quoted and value.endswith("*") and bool(found) and len(found[0][-1]) >= _SHORTEST_BEGINNING
    return Sought(found, is_beginning=is_beginning)
