"""Conversations of the demo about everything else: returns, sizes, data, thanks, machines."""

from helpdesk.demo import people
from helpdesk.demo.content import Answers, Changes, Conversation, File, Notes, Writes, days, hours, minutes

SUPPORT = (
    Conversation(
        people.KAISA,
        days=26,
        clock="10:02",
        steps=(
            Writes(
                "Hei,\n\n"
                "haluaisin palauttaa kolme melontatakkia, koska ne ovat liian pieniä. Pakkaukset on avattu, mutta "
                "takkeja ei ole käytetty. Paketissa ei ollut palautuslappua.\n\nKaisa Virtanen",
                subject="Palautus: kolme melontatakkia",
            ),
            Answers(
                "Hei Kaisa,\n\n"
                "palautus käy hyvin. Lapun saa kohdasta Oma tili → Tilaukset → Palauta, tai näytät postissa koodin "
                "7731. Rahat ovat tilillänne viiden arkipäivän kuluessa.",
                after=hours(4),
            ),
            Writes("Selvä, vein ne tänään postiin.", after=days(1)),
            Changes(state="solved", after=hours(20)),
        ),
    ),
    Conversation(
        people.JOHN,
        days=22,
        clock="18:11",
        steps=(
            Writes(
                "Hi,\n\n"
                "the lantern I ordered arrived with broken glass, and the box looks as if somebody sat on it. Photos "
                "attached. Can I have a replacement?\n\nJohn Okafor",
                subject="Lantern arrived broken",
                files=(File("lantern.png", "image/png"), File("box.png", "image/png")),
            ),
            Answers(
                "Hi John,\n\n"
                "what a pity, and thank you for the clear photos. A new one leaves today; please recycle the old "
                "one, we don't need it back.",
                after=hours(15),
            ),
            Writes("Brilliant, thanks!", after=minutes(40)),
            Changes(state="solved", tag="damaged-in-transit", after=hours(1)),
        ),
    ),
    Conversation(
        people.DMITRI,
        days=18,
        clock="11:36",
        steps=(
            Writes(
                "Добрый день!\n\n"
                "Подскажите, какой размер сухого гидрокостюма выбрать: рост 191 см, вес 88 кг, грудь 106 "
                "см?\n\nДмитрий",
                subject="Какой размер выбрать?",
            ),
            Answers(
                "Добрый день, Дмитрий!\n\n"
                "Вам подойдёт XL Long: в обычном XL рукава будут коротки. Если не подойдёт, обменяем в течение 30 "
                "дней.",
                state="solved",
                by=people.ELIAS,
                after=hours(2),
            ),
        ),
    ),
    Conversation(
        people.INGRID,
        days=17,
        clock="09:48",
        steps=(
            Writes(
                "Hej,\n\n"
                "jag får ert nyhetsbrev varannan dag fast jag bara vill ha det en gång i månaden. Går det att ställa "
                "in?\n\nIngrid",
                subject="Nyhetsbrevet kommer för ofta",
            ),
            Answers(
                "Hej Ingrid,\n\nnu är det inställt på en gång i månaden. Längst ned i varje brev finns samma val.",
                by=people.FANNY,
                state="solved",
                after=minutes(32),
            ),
        ),
    ),
    Conversation(
        people.AINO,
        days=14,
        clock="22:15",
        steps=(
            Writes(
                "Hei,\n\npyydän poistamaan vanhan asiakastilini (aino.hamalainen@vanha.example) ja siihen liittyvät "
                "henkilötiedot. Nykyinen tili saa jäädä.\n\nAino Hämäläinen",
                subject="Henkilötietojen poisto, vanha tili",
            ),
            Notes(
                "Identity checked by phone, call 9:20. Invoices of 2023 must be kept.", by=people.LOGIN, after=hours(11)
            ),
            Answers(
                "Hei Aino,\n\n"
                "vanha tili ja sen tiedot on poistettu. Vuoden 2023 kolme laskua säilytämme lain vaatimat kuusi "
                "vuotta, erillään ja vain kirjanpitoa varten.",
                by=people.LOGIN,
                state="solved",
                after=hours(3),
            ),
        ),
    ),
    Conversation(
        people.SPAMMY,
        days=10,
        clock="03:12",
        steps=(
            Writes(
                "Hello dear business owner,\n\n"
                "we noticed that your website is not on the first place in search engines. Our SEO experts can bring "
                "you there in 14 days, guaranteed. Reply YES for a free audit.\n\nGrowth Partners",
                subject="Quick question about your website",
            ),
            Changes(state="closed", by=people.LOGIN, after=hours(5)),
        ),
    ),
    Conversation(
        people.LIISA,
        days=8,
        clock="15:55",
        steps=(
            Writes(
                "Hei,\n\nviimeksi tilaamani purjehdushanskat ovat mainiot, mutta vasemman peukalon sauma on auennut "
                "kuukauden käytön jälkeen. Kuuluuko tämä takuuseen?\n\nLiisa Laine",
                subject="Hanskan sauma aukesi, takuu?",
                files=(File("sauma.png", "image/png"),),
            ),
            Answers(
                "Hei Liisa,\n\n"
                "kuuluu. Kuvasta näkee vian hyvin, joten vanhoja ei tarvitse lähettää: uudet lähtevät huomenna.",
                after=hours(17),
            ),
            Writes("Oho, kiitos! Näin sitä pidetään asiakkaat.", after=hours(1)),
            Changes(state="solved", tag="warranty", after=minutes(50)),
        ),
    ),
    Conversation(
        people.ERIK,
        days=6,
        clock="23:59",
        steps=(
            Writes(
                "Tack för ditt mejl. Jag är på semester till den 1 december och läser inte min post. I brådskande "
                "fall: info@norrsken.example.\n\nErik Sjöström",
                subject="Frånvaro: Re: Vinterkampanj",
                headers=(("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All")),
            ),
        ),
    ),
    Conversation(
        people.MARY,
        days=3,
        clock="08:20",
        steps=(
            Writes(
                "Hello,\n\nI was given one of your gift cards and the code isn't accepted at the checkout: "
                "7OQ4-19KX-O0P2-88LM. Could you look what is wrong?\n\nMary Whitfield",
                subject="Gift card code refused",
            ),
            Answers(
                "Good morning Mary,\n\n"
                "our codes never have a letter O: please type zeros instead, 70Q4-19KX-00P2-88LM. There are €50.00 "
                "on the card.",
                by=people.FANNY,
                after=hours(1),
            ),
            Writes("Of course. I feel silly, and I have new gloves. Thank you!", after=minutes(30)),
            Changes(state="solved", by=people.FANNY, after=minutes(20)),
        ),
    ),
    Conversation(
        people.TUOMAS,
        days=1,
        clock="16:37",
        steps=(
            Writes(
                "Moi,\n\n"
                "suunnittelemme ensi kauden varusteita: 8 venettä, joihin kuhunkin 6 liiviä, ensiapulaukku ja uudet "
                "köydet. Voisitteko tehdä tarjouksen ja tulla käymään? Jokin päivä ensi viikolla sopisi.\n\n"
                "Tuomas Nieminen\nSaaristo Charter Oy",
                subject="Tarjouspyyntö ensi kaudelle",
            ),
            Notes("Worth a visit. Dora and Elias on Tuesday or Wednesday?", by=people.LOGIN, after=minutes(30)),
            Changes(owner=people.LOGIN, by=people.LOGIN, after=minutes(1)),
        ),
    ),
    Conversation(
        people.PEKKA,
        minutes=95,
        steps=(
            Writes(
                "Hei,\n\n"
                "oletteko auki itsenäisyyspäivänä, ja voiko tilauksen noutaa myymälästä silloin? Ajamme Turun läpi "
                "mökille.\n\nPekka Mäkinen",
                subject="Aukioloajat itsenäisyyspäivänä",
            ),
        ),
    ),
    Conversation(
        people.JOHN,
        minutes=4,
        steps=(
            Writes(
                "Hello,\n\n"
                "I'd like to return a pair of boots, size 43. They are lovely but too tight, and I see that 44 is in "
                "stock. What is the quickest way to swap them?\n\nJohn Okafor",
                subject="Exchange boots for size 44",
            ),
        ),
    ),
)
