"""Labelled customer messages for the FAQ match: what a person who knows the articles would link, or nothing.

``fits`` are the acceptable slugs of the demo's articles; the first is the one that must be found. Every third message
is kept apart from those on which words and thresholds are tuned, to show what tuning alone would hide.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Labelled:
    language: str
    subject: str
    text: str
    fits: tuple[str, ...] = ()


def _en(subject: str, text: str, *fits: str) -> Labelled:
    return Labelled("en", subject, text, fits)


def _fi(subject: str, text: str, *fits: str) -> Labelled:
    return Labelled("fi", subject, text, fits)


ENGLISH = (
    _en(
        "Password",
        "Hello, I forgot my password and can't get into my account. Thanks, Mary",
        "reset-password",
        "cannot-log-in",
    ),
    _en(
        "Reset link has expired",
        "I asked for a new password yesterday but the link in the mail has expired. What now?",
        "reset-password",
    ),
    _en("help", "hi, i need to change my pasword, where do i do that", "reset-password"),
    _en(
        "Cannot log in after the update",
        "Since this morning the page says wrong credentials whenever I try. I restarted twice.\n\nBest "
        "regards\nJohn Smith\nSmith Boats Ltd",
        "cannot-log-in",
        "reset-password",
    ),
    _en(
        "Account locked",
        "Too many attempts, it says. How long do I have to wait until I can log in again?",
        "cannot-log-in",
        "reset-password",
    ),
    _en(
        "Two-step verification",
        "The authenticator code from my phone is never accepted when I sign in.",
        "cannot-log-in",
    ),
    _en(
        "Where is my parcel?",
        "I ordered a pair of deck shoes on the 3rd and nothing has arrived. Order 448812.",
        "track-order",
    ),
    _en(
        "Order 448102",
        "The tracking has not moved since Thursday. Could you find out where the package is? We leave "
        "for the islands on Saturday and really need the anchor.",
        "track-order",
    ),
    _en(
        "Delivered but not here",
        "According to the courier the shipment was delivered yesterday, but there is nothing at my door.",
        "track-order",
    ),
    _en(
        "Shipping to Sweden", "Do you ship to Gothenburg and how much is the postage for a 20 m rope?", "delivery-times"
    ),
    _en(
        "How long does delivery take",
        "Hi! If I order today, will it be in Tampere by Friday? What are the shipping costs?",
        "delivery-times",
    ),
    _en("Cancel my order", "Please cancel order 450001, I ordered the wrong one by mistake.", "change-order"),
    _en(
        "Wrong delivery address",
        "I typed my old address into the order just now. Can you change it before it ships?",
        "change-order",
    ),
    _en(
        "Ordered twice by accident",
        "The page hung and now I have two identical orders. Please cancel one of them.",
        "change-order",
    ),
    _en("Return", "The jacket is nice but not for me. How do I send it back and get a refund?", "returns"),
    _en(
        "exchange for larger size",
        "The boots I bought are too small, I would like to swap them for a 44.",
        "returns",
        "choose-size",
    ),
    _en("refund still missing", "I returned a fender two weeks ago and the money is not back on my card.", "returns"),
    _en(
        "Broken winch handle",
        "The handle I bought in May cracked in two on first use. Is this covered by the warranty?",
        "warranty",
    ),
    _en(
        "Plotter dead",
        "My plotter stopped working after 8 months. It does not switch on any more. Does the guarantee cover a repair?",
        "warranty",
    ),
    _en(
        "Damaged on arrival",
        "The lantern arrived with a broken glass and the box was crushed. I'd like a replacement.",
        "warranty",
    ),
    _en(
        "Copy of invoice",
        "Our accounting needs the invoice for order 447733 as a PDF with our VAT number.",
        "invoice-copy",
    ),
    _en("Receipt", "I lost the receipt of my purchase from June, could you send me a duplicate?", "invoice-copy"),
    _en(
        "Payment declined", "My Visa card is declined at the checkout although there is money on it.", "payment-methods"
    ),
    _en(
        "charged twice",
        "You have charged my card twice for the same thing! Please look into this today.",
        "payment-methods",
    ),
    _en("Klarna", "Can I pay in instalments?", "payment-methods"),
    _en(
        "Life jacket service",
        "Two of our inflatable vests are from 2019. Where can we have them serviced, and do you sell the "
        "CO2 cartridges?",
        "life-jacket-service",
    ),
    _en(
        "Vest went off in the locker",
        "Our automatic life jacket inflated by itself because of the damp. What do I need to rearm it?",
        "life-jacket-service",
    ),
    _en(
        "Chart update stuck",
        "The chart update on my plotter hangs at 99 %. Should I pull the memory card?",
        "chart-update",
    ),
    _en("New maps for GPS", "How do I get the newest navigation maps onto my chartplotter?", "chart-update"),
    _en("Which size?", "I'm 182 cm and 80 kg, chest 104. Which size of the drysuit would fit?", "choose-size"),
    _en("Unsubscribe", "Please take me off your newsletter, I get one every other day.", "close-account"),
    _en(
        "GDPR request",
        "I want you to delete my account and all personal data that you have stored about me.",
        "close-account",
    ),
    _en("Gift card code refused", "I got a gift card for my birthday and the code is not accepted.", "gift-cards"),
    _en("voucher balance", "How can I see what is left on my voucher?", "gift-cards"),
    _en(
        "Are you open on Saturday?",
        "We are passing through Turku with the boat this weekend. When does the shop close?",
        "shop-hours",
    ),
    _en("Pick up", "Can I collect my things in the store instead of having them sent?", "shop-hours"),
    # Nothing fits.
    _en("Thank you!", "Thanks a lot, that was quick. Have a nice weekend, Mary"),
    _en("Re: LU-100423-3", "Perfect, works now. Cheers"),
    _en(
        "Job application",
        "I am a student of marketing and would like to apply for a summer job with you. My CV is attached.",
    ),
    _en(
        "Sponsoring our regatta", "Our sailing club organises a junior regatta in July. Would you like to be a sponsor?"
    ),
    _en("asdf", "qwe asdkjh qwlkejh zxcmnb"),
    _en("Do you stock titanium shackles?", "Looking for 6 mm titanium shackles, about 40 of them. Can you get those?"),
    _en(
        "Cooperation",
        "We manufacture rope in Portugal and would be glad to introduce our catalogue for the coming season.",
    ),
    _en("", "?"),
    _en("Meeting on Tuesday", "Hi Ben, shall we move the meeting to 3 pm? Kind regards, Peter"),
    _en(
        "SEO offer",
        "We noticed that your website does not rank well. Our agency can bring you to the first place in "
        "search engines.",
    ),
    _en(
        "Which antifouling paint", "Our hull is aluminium. Which antifouling paint do you recommend for brackish water?"
    ),
    _en("Lost sailing glove", "I left a black glove on your pontoon last week, has somebody found it?"),
    _en("Your article on knots", "Loved the blog piece about splicing. Will there be a second part?"),
    _en("Rental boat", "Do you rent kayaks by the day? We are a group of six in August."),
    _en("Noise at night", "Your lorries unload at five in the morning next to our bedroom. It has to end."),
    _en("Complaint about a colleague", "The man on the phone was rude to my mother yesterday. I expect an apology."),
    # Written after the thresholds were set.
    _en(
        "new password please",
        "Dear team, I seem to have lost my password again. Could you send me a new one? Kind regards, Harold",
        "reset-password",
    ),
    _en(
        "Trouble signing in", "It tells me the account is blocked after three tries.", "cannot-log-in", "reset-password"
    ),
    _en("parcel", "Has my package left your warehouse? I have no tracking number yet.", "track-order"),
    _en("Shipping", "What does shipping to Germany cost for a paddle of 2.4 m?", "delivery-times"),
    _en(
        "Please stop my order", "I bought the wrong colour five minutes ago, is it possible to cancel?", "change-order"
    ),
    _en("Sending something back", "I don't want the compass after all. How do I return it?", "returns"),
    _en("Zip broken", "The zip of my bib broke on the second trip. Warranty?", "warranty"),
    _en("bill", "Could I have the bill with our company's VAT number on it?", "invoice-copy"),
    _en("Card problem", "The payment with Mastercard is always rejected.", "payment-methods"),
    _en("vest", "When does an inflatable life jacket have to be inspected?", "life-jacket-service"),
    _en("maps", "Where do I download the spring update of the charts?", "chart-update"),
    _en("Opening hours at Easter?", "Are you open on Good Friday?", "shop-hours"),
    _en("Do you sell stoves", "Which of your stoves works with alcohol?"),
    _en("Photo for your calendar", "I took a nice picture of the archipelago and would like to offer it to you."),
    _en("Re: visit", "See you tomorrow at ten then. /Anders"),
    _en("Supplier questionnaire", "Please fill in the attached sustainability questionnaire by the end of the month."),
    _en("Your bus stop", "Does the bus number 30 stop near your place on weekdays?"),
    _en("Mooring", "Is there a guest berth with electricity for a 12 m sailing yacht in September?"),
    _en("Newspaper", "I write for the local paper and would like to interview your manager about winter swimming."),
    _en("knife", "Can I sharpen the ceramic knife myself?"),
)

FINNISH = (
    _fi("Salasana", "Hei, unohdin salasanani enkä pääse tililleni. Terveisin Liisa", "reset-password", "cannot-log-in"),
    _fi("Salasananvaihto", "Miten salasananvaihto onnistuu? En löydä mistään kohtaa siihen.", "reset-password"),
    _fi(
        "Linkki vanhentunut", "Pyysin eilen uutta salasanaa, mutta viestin linkki oli jo vanhentunut.", "reset-password"
    ),
    _fi("apua", "moi, salasanojen palautus ei toimi, mitään viestiä ei tule", "reset-password"),
    _fi(
        "En pääse kirjautumaan",
        "Sivu väittää tunnusta vääräksi, vaikka olen käyttänyt samaa vuosia.",
        "cannot-log-in",
        "reset-password",
    ),
    _fi(
        "Tili lukossa",
        "Yritin kirjautua liian monta kertaa ja nyt tilini on lukittu. Mitä teen?",
        "cannot-log-in",
        "reset-password",
    ),
    _fi("Vahvistuskoodi", "Puhelimen vahvistuskoodia ei hyväksytä, kun kirjaudun sisään.", "cannot-log-in"),
    _fi("Missä pakettini on?", "Tilasin köyden 3.11. eikä sitä ole näkynyt. Tilausnumero 448812.", "track-order"),
    _fi(
        "Tilaus 448102",
        "Seurantakoodi ei ole päivittynyt viikkoon. Voisitteko selvittää, missä lähetys viipyy?",
        "track-order",
    ),
    _fi("Lähetys hukassa", "Posti sanoo toimittaneensa, mutta pakettia ei ole missään.", "track-order"),
    _fi("Toimitus Ruotsiin", "Lähetättekö Tukholmaan ja paljonko ovat postikulut?", "delivery-times"),
    _fi(
        "Toimitusaika?",
        "Jos tilaan tänään, ehtiikö lähetys perille perjantaiksi? Kuinka kauan toimitukset yleensä kestävät?",
        "delivery-times",
    ),
    _fi("Tilauksen peruutus", "Haluaisin perua tilaukseni 450001, tilasin vahingossa väärän.", "change-order"),
    _fi("Väärä osoite tilauksessa", "Kirjoitin vanhan osoitteeni. Voiko tilausta vielä muuttaa?", "change-order"),
    _fi("Palautus", "Takki ei ollutkaan mieleinen. Miten palautan sen ja saan rahat takaisin?", "returns"),
    _fi("Palautuslomake puuttuu", "Paketissa ei ollut palautuslappua. Palauttaisin saappaat.", "returns"),
    _fi("Vaihto isompaan", "Housut ovat liian pienet, voinko vaihtaa ne isompaan kokoon?", "returns", "choose-size"),
    _fi("Hyvitys", "Palautin lepuuttajan kaksi viikkoa sitten, eikä hyvitystä ole näkynyt tililläni.", "returns"),
    _fi("Kahva hajosi", "Toukokuussa ostamani kahva hajosi heti. Kuuluuko tämä takuuseen?", "warranty"),
    _fi("Reklamaatio", "Lyhdyn lasi oli rikki paketin saapuessa. Kuvat liitteenä.", "warranty"),
    _fi("Pumppu vuotaa", "Teiltä ostettu pumppu alkoi vuotaa kuukauden jälkeen. Onko siinä takuu?", "warranty"),
    _fi("Laskun kopio", "Kirjanpitomme tarvitsee laskun tilauksesta 447733.", "invoice-copy"),
    _fi("Kuitti hävinnyt", "Hukkasin kesäkuun ostoksen kuitin. Saisinko siitä kopion?", "invoice-copy"),
    _fi("Maksu ei mene läpi", "Korttimaksu hylätään kassalla, vaikka kortilla on rahaa.", "payment-methods"),
    _fi("Veloitus kahteen kertaan", "Tililtäni on veloitettu sama ostos kahdesti.", "payment-methods"),
    _fi(
        "Paukkuliivien huolto", "Meillä on kahdet paukkuliivit vuodelta 2019. Huollatteko niitä?", "life-jacket-service"
    ),
    _fi(
        "Liivit laukesivat",
        "Pelastusliivi laukesi itsestään kaapissa. Mistä saan uuden patruunan?",
        "life-jacket-service",
    ),
    _fi("Karttapäivitys jumissa", "Plotterini karttojen päivitys jää kohtaan 99 prosenttia.", "chart-update"),
    _fi("Uudet merikartat", "Miten saan uusimmat merikartat plotteriini?", "chart-update"),
    _fi("Mikä koko?", "Olen 182 cm ja 80 kg, rinnanympärys 104. Minkä kokoinen kuivapuku sopisi?", "choose-size"),
    _fi("Uutiskirjeen lopetus", "En halua enää uutiskirjettänne.", "close-account"),
    _fi("Tietojen poisto", "Pyydän poistamaan asiakastilini ja kaikki henkilötietoni.", "close-account"),
    _fi("Lahjakortti", "Sain lahjakortin, mutta koodia ei hyväksytä.", "gift-cards"),
    _fi(
        "Oletteko auki lauantaina?",
        "Tulemme veneellä Turkuun viikonloppuna. Mihin asti myymälä on avoinna?",
        "shop-hours",
    ),
    # Nothing fits.
    _fi("Kiitos", "Kiitos paljon nopeasta avusta ja mukavaa viikonloppua!"),
    _fi("VS: LU-100423-3", "Hienoa, nyt se toimii. T. Liisa"),
    _fi("Työhakemus", "Olen markkinoinnin opiskelija ja haen teille kesätöihin. Liitteenä ansioluettelo."),
    _fi("Sponsorointi", "Seuramme järjestää heinäkuussa junioreiden regatan. Lähtisittekö tukemaan?"),
    _fi("öäöä", "asdlkj qwoeiu zxcm"),
    _fi("Titaanisakkeleita?", "Tarvitsisin neljäkymmentä 6 mm:n titaanisakkelia. Saatteko sellaisia?"),
    _fi("Kokous tiistaina", "Hei Ben, siirretäänkö kokous kolmeen? Terveisin Pekka"),
    _fi("Näkyvyyttä hakukoneissa", "Huomasimme, ettei sivustonne näy hauissa. Toimistomme voi auttaa."),
    _fi("Mikä pohjamaali", "Runko on alumiinia. Mitä myrkkymaalia suosittelette murtoveteen?"),
    _fi("Vuokraus", "Vuokraatteko kajakkeja päiväksi? Meitä on kuusi elokuussa."),
    _fi("Melua öisin", "Kuorma-autonne purkavat kuormaa viideltä aamulla makuuhuoneemme vieressä."),
    _fi("Palautetta palvelusta", "Puhelimessa ollut mies oli tyly äidilleni. Odotan anteeksipyyntöä."),
    _fi("", "..."),
    # Written after the thresholds were set.
    _fi("unohtunut", "En muista enää salasanaani, mitä teen?", "reset-password"),
    _fi("sisäänkirjautuminen", "Sisäänkirjautuminen ei onnistu puhelimella.", "cannot-log-in", "reset-password"),
    _fi("paketti", "Milloin tilaamani saappaat saapuvat? Seurantaa ei löydy.", "track-order"),
    _fi("Toimituskulut Viroon", "Mitä maksaa lähettää mela Tallinnaan?", "delivery-times"),
    _fi("Peruisin tilauksen", "Voiko eilisen tilauksen vielä peruuttaa?", "change-order"),
    _fi("Palautusohjeet", "Mistä löydän palautusohjeet? Takki on väärän värinen.", "returns"),
    _fi("Rikki", "Lampun kytkin meni rikki viikossa, haluan hyvityksen tai uuden.", "warranty"),
    _fi("Kuitti", "Tarvitsisin kuitin matkakorvausta varten.", "invoice-copy"),
    _fi("MobilePay", "Maksaminen MobilePaylla ei onnistu.", "payment-methods"),
    _fi("liivit", "Mistä tiedän, pitääkö liivini huoltaa?", "life-jacket-service"),
    _fi("plotteri", "Karttojen päivittäminen muistikortille ei onnistu.", "chart-update"),
    _fi("Alennuskoodi", "Alennuskoodini ei kelpaa kassalla.", "gift-cards"),
    _fi("Keitin", "Toimiiko teidän keitin spriillä?"),
    _fi("Haastattelu", "Teen lehtijuttua talviuinnista, voisinko haastatella teitä?"),
    _fi("Sauna", "Saako laiturillanne saunoa?"),
    _fi("VS: tapaaminen", "Nähdään huomenna kymmeneltä. Anders"),
    _fi("Kuva", "Otin saaristosta hienon kuvan, kelpaisiko se kalenteriinne?"),
    _fi("Toimittajakysely", "Pyydämme täyttämään liitteenä olevan vastuullisuuskyselyn."),
    _fi("Solmut", "Mikä solmu sopii parhaiten ankkuriköyteen?"),
    _fi("Bussi", "Pysähtyykö bussi 30 lähellänne?"),
)

MESSAGES = ENGLISH + FINNISH
HELD_OUT = MESSAGES[2::3]
TUNED_ON = tuple(message for place, message in enumerate(MESSAGES) if place % 3 != 2)
