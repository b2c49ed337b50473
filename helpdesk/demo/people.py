"""The people of the demo: teams and colleagues on our side, customers on the other."""

from helpdesk.demo.content import Colleague, Company

LOGIN = "demo@luotsi.example"
#: For every colleague who can log in. Printed at the start of the demo; a desk of your own has no such agents.
PASSWORD = "harbour-pilot-demo"  # noqa: S105

MAILBOX = "support@luotsi.example"
TRUSTED_NETWORKS = ["127.0.0.0/8", "::1/128"]

#: (slug, name); the first is the default team.
TEAMS = (
    ("support", "Support"),
    ("billing", "Billing"),
    ("tech", "Tech"),
    ("deliveries", "Deliveries"),
)

BEN = "ben@luotsi.example"
CLEO = "cleo@luotsi.example"
ELIAS = "elias@luotsi.example"
FANNY = "fanny@luotsi.example"
ILMARI = "ilmari@luotsi.example"
MIRA = "mira@luotsi.example"

_SIGNATURE = "{name}\nLuotsi, boats and the outdoors · Linnankatu 74, Turku"


def _sign(name: str) -> str:
    return _SIGNATURE.format(name=name)


#: (kind, slug, name)
SKILLS = (
    ("language", "fi", "Finnish"),
    ("language", "sv", "Swedish"),
    ("language", "de", "German"),
    ("product", "plotters", "Chartplotters"),
)

COLLEAGUES = (
    Colleague(
        LOGIN,
        "Dora Lind",
        "admin",
        ("support",),
        signature=_sign("Dora Lind"),
        can_log_in=True,
        skills=(("fi", 5), ("sv", 6)),
    ),
    Colleague(BEN, "Ben Ahonen", "lead", ("billing",), signature=_sign("Ben Ahonen"), can_log_in=True),
    Colleague(
        CLEO,
        "Cleo Virta",
        "agent",
        ("tech",),
        signature=_sign("Cleo Virta"),
        can_log_in=True,
        skills=(("fi", 6), ("plotters", 5)),
    ),
    Colleague(ELIAS, "Elias Koski", "lead", ("tech", "support"), signature=_sign("Elias Koski")),
    Colleague(
        FANNY,
        "Fanny Holm",
        "agent",
        ("support", "billing"),
        signature=_sign("Fanny Holm"),
        skills=(("sv", 6), ("de", 4)),
    ),
    Colleague(MIRA, "Mira Salo", "agent", ("deliveries",), signature=_sign("Mira Salo"), language="fi", capacity=3),
    Colleague(
        ILMARI,
        "Ilmari Aalto",
        "agent",
        ("deliveries", "support"),
        signature=_sign("Ilmari Aalto"),
        language="fi",
        presence="away",
    ),
)

COMPANIES = (
    Company("Saaristo Charter Oy", "saaristocharter.example", customer_class="vip"),
    Company("Norrsken Paddling AB", "norrsken.example", customer_class="dealer"),
    Company("Meyer Yachtservice GmbH", "meyer-yacht.example", customer_class="dealer"),
)

LIISA = "Liisa Laine <liisa.laine@posti.example>"
PEKKA = "Pekka Mäkinen <pekka.makinen@verkko.example>"
AINO = "Aino Hämäläinen <aino.h@posti.example>"
TUOMAS = "Tuomas Nieminen <tuomas@saaristocharter.example>"
SATU = "Satu Korhonen <satu@saaristocharter.example>"
ERIK = "Erik Sjöström <erik.sjostrom@norrsken.example>"
INGRID = "Ingrid Åkerblom <ingrid.akerblom@brev.example>"
JUERGEN = "Jürgen Weiß <j.weiss@meyer-yacht.example>"
HANNELORE = "Hannelore Köhler <koehler@post.example>"
OLGA = "Ольга Соколова <olga.sokolova@pochta.example>"
DMITRI = "Дмитрий Кузнецов <d.kuznetsov@pochta.example>"
MARY = "Mary Whitfield <mary@whitfield.example>"
JOHN = "John Okafor <john.okafor@mail.example>"
LONG = (
    "Maximiliana Theodora Annegret von Hohenstein-Wittelsbach zu Ruppertsgrün und Langenfeld-Brandenberg"
    " <maximiliana.von.hohenstein-wittelsbach@gut-ruppertsgruen.example>"
)
KAISA = "Kaisa Virtanen <kaisa.virtanen@koulu.example>"
SPAMMY = "Growth Partners <hello@growth-partners.example>"
