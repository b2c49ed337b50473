"""FAQ articles of the demo shop, in Finnish."""

from helpdesk.demo.content import ArticleText

ARTICLES = (
    ArticleText(
        slug="reset-password",
        title="Salasanan vaihtaminen",
        summary="Uusi salasana kahdessa minuutissa, myös kun linkki on vanhentunut.",
        keywords="unohdin unohtunut salasana salasanan vaihto palautus nollaus uusi linkki vanhentunut kirjautuminen",
        body="""\
Voit vaihtaa salasanan itse milloin tahansa. Vanhaa et tarvitse.

1. Avaa **Oma tili** ja valitse **Unohditko salasanan?**
2. Kirjoita sähköpostiosoite, jolla tilaat meiltä.
3. Avaa viesti, jonka lähetämme, ja seuraa sen linkkiä.
4. Valitse vähintään kymmenen merkin salasana. Lyhyt lause on helppo muistaa ja vaikea arvata.

**Linkki on voimassa tunnin** ja toimii kerran. Jos se on vanhentunut, pyydä uusi ja käytä viimeisintä viestiä.

**Viestiä ei kuulu viidessä minuutissa?** Katso roskapostikansio ja tarkista, että osoite on se, johon \
tilausvahvistuksesi tulevat.
""",
    ),
    ArticleText(
        slug="cannot-log-in",
        title="Kun kirjautuminen ei onnistu",
        summary="Lukittu tili, kaksi tiliä tai koodi, joka ei kelpaa: kokeile ensin näitä.",
        keywords="kirjaudu kirjautua kirjautumaan sisään login tunnus tunnukset käyttäjätunnus käyttäjätili tili "
        "lukittu lukossa "
        "vahvistuskoodi tunnistautuminen",
        body="""\
Useimmiten syy on jokin näistä kolmesta.

- **Viisi väärää yritystä lukitsee tilin 15 minuutiksi.** Odota ja yritä kerran rauhassa uudelleen, tai vaihda salasana.
- **Sinulla on kaksi tiliä.** Moni on tilannut vuosia sitten toisella osoitteella. Kokeile sitäkin, niin \
yhdistämme tilit mielellämme.
- **Vahvistuskoodi ei kelpaa.** Koodi riippuu puhelimen kellosta. Ota automaattinen aika käyttöön puhelimen asetuksista.

Jos sivu jää valkoiseksi kirjautumisen jälkeen, lataa se kerran uudelleen näppäimillä Ctrl + F5.

Etkö vieläkään pääse sisään? Kerro meille, mitä osoitetta käytät ja mitä sivulla lukee. Älä koskaan lähetä salasanaasi.
""",
    ),
    ArticleText(
        slug="track-order",
        title="Missä tilaukseni on?",
        summary="Näin seuraat pakettia, ja näin toimit, kun se on myöhässä.",
        keywords="paketti lähetys seuranta seurantakoodi seurantatunnus myöhässä viivästynyt saapunut tullut "
        "kadonnut hukassa "
        "matkalla kuljetus posti",
        body="""\
Kun paketti lähtee varastostamme Turusta, saat viestin, jossa on seurantakoodi.

1. Avaa viesti **Tilauksesi on matkalla** ja seuraa linkkiä.
2. Etkö ole saanut viestiä? Avaa **Oma tili → Tilaukset**. *Pakataan* tarkoittaa, että paketti on vielä meillä.

Seuranta seisoo usein päivän paikallaan, kun paketti kulkee terminaalista toiseen. Se on tavallista.

**Milloin kirjoittaa meille:** jos mitään ei ole tapahtunut kolmeen arkipäivään, tai paketti on merkitty \
toimitetuksi eikä sinulla ole sitä. \
Kerro tilausnumero, niin käynnistämme etsinnän samana päivänä.
""",
    ),
    ArticleText(
        slug="delivery-times",
        title="Toimitusajat ja toimituskulut",
        summary="Kuinka kauan kestää, mitä maksaa ja minne lähetämme.",
        keywords="toimitus toimitusaika toimitusmaksu postikulut rahti kuinka kauan kestää ulkomaille ulkomaat "
        "Ruotsi Ruotsiin "
        "Viro Viroon Saksa Saksaan pikatoimitus kotiinkuljetus lähetättekö",
        body="""\
| Minne | Aika | Hinta |
|---|---|---|
| Suomi, pakettiautomaatti | 1–3 arkipäivää | 4,90 €, yli 80 €:n tilaukset ilmaiseksi |
| Suomi, kotiovelle | 1–3 arkipäivää | 9,90 € |
| Ruotsi, Viro | 3–5 arkipäivää | 12,90 € |
| Muu EU | 4–8 arkipäivää | 17,90 € |

Ennen puoltapäivää tehdyt tilaukset lähtevät samana päivänä.

Mastot, kajakit ja muu pitkä tavara kulkevat kuorma-autolla. Kuljettaja soittaa ja sopii päivän.

Kaasupatruunoita, hätäraketteja ja yli 100 Wh:n akkuja emme voi lähettää Suomen ulkopuolelle.
""",
    ),
    ArticleText(
        slug="change-order",
        title="Tilauksen muuttaminen tai peruuttaminen",
        summary="Onnistuu, kunnes paketti on pakattu.",
        keywords="peru perua peruuttaa peruutus peruminen muuttaa muutos muokata väärä osoite virhe tilasin "
        "vahingossa kaksi kertaa "
        "lisätä",
        body="""\
Voit muuttaa tilausta tai peruuttaa sen, kunnes se on pakattu: arkisin yleensä kahden tunnin ajan.

1. Avaa **Oma tili → Tilaukset** ja valitse tilaus.
2. **Muuta** korjaa toimitusosoitteen, koot ja määrät. **Peruuta** peruu koko tilauksen.
3. Rahat palaavat samaa tietä kolmessa arkipäivässä.

Jos painikkeet ovat harmaita, paketti on jo pakattu. Anna sen silloin tulla ja lähetä se avaamatta takaisin: \
palautus on ilmainen.
""",
    ),
    ArticleText(
        slug="returns",
        title="Tuotteen palauttaminen",
        summary="30 päivää aikaa katua, ja näin saat rahasi takaisin.",
        keywords="palautus palauttaa palauttaisin palautan palautuslomake palautuslappu palautusoikeus hyvitys "
        "rahat takaisin vaihtaa "
        "vaihto toiseen kokoon",
        body="""\
Käyttämättömän tuotteen voi palauttaa **30 päivän** ajan. Pakkauksen saa avata, vesille ei saa lähteä.

1. Tulosta palautuslappu kohdasta **Oma tili → Tilaukset → Palauta**, tai näytä koodi postissa.
2. Pane tuote ja sen pakkaus laatikkoon. Mikä tahansa laatikko käy.
3. Vie se pakettipisteeseen.

Palautus on Suomessa ilmainen. Muualta lappu maksaa 8 €, jonka vähennämme hyvityksestä.

**Rahat** ovat tililläsi viiden arkipäivän kuluessa siitä, kun paketti on meillä. Koon vaihdat nopeimmin, kun \
palautat ja teet uuden tilauksen.
""",
    ),
    ArticleText(
        slug="warranty",
        title="Tuote on rikki: takuu ja reklamaatio",
        summary="Takuu on kaikissa tuotteissa kaksi vuotta, elektroniikassa kolme.",
        keywords="takuu takuuseen reklamaatio rikki rikkoutui hajosi hajonnut viallinen vika vaurioitunut korjaus "
        "huolto lakkasi "
        "toimimasta vuotaa",
        body="""\
Kaikilla tuotteillamme on kahden vuoden takuu, elektroniikalla kolmen. Ikävää, että tarvitset sitä.

1. Ota kaksi kuvaa: yksi koko tuotteesta, toinen viasta.
2. Lähetä kuvat, tilausnumero ja lause siitä, mitä tapahtui.
3. Vastaamme kahdessa arkipäivässä: korjaus, uusi tuote tai rahat takaisin.

Älä lähetä tuotetta, ennen kuin olemme vastanneet. Usein riittää kirjeessä tuleva varaosa.

**Rikkoutuiko se matkalla?** Säilytä laatikko ja kuvaa sekin. Kerro meille seitsemän päivän kuluessa.
""",
    ),
    ArticleText(
        slug="invoice-copy",
        title="Laskun tai kuitin kopio",
        summary="Lataa se itse, tai vaihda siihen yrityksen tiedot.",
        keywords="lasku laskut laskun kuitti kuitin kopio laskutusosoite laskutustiedot verkkolasku kirjanpito "
        "alv eräpäivä pdf",
        body="""\
Jokaisen tilauksen lasku on PDF-tiedostona kohdassa **Oma tili → Tilaukset → Lasku**.

- **Tarvitsetko siihen muut tiedot?** Valitse *Muokkaa tietoja*, täytä yritys, ALV-numero ja viite, ja lataa uudelleen.
- **Verkkolasku:** kerro osoite ja operaattori kerran. Käytämme niitä siitä lähtien.
- **Ostitko myymälästä?** Kerro päivä ja summa, niin etsimme kuitin.

Lasku erääntyy 14 päivässä. Jos tarvitset lisäaikaa, kirjoita *ennen* eräpäivää: se ei maksa mitään.
""",
    ),
    ArticleText(
        slug="payment-methods",
        title="Maksutavat",
        summary="Kortit, pankit, lasku ja osamaksu, ja mitä tehdä, kun maksu ei mene läpi.",
        keywords="maksu maksaa maksaminen maksutapa kortti pankkikortti luottokortti verkkopankki MobilePay "
        "Klarna hylätty "
        "epäonnistui veloitettu kahdesti tuplaveloitus osamaksu",
        body="""\
Voit maksaa Visalla ja Mastercardilla, MobilePaylla, verkkopankissa, laskulla (14 päivää) tai kolmessa erässä.

**Maksu hylättiin?** Mitään ei ole veloitettu. Tavalliset syyt:

- korttia ei ole avattu verkko-ostoksiin,
- vahvistus pankin sovelluksessa vanheni,
- päivän käyttöraja tuli täyteen.

**Veloitettiinko kahdesti?** Toinen on katevaraus, jonka pankki vapauttaa yhdestä kolmeen päivässä. Jos \
molemmat jäävät, kirjoita meille.
""",
    ),
    ArticleText(
        slug="life-jacket-service",
        title="Paukkuliivien huolto",
        summary="Tarkista liivit joka kevät, huollata joka toinen vuosi.",
        keywords="paukkuliivi pelastusliivi pelastusliivit liivit huolto huoltaa tarkastus hiilidioksidi patruuna "
        "CO2 laukaisin "
        "laukesi viritys turvallisuus",
        body="""\
Paukkuliivit katsotaan läpi joka kevät ja huolletaan joka toinen vuosi.

1. Avaa suojus ja kierrä CO₂-patruuna irti. Punnitse se: paino on leimattu kylkeen, 2 g vähemmän on liian vähän.
2. Katso laukaisimen päiväys.
3. Puhalla liivi täyteen ja jätä yöksi. Aamulla sen pitää olla yhä kova.
4. Taittele se, kuten sisäpuolen kuvassa.

Meiltä saa huoltosarjat malleittain, ja myymälämme huoltaa liivit viikossa hintaan 35 €. Lauennut liivi tarvitsee \
uuden patruunan *ja* uuden laukaisimen.
""",
    ),
    ArticleText(
        slug="chart-update",
        title="Plotterin karttojen päivittäminen",
        summary="Muistikortilla tai Wi-Fin kautta, noin puolessa tunnissa.",
        keywords="kartta kartat karttapäivitys merikartta merikortti plotteri karttaplotteri GPS päivitys "
        "päivittää ohjelmisto "
        "muistikortti navigointi",
        body="""\
Uudet kartat ilmestyvät maaliskuussa ja elokuussa. Päivitys on ilmainen kaksi vuotta.

1. Pane plotterin muistikortti tietokoneeseen, tai yhdistä plotteri Wi-Fiin.
2. Avaa **Oma tili → Laitteeni** ja valitse **Päivitä kartat**.
3. Odota, kunnes lukee *Valmis*. Yleensä siihen menee puoli tuntia. Älä ota korttia pois sitä ennen.
4. Pane kortti takaisin ja käynnistä plotteri. Ensimmäinen käynnistys kestää kaksi minuuttia.

**"Kortti on täynnä":** poista kortilta ensin vanhat kartta-alueet.

**Jäi kohtaan 99 %:** odota kymmenen minuuttia ja käynnistä uudelleen. Päivitys jatkuu siitä, mihin se jäi.
""",
    ),
    ArticleText(
        slug="choose-size",
        title="Oikean koon valinta",
        summary="Näin mittaat vaatteita, saappaita ja liivejä varten.",
        keywords="koko koot kokotaulukko liian pieni liian iso suuri kireä sopiva mitat mitta ympärys housut "
        "takki saappaat "
        "kuivapuku",
        body="""\
Mittaa niiden vaatteiden päältä, joita pidät alla, mittanauha löysällä.

- **Takit ja kuivapuvut:** rinnanympärys leveimmältä kohdalta, ja pituus.
- **Housut:** vyötärö ja sisäsauma.
- **Saappaat:** seiso paperilla, merkitse kantapää ja varpaat, lisää 1 cm villasukalle.
- **Liivit:** paino ratkaisee, ei pituus.

Kahden koon välissä? Ota purjehdukseen suurempi ja melontaan pienempi.

Eikö sopinutkaan? Vaihda 30 päivän kuluessa.
""",
    ),
    ArticleText(
        slug="close-account",
        title="Tilin sulkeminen ja omat tiedot",
        summary="Lopeta uutiskirje, lataa tietosi tai sulje tili kokonaan.",
        keywords="poista poistaa poistakaa sulkea sulje tili asiakastili henkilötiedot tietosuoja GDPR uutiskirje "
        "markkinointi "
        "lopettaa mainokset postituslista",
        body="""\
**Uutiskirje:** jokaisen kirjeen viimeisellä rivillä on linkki, joka lopettaa sen heti.

**Tietosi:** valitse **Oma tili → Yksityisyys → Lataa**, niin saat tiedoston kaikesta, mitä meillä on sinusta.

**Tilin sulkeminen:**

1. Avaa **Oma tili → Yksityisyys → Sulje tili**.
2. Vahvista viestissä olevalla linkillä.
3. Poistamme nimen, osoitteet ja historian 14 päivän kuluessa.

Laki velvoittaa säilyttämään laskut kuusi vuotta. Ne ovat erillään, eikä niitä käytetä muuhun.
""",
    ),
    ArticleText(
        slug="gift-cards",
        title="Lahjakortin käyttäminen",
        summary="Näin maksat kortilla, näet saldon ja toimit, kun koodi ei kelpaa.",
        keywords="lahjakortti lahjakortin koodi alennuskoodi kuponki etukoodi saldo lunastaa lahja voimassa",
        body="""\
Lahjakortti on voimassa kolme vuotta, verkkokaupassa ja Turun myymälässä.

1. Pane tuotteet ostoskoriin ja siirry kassalle.
2. Valitse **Lahjakortti tai etukoodi** ja kirjoita 16 merkin koodi ilman välejä.
3. Jos kortti ei riitä kaikkeen, maksa loput haluamallasi tavalla.

Käyttämättä jäävä osa pysyy kortilla. Saldon näet kohdasta **Oma tili → Lahjakortit**.

**Koodi ei kelpaa?** O ja 0 menevät helposti sekaisin: koodeissamme ei ole koskaan O-kirjainta.
""",
    ),
    ArticleText(
        slug="shop-hours",
        title="Aukioloajat ja nouto myymälästä",
        summary="Milloin olemme auki, missä olemme ja miten nouto toimii.",
        keywords="aukioloajat aukiolo auki avoinna kiinni myymälä kauppa liike Turku Turussa nouto noutaa hakea "
        "juhlapyhä lauantai "
        "sunnuntai pysäköinti",
        body="""\
**Luotsi, Linnankatu 74, Turku**, joen rannassa.

| | |
|---|---|
| Maanantai–perjantai | 9–18 |
| Lauantai | 10–15, huhtikuusta elokuuhun 9–17 |
| Sunnuntai | suljettu |

**Nouto:** valitse kassalla *Nouto Turusta*. Kun kaikki on valmiina, yleensä kahdessa tunnissa, saat viestin ja \
koodin. \
Säilytämme paketin seitsemän päivää.

Myymälän edessä saa pysäköidä tunnin ilmaiseksi. Veneellä voi tulla laituriimme.
""",
    ),
    ArticleText(
        slug="second-hand-device",
        title="Käytettynä ostettu laite",
        summary="Näin plotterin tai radion saa irti entisen omistajan tilistä.",
        keywords="käytettynä vanha laite plotteri sarjanumero edellinen entinen omistaja rekisteröidä "
        "rekisteröinti siirto "
        "vapauttaa salasana",
        body="""\
Plotteri tai radio kuuluu yhteen tiliin. Ennen kuin voit käyttää sitä, entisen omistajan pitää luopua siitä.

1. Pyydä entistä omistajaa avaamaan **Oma tili → Laitteeni** ja valitsemaan **Vapauta**.
2. Käynnistä laite. Se kysyy nyt tiliä: käytä omaasi.
3. Kartat ja loput takuusta tulevat mukana.

**Etkö tavoita omistajaa?** Lähetä meille sarjanumero ja kuva kuitista tai kauppakirjasta. Kysymme häneltä ja \
vapautamme laitteen 14 päivän kuluttua, jos kukaan ei vastusta.
""",
    ),
)
