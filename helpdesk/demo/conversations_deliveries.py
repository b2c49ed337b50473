"""Conversations of the demo about orders and parcels."""

from helpdesk.demo import people
from helpdesk.demo.content import Answers, Changes, Conversation, File, Notes, Writes, days, hours, minutes

DELIVERIES = (
    Conversation(
        people.AINO,
        days=29,
        clock="14:26",
        steps=(
            Writes(
                "Hei!\n\n"
                "Tilasin kaksi viikkoa sitten purjehduskengät (tilaus 446120), eikä niitä ole näkynyt. Missä paketti "
                "on?\n\nAino Hämäläinen",
                subject="Missä pakettini on?",
            ),
            Answers(
                "Hei Aino,\n\n"
                "paketti on seissyt Tampereen terminaalissa maanantaista. Pyysin Postia lähettämään sen eteenpäin ja "
                "kerron huomenna, mitä he vastaavat.",
                after=hours(1),
            ),
            Notes("Posti: label was torn, now relabelled. New code JJFI66130000421.", after=hours(18)),
            Answers(
                "Hei taas,\n\nosoitelappu oli repeytynyt; paketti on uudessa lapussa matkalla ja perillä huomenna.",
                after=minutes(6),
            ),
            Writes("Kengät tulivat ja sopivat. Kiitos, että piditte minut ajan tasalla.\n\nAino", after=days(2)),
            Changes(state="solved", after=hours(2)),
        ),
    ),
    Conversation(
        people.ERIK,
        days=21,
        clock="08:40",
        steps=(
            Writes(
                "Hej,\n\n"
                "fem kajaker skulle komma i tisdags, men åkeriet har inte ringt. Kunderna väntar. Vet ni var bilen "
                "är?\n\nErik",
                subject="Leverans av fem kajaker",
            ),
            Answers(
                "Hej Erik,\n\n"
                "bilen står i Kapellskär, färjan var inställd på grund av stormen. Åkeriet ringer dig före kl 12 i "
                "dag och lossar i morgon förmiddag.",
                by=people.MIRA,
                after=minutes(45),
            ),
            Writes("Nu är de här, alla hela. Tack!", after=days(1)),
            Changes(state="solved", by=people.MIRA, after=minutes(30)),
        ),
    ),
    Conversation(
        people.LIISA,
        days=13,
        clock="21:03",
        steps=(
            Writes(
                "Hei,\n\n"
                "kirjoitin tilaukseen 447902 vanhan osoitteeni. Voiko sen vielä muuttaa? Uusi on Rantatie 4 B 12, "
                "20810 Turku.\n\nLiisa",
                subject="Väärä toimitusosoite tilauksessa",
            ),
            Answers(
                "Hei Liisa,\n\nehdittiin: osoite on vaihdettu, ja paketti lähtee tänään.",
                state="solved",
                after=hours(11),
            ),
        ),
    ),
    Conversation(
        people.MARY,
        days=11,
        clock="17:30",
        steps=(
            Writes(
                "Hello,\n\n"
                "the tracking of my parcel (order 447815) hasn't moved since Thursday. It is a birthday present for "
                "Sunday, so I'm getting nervous.\n\nMary Whitfield",
                subject="Tracking hasn't moved since Thursday",
            ),
            Answers(
                "Hello Mary,\n\n"
                "I rang the carrier: the parcel is on the van for tomorrow. If it isn't with you by Saturday noon I "
                "send a second one by courier.",
                by=people.MIRA,
                after=hours(15),
            ),
            Writes("It came this morning, beautifully packed. You saved the day.", after=days(1)),
            Changes(state="solved", by=people.MIRA, after=hours(3)),
        ),
    ),
    Conversation(
        people.JUERGEN,
        days=7,
        clock="09:05",
        steps=(
            Writes(
                "Guten Tag,\n\n"
                "von unserer Lieferung (Auftrag 448020) fehlen zwei der sechs Kartons. Auf dem Lieferschein stehen "
                "alle sechs. Foto anbei.\n\nJürgen Weiß",
                subject="Lieferung unvollständig: zwei Kartons fehlen",
                files=(File("kartons.png", "image/png"), File("lieferschein-448020.pdf", "application/pdf")),
            ),
            Answers(
                "Guten Tag Herr Weiß,\n\n"
                "die beiden Kartons sind im Depot Hamburg aufgetaucht und kommen morgen mit derselben Spedition.",
                by=people.MIRA,
                after=hours(3),
            ),
            Writes("Beide sind da. Besten Dank.\n\nWeiß", after=days(1)),
            Changes(state="closed", by=people.MIRA, after=hours(6)),
        ),
    ),
    Conversation(
        people.TUOMAS,
        days=5,
        clock="06:58",
        steps=(
            Writes(
                "Huomenta,\n\n"
                "tarvitsemme 12 pelastusliiviä (koko L) viimeistään ensi keskiviikkona Nauvoon. Ehtiikö toimitus, "
                "jos tilaan tänään?\n\nTuomas",
                subject="Toimitus Nauvoon ensi keskiviikoksi",
            ),
            Answers(
                "Huomenta Tuomas,\n\n"
                "ehtii. Varasin liivit sinulle, ja tuomme ne tiistaina omalla autolla samalla reissulla, kun viemme "
                "köydet Paraisille.",
                by=people.MIRA,
                after=hours(1),
            ),
            Writes("Loistavaa. Tilaus tehty, 448655.", after=minutes(20)),
            Notes("Van on Tuesday: 12 × L to Nauvo guest harbour, ask for Satu.", by=people.MIRA, after=minutes(10)),
        ),
    ),
    Conversation(
        people.OLGA,
        days=2,
        clock="12:44",
        steps=(
            Writes(
                "Здравствуйте,\n\n"
                "когда придёт мой заказ 448701? Вы писали, что доставка в Таллин занимает 3–5 дней, прошло уже "
                "семь.\n\nОльга Соколова",
                subject="Где мой заказ 448701? Доставка задерживается",
            ),
        ),
    ),
    Conversation(
        people.AINO,
        days=1,
        clock="13:20",
        steps=(
            Writes(
                "Hei,\n\n"
                "paketti on merkitty toimitetuksi eilen klo 11, mutta meillä ei ole mitään. Naapuritkaan eivät ole "
                "nähneet. Sisällä on 300 euron kuivapuku, joten olen vähän huolissani.\n\nAino",
                subject="Paketti merkitty toimitetuksi, mutta ei ole täällä",
            ),
            Answers(
                "Hei Aino,\n\n"
                "ymmärrän hyvin. Pyysin kuljettajan sijaintitiedot ja allekirjoituksen, ne tulevat iltapäivän "
                "aikana. Puku tulee sinulle tavalla tai toisella.",
                by=people.MIRA,
                after=minutes(55),
            ),
            Writes("Kiitos. Kotona ollaan koko ilta, jos kuljettaja haluaa käydä.", after=hours(2)),
        ),
    ),
    Conversation(
        people.INGRID,
        minutes=150,
        steps=(
            Writes(
                "Hej igen!\n\n"
                "När skickas min beställning 448790? Jag ser att den är betald sedan i måndags men inte packad. "
                "Ingen brådska, men jag undrar om något saknas.\n\nIngrid Åkerblom",
                subject="Leverans av order 448790",
            ),
        ),
    ),
    Conversation(
        people.HANNELORE,
        minutes=12,
        steps=(
            Writes(
                "Guten Tag,\n\n"
                "können Sie die Lieferung bitte an die Packstation statt an meine Wohnung schicken? Auftrag 448812, "
                "noch nicht versandt.\n\nHannelore Köhler",
                subject="Lieferung an eine Packstation",
            ),
        ),
    ),
)
