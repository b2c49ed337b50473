"""How long a ticket waits for its rules, and how that grows with their number.

`measure()` returns microseconds a ticket for 10, 100, 1,000 and 10,000 rules: the median over rounds of a few hundred
mails of 700 to 2,000 characters, which is what mails of 2 to 6 kB hold, in English, German and Finnish. A round's mails
are new to the engine (other numbers, names and made-up words), as they are in life. What is timed is `decide`
alone, in processor time: it waits for nothing, and what else the machine does should not count.
"""

import datetime as dt
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.progress import say
from routing_rules.conditions import All, Any, Condition, NoneOf, Test
from routing_rules.engine import Effect, Rule, RuleSet, compile_rules, decide

SIZES = (10, 100, 1_000, 10_000)
ROUNDS = 5
MAILS = 200
NOW = dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC)

SENTENCES = {
    "en": (
        "Since Tuesday the portal keeps asking me for a code that never comes.",
        "The amount on the invoice is higher than the one in your offer.",
        "I have tried two browsers and a telephone, always with the same result.",
        "Could somebody call our warehouse before noon about the missing pallet?",
        "We would like to cancel the second licence at the end of the month.",
        "The printed label has the wrong address although the order is right.",
        "After the latest update the report shows an error instead of a chart.",
        "Please send the receipt again, our accounting never received it.",
    ),
    "de": (
        "Seit Dienstag verlangt das Portal einen Code, der nie ankommt.",
        "Der Betrag auf der Rechnung ist höher als im Angebot.",
        "Ich habe es mit zwei Browsern versucht, immer mit demselben Ergebnis.",
        "Könnte jemand vor Mittag unser Lager wegen der fehlenden Palette anrufen?",
        "Wir möchten die zweite Lizenz zum Monatsende kündigen.",
        "Bitte schicken Sie den Beleg noch einmal, die Buchhaltung hat ihn nicht erhalten.",
    ),
    "fi": (
        "Tiistaista lähtien palvelu kysyy koodia, joka ei koskaan tule perille.",
        "Laskun summa on suurempi kuin tarjouksessanne.",
        "Olen kokeillut kahta selainta ja puhelinta, tulos on aina sama.",
        "Voisiko joku soittaa varastollemme ennen puoltapäivää puuttuvasta lavasta?",
        "Haluaisimme irtisanoa toisen lisenssin kuukauden lopussa.",
        "Pyydän lähettämään kuitin uudelleen, kirjanpito ei saanut sitä.",
    ),
}
TEAMS = ("support", "billing", "delivery", "sales", "returns", "technical")
CLASSES = ("private", "business", "partner", "key")
ONSETS, VOWELS, ENDS = (
    "bcdfghjklmnprstvz",
    ("a", "e", "i", "o", "u", "ä", "ie", "au"),
    ("", "", "n", "r", "s", "t", "l"),
)


def _word(random_: random.Random) -> str:
    choice = random_.choice
    return "".join(choice(ONSETS) + choice(VOWELS) + choice(ENDS) for _ in range(random_.randint(2, 4)))


def _plain_words() -> list[str]:
    words = {word.strip(".,?").lower() for texts in SENTENCES.values() for text in texts for word in text.split()}
    return sorted(word for word in words if len(word) > 5)


def facts_of_mails(*, count: int, seed: int) -> list[dict[str, object]]:
    """Return the facts of `count` mails, different for each seed."""
    random_ = random.Random(f"mails {seed}")
    mails: list[dict[str, object]] = []
    for number in range(count):
        language = random_.choices(("en", "de", "fi"), (5, 2, 3))[0]
        sentences = random_.choices(SENTENCES[language], k=random_.randint(10, 30))
        for place in range(0, len(sentences), 5):
            sentences[place] += f" {_word(random_).title()} {random_.randint(1000, 99999)}."
        domain = f"kunde{random_.randrange(3000)}.example"
        mails.append(
            {
                "event": "ticket_created",
                "subject": f"{random_.choice(SENTENCES[language])[:40]} ({random_.randint(1000, 9999)})",
                "body": "\n\n".join(" ".join(sentences[at : at + 4]) for at in range(0, len(sentences), 4)),
                "sender": f"{_word(random_)}.{number}@{domain}",
                "sender_domain": domain,
                "sender_name": f"{_word(random_).title()} {_word(random_).title()}",
                "recipient": "support@luotsi.example",
                "channel": random_.choice(("support", "billing", "shop")),
                "channel_kind": "email",
                "language": language,
                "customer_class": random_.choice(CLASSES),
                "tags": frozenset(random_.sample(TEAMS, k=2)),
                "has_attachments": random_.random() < 0.1,
                "is_automatic": False,
                "arrived_at": NOW + dt.timedelta(minutes=random_.randrange(10_000)),
                "priority": "normal",
                "state": "new",
            }
        )
    return mails


def _conditions(random_: random.Random, plain: Sequence[str]) -> Iterator[Condition]:
    """Yield conditions as desks have them: mostly about words and senders that few mails have."""

    def word() -> str:
        return random_.choice(plain) if random_.random() < 0.03 else _word(random_)

    def domain() -> str:
        return f"kunde{random_.randrange(30_000)}.example"

    language = [random_.choice(("en", "de", "fi"))]
    hours = {"from": "08:00", "to": "16:00", "zone": "Europe/Helsinki"}
    yield Test("subject", "contains", word())
    yield Test("sender_domain", "is", domain())
    yield All((Test("language", "is_any_of", language), Test("body", "contains_any", [word(), word(), word()])))
    yield Any((Test("subject", "contains", word()), Test("sender", "ends_with", "@" + domain())))
    yield All((Test("customer_class", "is_any_of", ["key"]), Test("body", "contains", f"{word()} {word()}")))
    yield All((Test("subject", "starts_with", word()), Test("has_attachments", "is_false")))
    yield All((Test("sender_domain", "is", domain()), NoneOf((Test("tags", "has_any", ["sales"]),))))
    yield All((Test("body", "contains_any_word", [word(), word()]), Test("arrived_at", "between", hours)))
    yield All((Test("channel", "is_any_of", ["shop"]), Test("sender_name", "contains", word())))
    yield All((Test("subject", "contains", word()), Test("subject", "matches", rf"{word()}[- ]?\d{{4,}}")))


def make_rules(*, count: int, seed: int = 1) -> list[Rule]:
    """Return `count` rules of ten kinds; one in fifty matches so often that it has to be asked by most mails."""
    random_ = random.Random(f"rules {seed}")
    plain = _plain_words()
    rules: list[Rule] = []
    while len(rules) < count:
        for condition in _conditions(random_, plain):
            effect = random_.choice(
                (
                    Effect("set_team", random_.choice(TEAMS)),
                    Effect("add_tag", _word(random_)),
                    Effect("set_priority", "high"),
                )
            )
            whole = All((Test("event", "is_any_of", ["ticket_created"]), condition))
            rules.append(Rule(len(rules) + 1, f"Rule {len(rules) + 1}", whole, (effect,)))
    return rules[:count]


def with_forms(rules: Sequence[Rule], *, seed: int = 1) -> list[Rule]:
    """Return the rules with every tenth one asking for forms of words: a mail's new words are then taken apart."""
    random_, plain = random.Random(f"forms {seed}"), _plain_words()

    def about_forms(rule: Rule) -> Rule:
        words = [random_.choice(plain) if random_.random() < 0.03 else _word(random_) for _ in range(3)]
        language = Test("language", "is_any_of", [random_.choice(("en", "de", "fi"))])
        return replace(rule, condition=All((language, Test("body", "contains_any_form_of", words))))

    return [about_forms(rule) if place % 10 == 0 else rule for place, rule in enumerate(rules)]


def microseconds_a_ticket(*, ruleset: RuleSet) -> float:
    """Return the median over rounds, each over mails that the rule set has not seen; the first round warms up."""
    rounds = []
    for number in range(ROUNDS + 1):
        mails = facts_of_mails(count=MAILS, seed=number)
        start = time.process_time()
        for facts in mails:
            decide(ruleset, facts, NOW)
        rounds.append((time.process_time() - start) / MAILS * 1e6)
    return statistics.median(rounds[1:])


def measure(place: object = None) -> dict[str, float]:
    """Return microseconds a ticket by number of rules. Needs no `place`: nothing is stored."""
    del place
    figures = {}
    for size in SIZES:
        ruleset = compile_rules(make_rules(count=size))
        figures[f"rules_us_{size}"] = round(microseconds_a_ticket(ruleset=ruleset), 1)
        say(f"{size:>7} rules: {figures[f'rules_us_{size}']} µs a ticket")
    ruleset = compile_rules(with_forms(make_rules(count=1_000)))
    figures["rules_forms_us_1000"] = round(microseconds_a_ticket(ruleset=ruleset), 1)
    say(f"   1000 rules, 100 of them about forms of words: {figures['rules_forms_us_1000']} µs a ticket")
    return figures
