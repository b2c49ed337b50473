"""Words that say nothing about what a customer wants: grammar, greetings, and what stands in every such mail."""

_ENGLISH = """
a about above after again against ago all almost already also although always am an and another any anybody anyone
anything are as at away back be because been before being below best better between both bought but buy by came can
cannot cheers come could day days dear did didn do does doesn doing don done down during each either else even ever
every everything few find first for found from further get gets getting give given glad go goes going good got great
had has have having he hello help her here hers hey hi him his hope how however i if im in into is isn it its itself
just keep kind kindly know last later least leave let like little ll long look looking lot lots madam made make many
may maybe me might mine more morning most mr mrs ms much must my myself near need needs never new next nice no nobody
none nor not nothing now of off often ok okay old on once one only onto or other our ours out over own people perhaps
please pm problem put question quite rather re really regards reply right said same saw say says see seem seems send
sent several shall she should since sincerely sir so some somebody something soon still such sure take tell than thank
thanks that the their theirs them then there these they thing things think this those though through till time to
today together told tomorrow too took tried try trying two under until up upon us use used using ve very via want
wanted wants was way we week weeks well went were what whatever when where whether which while who whole whom whose
why will wish with without won work works would wouldn write wrote year years yes yesterday yet you your yours
yourself
"""

_FINNISH = """
ai aika aikaa aina ainakin ainoa alkaa alkoi alla ansiosta antaa apu apua asia asiaa asian asti auttaa edes ehkä
ehtiikö ei eikä eilen eivät ellei emme en enemmän eniten enkä ennen ensi ensin entinen entä eri erittäin esimerkiksi
ettei etten että haluaa haluaisin haluan he hei heidän heille heillä heitä heti hieman huomasin huomenna hyvin hyvä
hyvää ihan ilman isot itse itsestään ja jo joita joka jokin joku jolla jonka jopa jos joskus jossa jota jotain jotka
juuri jälkeen kai kaikkea kaikki kaikkien kaksi kanssa kautta kenelle keneltä kerran kerta kertaa kertoa kiitos
kiittäen kolme koska koskaan kuin kuinka kuitenkaan kuitenkin kuka kun kuten kyllä kysymys kysyä käytetty käytettyjä
käytettynä käytin käyttänyt käyttää käyttö käyttöä käyttöön käytän käytännössä käytätte käytön käytössä liian lisäksi
lisää luona löydä löydän löytyy maanantai me meidän meille meillä meiltä meitä melko menee mennä mielestäni miksi mikä
mikään milloin millä millään minkä minua minulla minulle minun minut minä missä mistä mistään miten mitä mitään moi
moni monta muita mukaan mukava mukavaa mun mutta muu muut muuta myös myöskään mä ne niiden niille niin niissä niitä
noin nuo nyt näin näitä näkynyt näkyä nämä näy ole olemme olen olet olette oleva olevan oli olisi olisin olivat olla
ollut on ongelma onko onnistu onnistua onnistuu oon ostaa ostamani ostin ottaa ovat palaute palautetta palautteen
palautteeni paljon paljonko parhain pian pitkä pitäisi pitää poikki puuttuu pyydän pyytää päivä päivää saa saada saako
saan saanut saatte sai sain saisi saisiko saisin saisinko sama samaa samalla se sekä selvittää sen siellä siihen siinä
siitä siksi sille silloin sillä silti sinne sinun sinä sitten sitä sivu sivulla suoraan tai takia tarvitsee tarvitsen
tarvitsisin te teen tehdä teidän teille teillä teiltä tein teitä terv terveisin terveisiä toimi toimia toimii toiminut
toimiva toimivat toinen toisen toista toivon tule tulee tuli tulla tullut tuo tällä tämä tämän tänään tässä tästä tätä
uudelleen uuden uusi uutta vaan vaikka vaikkakin vain vasta vielä vieläkin vieläkään vieressä viesti viikko viikkoa
viikkoon viikon viime voi voida voidaan voiko voimme voin voinko voisiko voisin voisinko voisitko voisitte voisitteko
vuoden vuosi vuotta yhä yksi yleensä yli yritin yrittänyt yrittää ystävällisin äsken
"""

_SWEDISH = """
alla allt att av bara behöver bli blir borde bra bättre de dem den denna deras dess det detta dig din ditt du där då
efter ej eller en er era ett fick finns fler fram fråga från få får för före ge går gör göra ha hade han har hej
hejsan hela helt henne hjälp hon hos hur hälsningar här i ibland icke idag igen igår in inga ingen inte ja jag kan
kommer kunde kvar lite man med mellan men mer mig min mina mitt mot mvh mycket måste ni nog nu ny nya när någon något
några och också om oss problem på samma sedan ser sig sin ska skall skulle som så tack till tills under upp ut utan
vad var vara vem vi vid vilken vill vänliga är även över
"""

_GERMAN = """
aber alle allem allen aller alles als also am an ander andere auch auf aus bei beim bin bis bitte brauche da dabei
damen damit dank dann das dass dem den denn der des dich die dies diese diesem diesen dieser dieses doch dort du durch
ein eine einem einen einer eines er es etwas euch euer frage freundlichen für geehrte gegen gehabt geht gerne gibt
gruß grüße grüßen guten habe haben hallo hat hatte herren heute hier hilfe ich ihm ihn ihnen ihr ihre ihren im in ins
ist ja jede jeder jetzt kann kein keine keinen können könnte könnten leider liebe lieber man mehr mein meine meinem
meinen meiner mfg mich mir mit muss möchte nach neue neuen nicht nichts noch nun nur ob oder ohne problem schon sehr
sein seine seit sich sie sind so tag um und uns unser unsere vielen vielleicht vom von vor wann war warum was weil
weiter welche wenn wer werde werden wie wieder will wir wird wo wurde zu zum zur über
"""

STOP_WORDS: dict[str, frozenset[str]] = {
    "en": frozenset(_ENGLISH.split()),
    "fi": frozenset(_FINNISH.split()),
    "sv": frozenset(_SWEDISH.split()),
    # casefold() writes ß as ss, and so must this list.
    "de": frozenset(word.casefold() for word in _GERMAN.split()),
}
