"""Acknowledgements and canned replies of the demo."""

from helpdesk.demo.content import TemplateText

TEMPLATES = (
    TemplateText(
        slug="standard",
        kind="acknowledgement",
        language="en",
        name="Standard",
        subject="We have your message: {{subject}}",
        is_default=True,
        body="""\
Hello {{contact_name}},

thank you for writing to us. Your message has arrived under the reference {{reference}}, and one of us reads it. On \
working days you hear from us within a few hours.

{{articles}}
You can see here how far we are, no account needed:
{{progress_url}}

This is what reached us:

{{message}}

This mail was sent automatically. If you want to add something, just answer it.

Fair winds,
{{desk_name}}
""",
    ),
    TemplateText(
        slug="standard",
        kind="acknowledgement",
        language="fi",
        name="Tavallinen",
        subject="Viestisi on perillä: {{subject}}",
        is_default=True,
        body="""\
Hei {{contact_name}},

kiitos viestistäsi. Se on perillä viitteellä {{reference}}, ja joku meistä lukee sen. Arkisin vastaamme \
muutamassa tunnissa.

{{articles}}
Täältä näet ilman tunnuksia, missä mennään:
{{progress_url}}

Tämän saimme:

{{message}}

Tämä viesti lähti automaattisesti. Jos haluat lisätä jotain, vastaa tähän.

Myötätuulta,
{{desk_name}}
""",
    ),
    TemplateText(
        slug="privacy",
        kind="acknowledgement",
        language="en",
        name="Personal data",
        subject="Your request about your data",
        body="""\
Hello {{contact_name}},

your request has arrived under the reference {{reference}}. We answer requests about personal data within a month, \
mostly within a week, and may ask you to confirm that it is you.

{{articles}}
You can follow it here:
{{progress_url}}

This mail was sent automatically. If you want to add something, just answer it.

{{desk_name}}
""",
    ),
    TemplateText(
        slug="privacy",
        kind="acknowledgement",
        language="fi",
        name="Henkilötiedot",
        subject="Tietojasi koskeva pyyntösi",
        body="""\
Hei {{contact_name}},

pyyntösi on perillä viitteellä {{reference}}. Vastaamme henkilötietoja koskeviin pyyntöihin kuukaudessa, useimmiten \
viikossa, ja saatamme pyytää vahvistamaan, että kirjoittaja olet sinä.

{{articles}}
Voit seurata asiaa täällä:
{{progress_url}}

Tämä viesti lähti automaattisesti. Jos haluat lisätä jotain, vastaa tähän.

{{desk_name}}
""",
    ),
    TemplateText(
        slug="new-password",
        kind="canned",
        language="en",
        name="New password",
        body="""\
Hello {{contact_name}},

I have sent you a fresh link for a new password. It is valid for one hour; please use the newest mail if there are \
several. If nothing arrives within five minutes, look into your spam folder.

{{agent_name}}
""",
    ),
    TemplateText(
        slug="new-password",
        kind="canned",
        language="fi",
        name="Uusi salasana",
        body="""\
Hei {{contact_name}},

lähetin sinulle uuden linkin salasanan vaihtamiseen. Se on voimassa tunnin; jos viestejä on useita, käytä uusinta. \
Jos mitään ei kuulu viidessä minuutissa, katso roskapostikansio.

{{agent_name}}
""",
    ),
    TemplateText(
        slug="parcel-search",
        kind="canned",
        language="en",
        name="We look for the parcel",
        body="""\
Hello {{contact_name}},

I'm sorry that your parcel is late. I have asked the carrier to look for it and tell you what they say, by tomorrow \
at noon at the latest. If it doesn't turn up within five working days, we send everything again at our cost.

{{agent_name}}
""",
    ),
    TemplateText(
        slug="parcel-search",
        kind="canned",
        language="fi",
        name="Etsimme pakettia",
        body="""\
Hei {{contact_name}},

pahoittelen, että pakettisi on myöhässä. Pyysin kuljetusliikettä etsimään sen ja kerron, mitä he vastaavat, \
viimeistään huomenna puoliltapäivin. Jos paketti ei löydy viidessä arkipäivässä, lähetämme kaiken uudelleen.

{{agent_name}}
""",
    ),
    TemplateText(
        slug="photos-please",
        kind="canned",
        language="en",
        name="Photos for a warranty claim",
        body="""\
Hello {{contact_name}},

sorry to hear that. Could you send two photos, one of the whole product and one of the fault? Then I can decide \
today whether we repair it, replace it or pay you back.

{{agent_name}}
""",
    ),
    TemplateText(
        slug="photos-please",
        kind="canned",
        language="fi",
        name="Kuvia takuuta varten",
        body="""\
Hei {{contact_name}},

ikävä kuulla. Voisitko lähettää kaksi kuvaa, yhden koko tuotteesta ja toisen viasta? Niin voin jo tänään sanoa, \
korjaammeko sen, vaihdammeko uuteen vai palautammeko rahat.

{{agent_name}}
""",
    ),
)
