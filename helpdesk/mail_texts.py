"""The desk's own words for automatic mail, used where nobody has written a template in that language. Pure.

They hold {{name}} places as the templates that people edit do; `helpdesk.text.fill` fills both.
"""

#: What a template may ask for, with an example for the editor's preview.
PLACES = {
    "contact_name": "Liisa Laine",
    "reference": "LU-100423-8",
    "subject": "Cannot log in after the update",
    "message": "Hello, since the update this morning I can no longer log in.",
    "articles": "Reset your password\nhttps://desk.example/faq/en/reset-password/",
    "progress_url": "https://desk.example/p/…/",
    "desk_name": "Luotsi",
}

ACKNOWLEDGEMENT = {
    "en": """Hello {{contact_name}},

your message has arrived and has the reference {{reference}}. A person reads it and answers you.

{{articles}}
Follow your enquiry here, no account needed:
{{progress_url}}

This is what we received:

{{message}}

This mail was sent automatically. Simply answer it if you want to add something: your answer reaches the same person.

{{desk_name}}
""",
    "fi": """Hei {{contact_name}},

viestisi on saapunut, ja sen viite on {{reference}}. Ihminen lukee sen ja vastaa sinulle.

{{articles}}
Voit seurata asiaasi täällä ilman tunnuksia:
{{progress_url}}

Tämän saimme:

{{message}}

Tämä viesti lähetettiin automaattisesti. Jos haluat lisätä jotain, vastaa tähän: vastauksesi menee samalle ihmiselle.

{{desk_name}}
""",
}

#: For a sender whom nobody vouches for: not a word that they wrote, so that it can't be used to send their words on.
NEUTRAL = {
    "en": """Hello,

a message from this address has reached {{desk_name}}. Its reference is {{reference}}. A person reads it and answers.

If you did not write to us, somebody used your address; you need not do anything.

This mail was sent automatically. If you want to add something, simply answer it.

{{desk_name}}
""",
    "fi": """Hei,

{{desk_name}} on saanut viestin tästä osoitteesta. Sen viite on {{reference}}. Ihminen lukee sen ja vastaa.

Jos et kirjoittanut meille, joku on käyttänyt osoitettasi; sinun ei tarvitse tehdä mitään.

Tämä viesti lähetettiin automaattisesti. Jos haluat lisätä jotain, vastaa tähän viestiin.

{{desk_name}}
""",
}

#: In a chat of somebody else's platform, where a letter would be too much.
SOCIAL = {
    "en": """Thank you, your message has arrived. Its reference is {{reference}}. A person reads it and answers here.

{{articles}}
Follow it here: {{progress_url}}
""",
    "fi": """Kiitos, viestisi on saapunut. Sen viite on {{reference}}. Ihminen lukee sen ja vastaa sinulle täällä.

{{articles}}
Voit seurata asiaasi täällä: {{progress_url}}
""",
}

ARTICLES_INTRO = {"en": "These may help right away:", "fi": "Näistä voi olla apua heti:"}
SUBJECT = {"en": "We have your message: {{subject}}", "fi": "Viestisi on perillä: {{subject}}"}
NEUTRAL_SUBJECT = {"en": "A message has reached us", "fi": "Viesti on saapunut meille"}


def in_language(texts: dict[str, str], language: str, *, fallback: str = "en") -> str:
    """The text in ``language``, else in the desk's own, else in English."""
    return texts.get(language) or texts.get(fallback) or texts["en"]
