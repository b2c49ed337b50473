"""Routing rules of the demo, in the order in which they run."""

from helpdesk.demo.content import RuleText


def _says(*words: str) -> dict[str, object]:
    """The subject or the text has one of these."""
    return {
        "any": [
            {"field": "subject", "operator": "contains_any", "value": list(words)},
            {"field": "body", "operator": "contains_any", "value": list(words)},
        ]
    }


def _subject_says(*words: str) -> dict[str, object]:
    return {"all": [{"field": "subject", "operator": "contains_any", "value": list(words)}]}


RULES = (
    RuleText(
        "Machine mail waits",
        {"all": [{"field": "is_automatic", "operator": "is_true"}]},
        (("set_priority", "low"), ("add_tag", "automatic"), ("set_acknowledgement", "none")),
        is_stop=True,
        comment="Out-of-office and the like: kept, never answered.",
    ),
    RuleText(
        "Safety comes first",
        _says("did not inflate", "didn't inflate", "ei lauennut", "löste inte ut", "caught fire", "syttyi", "exploded"),
        (("set_priority", "urgent"), ("add_tag", "safety"), ("set_team", "tech")),
        comment="Life jackets and gas: a person looks at these within the hour.",
    ),
    RuleText(
        "Charter companies are served first",
        {"all": [{"field": "customer_class", "operator": "is_any_of", "value": ["vip"]}]},
        (("set_priority", "high"), ("add_tag", "vip"), ("set_service_policy", "charter")),
    ),
    RuleText(
        "Passwords and logins",
        _says(
            "password", "log in", "login", "salasana", "kirjautu", "kirjaudu", "lösenord", "logga in", "passwort",
            "anmelden", "пароль", "войти",
        ),
        (("set_team", "tech"), ("add_tag", "login")),
        folder="Topics",
    ),
    RuleText(
        "Plotters and charts",
        _says("plotter", "plotteri", "chart update", "karttapäivity", "sjökort", "seekarte", "firmware", "картплоттер"),
        (("set_team", "tech"), ("add_tag", "plotter")),
        folder="Topics",
    ),
    RuleText(
        "Invoices and payments",
        _subject_says(
            "invoice", "payment", "charged", "refund", "receipt", "vat", "lasku", "maksu", "hyvity", "kuitti", "veloit",
            "faktura", "betalning", "rechnung", "zahlung", "счёт", "оплат",
        ),
        (("set_team", "billing"), ("add_tag", "payment")),
        folder="Topics",
    ),
    RuleText(
        "Parcels and deliveries",
        _subject_says(
            "delivery", "parcel", "tracking", "where is my order", "shipping", "toimitu", "paket", "lähety", "leverans",
            "försändelse", "lieferung", "sendung", "доставк", "посылк", "заказ",
        ),
        (("set_team", "deliveries"), ("add_tag", "delivery")),
        folder="Topics",
    ),
    RuleText(
        "Personal data",
        _says("gdpr", "personal data", "henkilötiet", "tietosuoja", "delete my account", "personuppgifter"),
        (("add_tag", "privacy"), ("set_priority", "high"), ("set_acknowledgement", "privacy")),
        comment="Answered within a month by law.",
        folder="Topics",
    ),
    RuleText(
        "Offers that nobody asked for",
        _says("seo", "first place in search", "guest post", "backlink"),
        (("set_priority", "low"), ("add_tag", "sales"), ("set_acknowledgement", "none")),
        folder="Topics",
    ),
    RuleText(
        "A missed service level goes to the team's lead",
        {"all": [{"field": "service_clock", "operator": "is_any_of", "value": ["first-reply", "next-reply"]}]},
        (("set_priority", "urgent"), ("add_tag", "lead")),
        comment="Somebody has waited for our answer for too long.",
        events=("service_breach",),
        folder="While a ticket is open",
    ),
    RuleText(
        "Back and forth",
        {"all": [{"field": "customer_messages", "operator": "at_least", "value": 3}]},
        (("add_tag", "back-and-forth"), ("add_note", "{{contact_name}} has written three times now. A call may settle it.")),
        comment="Once is enough.",
        events=("customer_message",),
        is_once=True,
        folder="While a ticket is open",
    ),
    RuleText(
        "Not heard of for a week",
        {
            "all": [
                {"field": "state", "operator": "is_any_of", "value": ["waiting"]},
                {
                    "field": "state_since",
                    "operator": "at_least_ago",
                    "value": {"amount": 7, "unit": "days", "zone": "Europe/Helsinki"},
                },
            ]
        },
        (("add_tag", "silent"),),
        events=("time_passed",),
        folder="While a ticket is open",
    ),
    RuleText(
        "Refunds",
        _subject_says("refund", "hyvity"),
        (("set_team", "billing"),),
        comment="From the first year, before “Invoices and payments” was there.",
    ),
)  # fmt: skip
