"""Conversations of the demo about logins, plotters and safety."""

from helpdesk.demo import people
from helpdesk.demo.content import Answers, Changes, Conversation, File, Notes, Writes, days, hours, minutes
from helpdesk.demo.files import plotter_log

TECH = (
    Conversation(
        people.LIISA,
        days=24,
        clock="09:14",
        steps=(
            Writes(
                "Hei,\n\nunohdin salasanani, enkä löydä kohtaa, josta sen voisi vaihtaa. Voitteko "
                "auttaa?\n\nTerveisin\n"
                "Liisa Laine",
                subject="Salasana unohtui",
            ),
            Answers(
                "Hei Liisa,\n\nlähetin sinulle linkin, jolla voit valita uuden salasanan. Se on voimassa tunnin.\n\n"
                'Kirjautumissivulla on myös kohta "Unohditko salasanan?", joka tekee saman.',
                after=minutes(38),
            ),
            Writes("Kiitos, nyt pääsin sisään!\n\nLiisa", after=minutes(25)),
            Changes(state="solved", after=minutes(12)),
        ),
    ),
    Conversation(
        people.MARY,
        days=19,
        clock="20:47",
        steps=(
            Writes(
                "Hello,\n\n"
                'after your update last night I cannot log in any more. The page says "wrong credentials" although '
                "my browser has stored the password for years.\n\nI tried two browsers and my phone.\n\nBest wishes\n"
                "Mary Whitfield",
                subject="Cannot log in after the update",
            ),
            Notes(
                "Her account was locked after five attempts at 20:41. Unlocked it just now.",
                by=people.CLEO,
                after=hours(12),
            ),
            Answers(
                "Good morning Mary,\n\n"
                "your account had locked itself after a few attempts; I have opened it again. Since the update the "
                "address has to be typed exactly as you registered it, which was with a capital M. Could you try "
                "once more?",
                after=minutes(9),
            ),
            Writes("That was it. Funny! Thank you for the quick help.\n\nMary", after=hours(3)),
            Changes(state="solved", after=hours(1)),
        ),
    ),
    Conversation(
        people.TUOMAS,
        days=15,
        clock="07:55",
        steps=(
            Writes(
                "Moi,\n\nneljästä veneestämme kolmessa karttapäivitys jää kohtaan 99 %. Ensimmäinen vuokraus alkaa "
                "perjantaina klo 12, joten asia on kiireinen. Laitteet ovat kaikki samaa mallia, ohjelmisto 2.14. "
                "Lokin saa liitteestä.\n\nTuomas Nieminen\nSaaristo Charter Oy\n+358 40 555 0101",
                subject="Karttapäivitys jumissa kolmessa veneessä",
                files=(File("plotteri-loki.txt", "text/plain"),),
            ),
            Answers(
                "Hei Tuomas,\n\n"
                'lokissa näkyy, että kortilla on liian vähän tilaa: vanha alue "Itämeri 2023" vie siitä puolet. '
                "Poista se laitteen asetuksista (Kartat → Alueet), niin päivitys jatkuu siitä mihin jäi.\n\n"
                "Jos perjantai uhkaa, tuomme teille kolme valmista korttia Ruissaloon torstaina.",
                after=minutes(50),
            ),
            Notes("VIP. Mira keeps three spare cards ready for Thursday, just in case.", after=minutes(4)),
            Writes("Kaksi lähti heti. Kolmas vaatii vielä yhden yrityksen, palaan asiaan.\n\nTuomas", after=hours(2)),
            Writes("Kaikki kolme kunnossa. Hienoa palvelua!\n\nTuomas", after=hours(20)),
            Changes(state="solved", tag="card-full", after=minutes(30)),
        ),
    ),
    Conversation(
        people.JUERGEN,
        days=9,
        clock="10:21",
        steps=(
            Writes(
                "Guten Tag,\n\n"
                "nach dem Firmware-Update zeigt der Plotter unseres Kunden die Tiefen in Fuß statt in Metern, und "
                "die Einstellung lässt sich nicht speichern. Unten das Protokoll vom Gerät.\n\nMit freundlichen "
                "Grüßen\n"
                "Jürgen Weiß\nMeyer Yachtservice GmbH, Flensburg\n\n---- Protokoll ----\n" + plotter_log(),
                subject="Plotter: Tiefe in Fuß nach Firmware 2.14",
            ),
            Notes(
                "Known in 2.14.03, fixed in 2.14.05. The setting is read from the old profile.",
                by=people.ELIAS,
                after=hours(3),
            ),
            Answers(
                "Guten Tag Herr Weiß,\n\n"
                "das ist ein Fehler in 2.14.03. In 2.14.05, die seit heute bereitsteht, ist er behoben. Bitte nach "
                'dem Update einmal "Profil zurücksetzen" wählen.\n\nBitte entschuldigen Sie die Umstände.',
                after=minutes(15),
            ),
            Writes("Vielen Dank, mit 2.14.05 stimmt alles wieder.\n\nJ. Weiß", after=days(1)),
            Changes(state="solved", after=hours(1)),
        ),
    ),
    Conversation(
        people.OLGA,
        days=6,
        clock="18:32",
        steps=(
            Writes(
                "Здравствуйте!\n\n"
                "Не могу войти в личный кабинет: пишет, что пароль неверный. Ссылка для сброса пароля приходит, но "
                "при открытии говорит, что срок её действия истёк. Что делать?\n\nС уважением,\nОльга Соколова",
                subject="Не могу войти, ссылка для сброса пароля не работает",
            ),
            Answers(
                "Здравствуйте, Ольга!\n\n"
                "Ссылка действует один час и только один раз. Я отправила вам новую; пожалуйста, откройте самое "
                "последнее письмо. Если снова не получится, напишите мне, и мы зададим пароль по телефону.",
                by=people.CLEO,
                after=hours(14),
            ),
        ),
    ),
    Conversation(
        people.INGRID,
        days=4,
        clock="11:05",
        steps=(
            Writes(
                "Hej!\n\n"
                "Min flytväst löste inte ut när jag föll i vattnet vid bryggan i söndags. Jag drog i snöret och då "
                "fungerade den, men automatiken gjorde ingenting. Västen är från 2021 och har aldrig haft service.\n\n"
                "Jag blev rätt rädd, måste jag säga.\n\nIngrid Åkerblom",
                subject="Flytvästen löste inte ut",
                files=(File("flytvast.png", "image/png"), File("patron.png", "image/png")),
            ),
            Notes(
                "Urgent. Called her: she is fine. The trigger expired in 2023. Asked her to send the vest to us at "
                "our cost, Elias wants to see it.",
                by=people.ELIAS,
                after=minutes(26),
            ),
            Answers(
                "Hej Ingrid,\n\n"
                "skönt att det gick bra, och tack för att du berättar. Som vi sa på telefon: utlösaren gick ut 2023. "
                "En fraktsedel följer i ett separat mejl; vi byter utlösare och patron och går igenom västen utan "
                "kostnad.\n\nAnvänd den inte innan dess.",
                by=people.ELIAS,
                after=minutes(20),
            ),
            Writes("Tack, paketet är på väg. Jag lånar min mans väst så länge.\n\nIngrid", after=days(1)),
            Changes(state="open", priority="high", by=people.ELIAS, after=hours(1)),
        ),
    ),
    Conversation(
        people.JOHN,
        days=2,
        clock="15:40",
        steps=(
            Writes(
                "Hi there,\n\n"
                "the authenticator code from my new phone is refused every time I sign in. The old phone is at the "
                "bottom of the harbour, so I can't use that one.\n\nCheers\nJohn",
                subject="Codes refused when I log in",
            ),
            Answers(
                "Hi John,\n\n"
                "sorry about the phone! Codes depend on the clock: please turn on automatic time in the phone's "
                "settings and try again. If that isn't it, I switch two-step verification off for you after a short "
                "call. When can I reach you?",
                after=hours(1),
            ),
        ),
    ),
    Conversation(
        people.KAISA,
        minutes=205,
        steps=(
            Writes(
                "Hei,\n\n"
                "koulullamme on 24 oppilaan melontaryhmä. Voiko yhdellä tilillä olla useampi käyttäjä, vai pitääkö "
                "meidän jakaa salasana? Se ei tunnu oikealta.\n\nKaisa Virtanen, Turun saaristokoulu",
                subject="Monta käyttäjää samalla tilillä?",
            ),
        ),
    ),
    Conversation(
        people.MARY,
        minutes=31,
        steps=(
            Writes(
                "Hello again,\n\n"
                "I have bought a new chartplotter of yours, second hand. The former owner's account is still on it, "
                "and it asks for a password that I don't have. Can you free it for me? The serial number is "
                "LP7-2209-4471.\n\nMary Whitfield",
                subject="Second-hand plotter asks for a password",
            ),
        ),
    ),
)
