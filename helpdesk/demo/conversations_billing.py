"""Conversations of the demo about invoices and payments."""

from helpdesk.demo import people
from helpdesk.demo.content import Answers, Changes, Conversation, File, Notes, Writes, days, hours, minutes

_TABLE = """\
<div style="font-family:Arial,sans-serif;font-size:14px"><p>Hello,</p>
<p>on invoice <b>2026-10-3318</b> these lines don't match what we ordered:</p>
<table border="1" cellpadding="6" style="border-collapse:collapse">
<tr><th align="left">Item</th><th>Ordered</th><th>Charged</th><th>Price</th></tr>
<tr><td>Fender F4, white</td><td align="right">12</td><td align="right">14</td><td align="right">€38.90</td></tr>
<tr><td>Mooring rope 16 mm × 12 m</td><td align="right">8</td><td align="right">8</td><td align="right">€44.00</td></tr>
<tr><td>Shackle 10 mm</td><td align="right">30</td><td align="right">40</td><td align="right">€6.20</td></tr>
</table>
<p>Could you please send a corrected one? Our books close on Friday.</p>
<p>Kind regards<br><b>Satu Korhonen</b><br>Saaristo Charter Oy<br>
<a href="https://saaristocharter.example/">saaristocharter.example</a>
<img src="https://saaristocharter.example/pixel.gif" width="1" height="1" alt=""></p></div>
"""

BILLING = (
    Conversation(
        people.PEKKA,
        days=27,
        clock="12:10",
        steps=(
            Writes(
                "Hei,\n\nlaskussa 2026-09-2841 on väärä summa: tilasin yhden pumpun ja laskutitte kaksi. Toinen ei ole "
                "koskaan saapunut.\n\nT. Pekka Mäkinen",
                subject="Laskun summa on väärä",
                files=(File("lasku-2026-09-2841.pdf", "application/pdf"),),
            ),
            Answers(
                "Hei Pekka,\n\n"
                "olet oikeassa, ja pahoittelen. Hyvityslasku on liitteenä tilauksella, ja ylimääräinen 89,00 € "
                "palautuu tilillesi kolmessa arkipäivässä.",
                state="solved",
                after=hours(3),
            ),
            Writes("Rahat tulivat, kiitos.\n\nPekka", after=days(3)),
            Changes(state="solved", after=hours(2)),
        ),
    ),
    Conversation(
        people.SATU,
        days=16,
        clock="08:31",
        steps=(
            Writes(
                "Hello,\n\n"
                "on invoice 2026-10-3318 three lines don't match what we ordered: 14 fenders instead of 12, and 40 "
                "shackles instead of 30. Could you please send a corrected one? Our books close on Friday.\n\n"
                "Kind regards\nSatu Korhonen\nSaaristo Charter Oy",
                subject="Invoice 2026-10-3318 doesn't match our order",
                html=_TABLE,
                files=(File("invoice-2026-10-3318.pdf", "application/pdf"),),
            ),
            Notes(
                "They did get 14 fenders: Mira says two were sent in place of the blue ones. Shackles are our mistake.",
                by=people.BEN,
                after=hours(1),
            ),
            Answers(
                "Good morning Satu,\n\n"
                "you are right about the shackles; a corrected invoice is on its way to you. Two of the fenders "
                "replace the blue ones that were out of stock, as agreed with Tuomas by phone. If you would rather "
                "send those back, tell me and I arrange a free return.",
                by=people.BEN,
                after=minutes(35),
            ),
            Writes("Thank you Ben, that explains it. We keep the fenders.\n\nSatu", after=hours(2)),
            Changes(state="solved", by=people.BEN, after=minutes(18)),
        ),
    ),
    Conversation(
        people.HANNELORE,
        days=12,
        clock="16:02",
        steps=(
            Writes(
                "Sehr geehrte Damen und Herren,\n\n"
                "meine Rechnung für die Gummistiefel wurde zweimal abgebucht, am 3. und am 4. des Monats, jeweils "
                "74,90 €. Bitte erstatten Sie mir einen Betrag.\n\nHannelore Köhler",
                subject="Rechnung doppelt abgebucht",
            ),
            Answers(
                "Guten Tag Frau Köhler,\n\n"
                "die zweite Buchung ist eine Vormerkung Ihrer Bank und verfällt in der Regel nach drei Tagen. Sollte "
                "sie am Montag noch zu sehen sein, schreiben Sie mir bitte kurz; dann überweise ich den Betrag noch "
                "am selben Tag.",
                after=hours(17),
            ),
            Writes("Die Vormerkung ist verschwunden. Danke für die klare Auskunft!\n\nH. Köhler", after=days(3)),
            Changes(state="solved", after=hours(1)),
        ),
    ),
    Conversation(
        people.ERIK,
        days=8,
        clock="13:48",
        steps=(
            Writes(
                "Hej,\n\n"
                'vi behöver fakturan för order 447733 med vårt momsnummer SE556677889901 och referensen "Kajak vår". '
                "Går det att få den som e-faktura?\n\nErik Sjöström\nNorrsken Paddling AB",
                subject="Faktura med momsnummer",
            ),
            Answers(
                "Hej Erik,\n\n"
                "den nya fakturan ligger under Mitt konto → Ordrar. E-faktura går bra: skicka mig er adress och "
                "operatör, så används de från nästa order.",
                by=people.FANNY,
                after=hours(1),
            ),
            Writes("Tack! Adressen är 7365566778899, operatör InExchange.\n\nErik", after=hours(22)),
            Answers("Tack, det är inlagt.", by=people.FANNY, state="solved", after=minutes(40)),
        ),
    ),
    Conversation(
        people.PEKKA,
        days=5,
        clock="19:22",
        steps=(
            Writes(
                "Hei taas,\n\n"
                "korttimaksu hylätään kassalla, vaikka kortilla on rahaa ja se toimii muualla. Yritin kolme kertaa. "
                "Voinko maksaa laskulla?\n\nPekka",
                subject="Maksu ei mene läpi",
            ),
            Answers(
                "Hei Pekka,\n\n"
                "mitään ei ole veloitettu. Kortiltasi puuttuu verkko-ostosten lupa, sen saa päälle pankin "
                "sovelluksessa. Lasku käy myös: vaihdoin tilauksesi maksutavan, eräpäivä on 14 päivän päästä.",
                after=hours(13),
            ),
        ),
    ),
    Conversation(
        people.LONG,
        days=3,
        clock="09:59",
        steps=(
            Writes(
                "Sehr geehrtes Team,\n\nbitte stellen Sie die Rechnung auf die vollständige Anschrift aus:\n\n"
                "Gutsverwaltung Ruppertsgrün\n"
                "Maximiliana Theodora Annegret von Hohenstein-Wittelsbach zu Ruppertsgrün und Langenfeld-Brandenberg\n"
                "An der alten Wassermühle hinter dem Lindenhof 117 b\n"
                "D-99999 Ruppertsgrün an der Unteren Langenfelder Aue\n\n"
                "Das Eingabefeld in Ihrem Geschäft ist dafür leider zu kurz.\n\nMit vorzüglicher Hochachtung",
                subject="Rechnungsanschrift zu lang für Ihr Formular, bitte von Hand ändern und die Rechnung vom 14. "
                "noch "
                "einmal ausstellen",
            ),
            Notes("Billing address: the form takes 60 letters. Asked Tech for 120.", by=people.BEN, after=hours(2)),
        ),
    ),
    Conversation(
        people.JOHN,
        days=1,
        clock="10:15",
        steps=(
            Writes(
                "Hi,\n\n"
                "I sent the drysuit back two weeks ago and the refund hasn't arrived. The tracking says you got it "
                "on the 6th. Could you check?\n\nJohn Okafor",
                subject="Refund for order 448102 still missing",
            ),
            Answers(
                "Hi John,\n\n"
                "the suit is here and was inspected yesterday; the refund of €349.00 leaves today and should be on "
                "your card in two or three days. Sorry for the wait.",
                after=hours(4),
            ),
        ),
    ),
    Conversation(
        people.DMITRI,
        minutes=340,
        steps=(
            Writes(
                "Добрый день!\n\n"
                "В счёте № 2026-11-3507 указан неверный адрес доставки и не тот НДС. Я заказывал как частное лицо из "
                "Эстонии. Пожалуйста, исправьте счёт.\n\nДмитрий Кузнецов",
                subject="Счёт 2026-11-3507: неверный НДС",
                files=(File("2026-11-3507.pdf", "application/pdf"),),
            ),
        ),
    ),
    Conversation(
        people.SATU,
        minutes=64,
        steps=(
            Writes(
                "Hello Ben,\n\n"
                "we'd like to change our payment term from 14 to 30 days, as our other suppliers give us. Is that "
                "possible from January on?\n\nBest\nSatu Korhonen",
                subject="Payment term of 30 days",
            ),
        ),
    ),
)
