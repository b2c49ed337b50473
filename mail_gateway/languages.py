"""The language of a mail, told by its commonest words.

Written instead of used: a statistical model for these languages costs 100 MB and half a second to load (py3langid 0.4),
these word lists cost nothing, and a support mail of two sentences holds enough of them.
"""

from __future__ import annotations

import re
from collections import defaultdict

_WORDS = {
    "en": "the and you your for is are was were have has had with that this please thanks thank hello hi dear "
    "from not "
    "can could would my we our it of to be on at by an as but if when what how why there been cannot can't don't "
    "i'm "
    "regards best help need get any after which will do does did about out up me they",
    "fi": "ja on ei en että mutta kun tai jos niin se ne tämä tämän hei terve moi kiitos kiitokset terveisin "
    "ystävällisin "
    "olen ole olla oli ollut olisi voi voin voisi voisitteko saa saan miten mikä mitä missä milloin miksi kuinka "
    "minun "
    "minulle teidän meidän sitten vielä myös jo nyt ovat sen siitä joka jotka hyvää päivää vain kanssa mukaan "
    "asia eikä "
    "emme ette pitää pääse käyttää jälkeen tilaus lasku laskun sähköposti tervetuloa ihan mielestä tuli",
    "sv": "och att det är jag inte en ett som på med för till av den har vi ni du kan hej hälsningar tack "
    "vänliga mvh om "
    "men mig min mitt mina er era hur när vad varför var efter eller så här skulle vara blir blev från vill "
    "kunna fått "
    "också någon något bara fungerar",
    "da": "og at det er jeg ikke en et som på med for til af den har vi i du kan hej hilsen tak venlig mvh om "
    "men mig min "
    "mit mine jer jeres hvordan hvornår hvad hvorfor var efter eller så her skulle være bliver blev fra vil "
    "kunne fået "
    "også nogen noget kun virker nu de kære",
    "no": "og at det er jeg ikke en et som på med for til av den har vi dere du kan hei hilsen takk vennlig mvh "
    "om men meg "
    "min mitt mine deres hvordan når hva hvorfor var etter eller så her skulle være blir ble fra vil kunne fått "
    "også "
    "noen noe bare virker fungerer nå de kjære",
    "de": "und der die das ist nicht ich sie wir ihr mit für auf ein eine einen einem den dem des im in zu von "
    "hallo guten "
    "tag danke vielen grüßen grüße gruß freundlichen mfg sehr geehrte geehrter damen herren habe haben hat kann "
    "können "
    "bitte wie wann warum was wenn aber oder auch nach bei aus wird werden wurde noch mehr nur mein meine ihre "
    "ihnen uns "
    "seit dass es sind war keine kein",
    "fr": "le la les et est pas je vous nous il elle un une des du de à pour avec sur dans que qui ne au aux ce "
    "cette mon ma "
    "mes votre vos notre bonjour merci cordialement salutations madame monsieur ai avez avons sont suis être été "
    "avoir "
    "peux pouvez comment quand pourquoi mais ou où si plus c'est j'ai d'une l'on svp bien depuis fait",
    "es": "el la los las y es no yo usted ustedes nosotros un una unos de del en con por para que se al mi mis "
    "su sus hola "
    "gracias saludos estimado estimada buenos días buenas tardes he ha han tengo puede puedo cómo cuándo qué "
    "cuál pero o "
    "si más muy está están ser estar fue desde hasta cuando como porque ya también favor me le lo",
    "it": "il lo la i gli le e è non io voi noi lei un una uno di del della dei delle in con per che si al alla "
    "mio mia vostro "
    "vostra ciao buongiorno salve grazie saluti cordiali gentile egregio ho ha hanno abbiamo sono siamo essere "
    "stato posso "
    "può potete come quando perché cosa ma o se più molto anche dal dalla nel nella questo questa mi ci",
    "nl": "de het een en is niet ik u jij wij we jullie met voor op van in te dat die dit deze mijn uw ons onze "
    "hallo beste "
    "geachte dank bedankt groeten groet vriendelijke met heb heeft hebben kan kunnen kunt graag hoe wanneer "
    "waarom wat "
    "maar of als ook nog naar bij uit wordt worden werd zijn was geen meer alvast aan om mij",
    "pl": "i w na nie się z do to jest że jak ale o co czy po od za dla przez mam mnie mi mój moja moje pan pani "
    "państwo dzień "
    "dobry witam cześć dziękuję pozdrawiam proszę prosze szanowni być jestem są było był była mogę może kiedy "
    "dlaczego "
    "gdzie które który która tylko już tak oraz lub bardzo ten ta tego tej jeszcze",
    "pt": "o a os as e é não eu você vocês nós um uma de do da dos das em no na nos com por para que se ao à meu "
    "minha seu sua "
    "olá obrigado obrigada cumprimentos atenciosamente prezado prezada bom dia boa tarde tenho tem têm pode "
    "posso como "
    "quando onde qual mas ou mais muito está estão ser estar foi desde até porque já também favor me lhe pelo "
    "pela isso",
    "et": "ja on ei et see ma mina me teie meie oma kui või aga ka ning mis kes kus kuidas miks millal tere "
    "tervitustega "
    "tänan aitäh palun lugupidamisega olen oli olnud olla saab saan saaks ole pole minu teile mulle selle seda "
    "siis veel "
    "juba nüüd väga pärast kuid sest võib võin",
    "ru": "и в не на я что с по как это все мы вы он она но из у за от так же для до бы если или мне меня мой "
    "моя ваш ваша вас "
    "вам нас здравствуйте добрый день спасибо пожалуйста уважением есть был была было быть могу может можно "
    "почему когда "
    "где нет да уже ещё еще только после",
}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_LOOK_AT_CHARS = 4_000
_MIN_SCORE, _MIN_LEAD = 1.5, 1.2
# Letters that only one of these languages has; worth something even in words that are in no list.
_LETTERS = {
    "ß": "de",
    "õ": "et",
    "ñ": "es",
    "¿": "es",
    "ł": "pl",
    "ż": "pl",
    "ę": "pl",
    "ą": "pl",
    "ś": "pl",
    "ã": "pt",
    "ç": "fr",
}
_FINNISH_SHAPE = re.compile(
    r"\w{3,}(?:ssa|ssä|sta|stä|lla|llä|lta|ltä|lle|ksi|nsa|nsä|mme|tte|nut|nyt|een|iin|uun|ään|aan)$"
)
_DOUBLED = re.compile(r"yy|ää|öö|uu.*aa|ii.*aa|yö|äy")


def _languages_by_word() -> dict[str, dict[str, float]]:
    """A word counts more, the fewer languages share it."""
    owners: dict[str, set[str]] = defaultdict(set)
    for language, words in _WORDS.items():
        for word in words.split():
            owners[word].add(language)
    return {word: dict.fromkeys(languages, 1 / len(languages)) for word, languages in owners.items()}


_BY_WORD = _languages_by_word()


def detect(subject: str, text: str) -> str:
    """ISO 639-1 code of the language of subject and text; '' when there is too little to tell it from the others."""
    scores: dict[str, float] = defaultdict(float)
    sample = f"{subject}\n{text[:_LOOK_AT_CHARS]}".lower()
    for word in _WORD.findall(sample):
        for language, weight in _BY_WORD.get(word.replace("’", "'"), {}).items():
            scores[language] += weight
        if len(word) > 5 and (_FINNISH_SHAPE.match(word) and _DOUBLED.search(word)):
            scores["fi"] += 0.3
    for letter, language in _LETTERS.items():
        if letter in sample:
            scores[language] += 0.5
    if not scores:
        return ""
    ranked = sorted(scores, key=lambda language: scores[language], reverse=True)
    best = scores[ranked[0]]
    second = scores[ranked[1]] if len(ranked) > 1 else 0.0
    return ranked[0] if best >= _MIN_SCORE and best >= second * _MIN_LEAD else ""
