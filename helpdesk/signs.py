"""By what a person is found in the data of others: addresses, names, numbers. Pure: text in, text out."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from helpdesk.phones import parts

#: A shorter word is part of too many others to be anybody's name, a shorter number nobody's phone.
LEAST_NAME, LEAST_DIGITS = 3, 7
_FRAGMENT = re.compile(r"[A-Za-z0-9.+_-]+")
_DIGITS = re.compile(r"\D")


@dataclass(frozen=True)
class Signs:
    """What to look for. ``mark`` takes the place of a name, ``mark``'s own number makes addresses of their places.

    Matching doesn't look at case, takes any white space for any other, and never stops inside a word or an address.
    """

    mark: str
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()

    def as_json(self) -> str:
        """For `from_json`."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Signs":
        data = json.loads(text)
        return cls(data["mark"], tuple(data["addresses"]), tuple(data["names"]), tuple(data["phones"]))

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """For a database: lower-case ASCII, one of which is in every text that has a sign, however it is escaped."""
        parts = [*(address.partition("@")[0] for address in self.addresses), *self.names]
        found = {max(_FRAGMENT.findall(part.lower()), key=len, default="") for part in parts}
        found |= {_DIGITS.sub("", phone)[-2:] for phone in self.phones}  # more are parted by spaces: 555 77 88
        return tuple(sorted(found))

    @cached_property
    def _patterns(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        number = self.mark.strip("[]").replace(" ", "-")
        rows = [
            (_of_address(address), f"{number}-{place}@erased.invalid")
            for place, address in enumerate(self.addresses, start=1)
        ]
        rows += [(_of_name(name), self.mark) for name in sorted(self.names, key=len, reverse=True)]
        rows += [(_of_phone(phone), self.mark) for phone in self.phones]
        return tuple((re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in rows)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not (self.addresses or self.names or self.phones)

    def found_in(self, text: str) -> bool:
        """Whether any of them stands in ``text``."""
        return any(pattern.search(text) for pattern, _ in self._patterns)

    def without(self, text: str) -> str:
        """``text`` with each of them replaced."""
        for pattern, instead in self._patterns:
            text = pattern.sub(instead, text)
        return text

    def in_address_place(self, address: str) -> str:
        """What stands where an address stood that is the person's, whether or not it is among the signs."""
        replaced = self.without(address.lower())
        number = self.mark.strip("[]").replace(" ", "-")
        return replaced if replaced != address.lower() else f"{number}@erased.invalid"

    def found_in_bytes(self, raw: bytes) -> bool:
        """Whether any stands in ``raw``, read as UTF-8 or as Latin-1."""
        return any(self.found_in(text) for text in _readings(raw))

    def without_bytes(self, raw: bytes) -> bytes:
        """``raw`` with each of them replaced, in the bytes as they stand: what is encoded isn't seen."""
        try:
            return self.without(raw.decode()).encode()
        except UnicodeDecodeError:
            return self.without(raw.decode("latin-1")).encode("latin-1", "replace")

    def without_any(self, value: Any) -> Any:
        """A JSON value with all its texts, keys included, cleaned."""
        return of_texts(value, self.without)


def of_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with ``change`` done to every text in it."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [of_texts(each, change) for each in value]
    if isinstance(value, dict):
        return {change(key): of_texts(each, change) for key, each in value.items()}
    return value


def usable_names(names: Iterable[str]) -> tuple[str, ...]:
    """Those that can be looked for, each once."""
    cleaned = (" ".join(name.split()) for name in names)
    return tuple(dict.fromkeys(name for name in cleaned if len(name) >= LEAST_NAME))


def usable_phones(phones: Iterable[str]) -> tuple[str, ...]:
    """Those that are numbers of a phone, each once."""
    return tuple(dict.fromkeys(phone for phone in phones if len(_DIGITS.sub("", phone)) >= LEAST_DIGITS))


def _readings(raw: bytes) -> Sequence[str]:
    try:
        return (raw.decode(),)
    except UnicodeDecodeError:
        return (raw.decode("utf-8", "ignore"), raw.decode("latin-1"))


def _of_address(address: str) -> str:
    """Also as it stands in web addresses and in return paths (VERP)."""
    local, at, domain = address.partition("@")
    middle = "(?:@|%40|=40|=)" if at else ""
    return rf"(?<![\w.+-]){re.escape(local)}{middle}{re.escape(domain)}(?![\w-]|\.\w)"


def _of_name(name: str) -> str:
    """Also with the last name first."""
    words = [re.escape(word) for word in name.split()]
    forms = [r"[\s_+]+".join(words)]
    if len(words) > 1:
        forms.append(rf"{words[-1]},?\s+" + r"\s+".join(words[:-1]))
    return rf"(?<!\w)(?:{'|'.join(forms)})(?!\w)"


def _of_phone(phone: str) -> str:
    """With and without the country code, however it is parted: +358 (0)40 123 4567, 00358401234567, 040-1234567."""
    apart = r"[\s().\-/]{0,3}"
    code, number = parts(phone)
    if len(number) < LEAST_DIGITS:
        return r"(?<!\d)\+?" + apart.join(_DIGITS.sub("", phone)) + r"(?!\d)"
    abroad = rf"(?:(?:\+|00){apart})?{apart.join(code)}{apart}(?:0{apart})?"
    of_elsewhere = "".join(rf"(?<!\+\d{{{length}}}[\s-])" for length in (1, 2, 3))
    return rf"(?<!\d){of_elsewhere}(?:{abroad}|0{apart})?{apart.join(number)}(?!\d)"
