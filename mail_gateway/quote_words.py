"""The words that mail programs write around a quoted mail, in the languages of their users.

Sources: the interfaces of Outlook, Gmail, Apple Mail, Thunderbird, Yahoo, Proton, Zimbra, Samsung Mail and the big
webmailers. Each constant is an alternation for a regular expression; `quote_lines` puts them to use.
"""

from __future__ import annotations


def any_of(words: str) -> str:
    """An alternation of the phrases in `words`: one or more a line, parted by bars."""
    return "|".join(part.strip() for line in words.splitlines() for part in line.split("|") if part.strip())


# "On Tuesday Ann wrote": the verb.
VERBS = any_of(r"""
wrote|writes|has written|schrieb|schreibt|geschrieben|a [ée]crit|[ée]crivait|[ée]crit|escribi[óo]|ha escrito
ha scritto|scrisse|scritto|schreef|geschreven|skrev|skrev følgende|skrev följande|skreiv|skrifaði|kirjoitti
napisa[łl](?:\(?a\)?)?|napisana przez|pisze|escreveu|написал(?:\(?а\)?)?|пишет|писал(?:\(?а\)?)?|пише|написав|написала
написа|kirjutas|napsal(?:\(?a\)?)?|nap[íi]sal(?:\(?a\)?)?|írta|yazd[ıi]|έγραψε|έγραψαν|a scris|rašė|rakstīja|napisao
je napisao|je napisala|piše|va escriure|idatzi du|viết|đã viết|menulis|כתב|כתבה|كتب
""")
# The same in scripts that put no space before it.
GLUED_VERBS = any_of(r"写道|寫道|님이 작성|님이 쓴 글|さんは書きました|は書きました|のメッセージ|เขียน")
# What "On Tuesday Ann wrote" begins with.
OPENINGS = any_of(r"""
on|at|am|le|el|il|il giorno|op|den|em|a|à|w dniu|dnia|dne|dňa|dana|pe|på|ma|ke|ti|to|la|su|kl|data|na|v|u|în|στις
в|у|на|vào|pada|在|於|בתאריך|ב|في
""")
WEEKDAYS = any_of(r"""
mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mar|mer|jeu|ven|sam|dim|mié|jue|vie|sáb|dom|gio|sab|ma|wo|vr
za|zo|må|ti|on|to|lö|sö|tir|ons|tor|fre|lør|søn|ke|pe|la|su|pon|wt|śr|czw|pt|sob|niedz|seg|ter|qua|qui|sex|po|út|st
čt|pá|ne|пн|вт|ср|чт|пт|сб|вс|понедельник|вторник|среда|четверг|пятница|суббота|воскресенье
""")

# The headers of a quoted mail, by what they are.
HEADERS = {
    "from": any_of(r"""
from|von|de|da|van|från|fra|lähettäjä|od|от|от кого|отправитель|від|від кого|saatja|expéditeur|mittente|afzender
remitente|kimden|gönderen|feladó|odesílatel|odosielateľ|από|de la|expeditor|šalje|pošiljatelj|nuo|no|מאת|من|từ|dari
发件人|寄件者|寄件人|發件人|差出人|送信者|보낸 ?사람
"""),
    "sent": any_of(r"""
sent|date|message du|gesendet|datum|envoyé|envoyé le|enviado|enviado el|enviado em|enviada em|fecha|data|inviato
data invio|verzonden|skickat|sendt|dato|lähetetty|päivämäärä|päiväys|pvm|wysłano|wysłane|data wysłania|отправлено
дата|надіслано|изпратено|saadetud|kuupäev|odesláno|odoslané|dátum|elküldve|küldve|gönderildi|gönderme tarihi|tarih
στάλθηκε|ημερομηνία|trimis|poslano|išsiųsta|nosūtīts|נשלח|תאריך|تاريخ الإرسال|تم الإرسال|đã gửi|ngày|dikirim|tanggal
发送时间|发件时间|寄件日期|傳送日期|发送日期|日期|时间|時間|送信日時|日時|日付|날짜|보낸 ?날짜|보낸 ?시간
"""),
    "to": any_of(r"""
to|an|à|a|para|aan|till|til|vastaanottaja|do|komu|кому|saaja|kellele|destinataire|destinatario|címzett|kime|alıcı
προς|către|catre|do|за|до|za|prima|kam|אל|إلى|đến|kepada|收件人|收件者|宛先|받는 ?사람
"""),
    "cc": any_of(r"""
cc|bcc|kopio|kopia|kopie|kópia|копия|копія|koopia|copie|copie à|copia|cópia|dw|udw|másolatot kap|másolat|bilgi|κοιν
抄送|副本|참조
"""),
    "subject": any_of(r"""
subject|betreff|objet|sujet|asunto|oggetto|onderwerp|ämne|emne|aihe|temat|assunto|тема|относно|teema|předmět|predmet
tárgy|konu|θέμα|subiect|assumpte|zadeva|tema|temats|נושא|الموضوع|chủ đề|tiêu đề|subjek|perihal|主题|主旨|主題|件名|제목
"""),
    "other": any_of(r"""
reply-to|reply to|antwort an|répondre à|responder a|importance|priority|tärkeys|attachments|organization
"""),
}

# "-----Original Message-----"
ORIGINAL = any_of(r"""
original (?:message|nachricht|e-?mail|appointment)|originalnachricht|original-nachricht
ursprüngliche (?:nachricht|mail|e-mail)|message d['’]origine|message original|message initial|courriel original
mensaje original|messaggio originale|mensagem original|oorspronkelijk bericht|ursprungligt meddelande
originalmeddelande|oprindelig (?:meddelelse|besked)|opprinnelig melding|alkuperäinen (?:viesti|sähköposti)
wiadomość oryginalna|oryginalna wiadomość|исходное сообщение|оригинальное сообщение|пересылаемое сообщение
вихідне повідомлення|původní (?:zpráva|e-mail)|pôvodná správa|eredeti üzenet|algne kiri|mail original|e-mail original
orijinal (?:mesaj|ileti)|özgün ileti|αρχικό μήνυμα|mesaj original|mesaj inițial|izvorna poruka|originalna poruka
izvirno sporočilo|originalus laiškas|oriģinālais ziņojums|הודעה מקורית|الرسالة الأصلية|رسالة أصلية|thư gốc
reply (?:message|above)|please reply above|antwort nachricht|原始邮件|原始郵件|原邮件|オリジナル|元のメッセージ|원본
""")
# "---------- Forwarded message ----------"
FORWARDED = any_of(r"""
forwarded (?:message|e-?mail|by)|begin forwarded message|start of forwarded message|weitergeleitete (?:nachricht|mail)
anfang der weitergeleiteten|message (?:transféré|réexpédié)|début du message (?:transféré|réexpédié)
mensaje reenviado|inicio del mensaje reenviado|messaggio inoltrato|inizio messaggio inoltrato
mensagem (?:encaminhada|reencaminhada)|início da mensagem|doorgestuurd bericht|begin doorgestuurd bericht
vidarebefordrat (?:meddelande|brev)|videresendt|välitetty viesti|edelleenlähetetty|przesłana wiadomość
wiadomość przekazana|przekazana wiadomość|пересланное сообщение|начало переадресованного|переслане повідомлення
přeposlaná zpráva|továbbított üzenet|iletilen (?:mesaj|ileti)|προωθημένο μήνυμα|mesaj redirecționat
edastatud kiri|転送(?:された)?メッセージ|转发(?:的)?邮件|轉寄郵件|转发|전달된 메시지
""")

# "Sent from my iPhone": the whole line, but for brackets around it.
_SENT = any_of(r"""
sent|envoyée?|gesendet|verzonden|verstuurd|skickat|sendt|enviad[oa]|inviat[oa]|wysłan[eoy]|lähetetty|отправлено
надіслано|saadetud|odesláno|odoslané|küldve|gönderildi|trimis|poslano
""")
_BY = any_of(r"""
from|via|using|with|by|depuis|de|à partir de|von|mit|über|vanaf|från|via|fra|med|desde|a partir|do|pelo|da|dal|con
z|ze|za pomocą|с|со|из|через|з|із|minu|laitteesta|iphonesta|ipadista|androidista|puhelimesta|outlookista
sähköpostista|samsung\w*|huawei\w*|nokia\w*|oma|din|cu|s|sa
""")
_GET = any_of(r"""
get|hae|hanki|obtenir|obtenez|téléchargez|télécharger|holen sie sich|laden sie|ottieni|obtener|obtenga|descargar
download|scarica|hämta|hent|få|pobierz|obter|obtenha|skaff|stáhnout|letöltése|скачать
""")
# A remark that belongs to the line; anything else after a comma makes it a sentence of somebody.
_EXCUSE = (
    r"(?:[,.;–-]\s*(?:so |and )?(?:please )?(?:excuse|pardon|forgive|apolog\w+|sorry|excusez|désolé|entschuldig\w+)\b"
    r".{0,80})?"
)
DEVICE = any_of(rf"""
(?:{_SENT})\b.{{0,4}}\b(?:{_BY})\b(?! an? (?!phone|mobile|cell|tablet))[^,]{{0,80}}{_EXCUSE}
from my (?:iphone|ipad|mobile|cell|android|blackberry|phone|smartphone)[^,.]{{0,30}}
(?:von|mit) mein(?:em|er) .{{0,60}} (?:gesendet|geschickt)\.?
(?:diese (?:e-?mail|nachricht) wurde|gesendet) (?:von|mit) .{{0,80}}
(?:sent|envoyé|gesendet) (?:via|from|from my|depuis mon|von meinem) .{{0,40}}(?:smartphone|telefon|tablet)\b.{{0,80}}
this (?:message|e-?mail) was sent (?:from|using|via) my [^,]{{0,80}}|(?:lähetetty|mobiililaitteesta) .{{0,80}}
poslano z .{{0,60}}|iphone-?(?:ról|omról) küldve|.{{0,40}}(?:dan|den) gönderildi
από το (?:iphone|ipad|κινητό).{{0,40}}|στάλθηκε από .{{0,60}}|αποστολή από .{{0,60}}
发自我的.{{0,40}}|从我的.{{0,40}}(?:发送|发出)|從我的.{{0,40}}傳送|.{{0,30}}から送信|(?:나의|내) .{{0,30}}보냄
(?:{_GET})\b.{{0,30}}outlook\b.{{0,80}}
outlook (?:for|für|per|pour|para|voor|til|dla|för|для|pro|pre) (?:ios|android|mac|iphone).{{0,80}}
(?:hae )?outlook(?:in)? (?:ios|android)(?:ille|lle|:lle).{{0,60}}
""")

# How a letter begins. A mail with nothing but this above its signature says nothing yet.
GREETINGS = any_of(r"""
hi|hello|hey|dear|good (?:morning|day|afternoon|evening)|greetings|hei|hej|hejsan|hallo|moi|moro|terve|tervehdys|hyvä
arvoisa|päivää|huomenta|tere|tjena|tja|goddag|god (?:dag|morgon|morgen)|kära|kjære|kære|bästa|beste|geachte
guten (?:tag|morgen|abend)|grüß gott|servus|moin|liebe[rs]?|sehr geehrte[rs]?|bonjour|bonsoir|salut|cher|chère|chers
madame|monsieur|hola|buen(?:os|as)? (?:días|tardes|noches)|estimad[oa]s?|querid[oa]s?|ciao|salve|buongiorno|buonasera
gentile|egregio|car[oa]|spettabile|cześć|czesc|witam|dzień dobry|szanown[yaie]\w*|drog[iai]|olá|oi|bom dia
boa (?:tarde|noite)|prezad[oa]s?|car[oa]s|здравствуйте|привет|добрый (?:день|вечер)|доброе утро|уважаем\w+|ahoj
dobrý den|vážen\w+|szia|tisztelt|kedves|merhaba|sayın|γεια|καλημέρα|αγαπητ\w+|bună|stimat\w*
""")
# Who is greeted without a name.
GREETED = any_of(r"""
all|there|team|everyone|everybody|folks|again|sir|madam|and|or|to|kaikki|kaikille|taas|alla|ihr|zusammen|und|oder
damen|herren|et|à|tous|toutes|a|tutti|tutte|todos|y|e|wszystkim|państwu|всем|allemaal|support|team
""")
# "Thanks," is all that many an answer says.
ANSWERS = any_of(r"""
thanks?|thx|cheers|yes|no|ok|okay|sure|kiitos|kiitti|joo|kyllä|ei|tack|ja|nej|takk|tak|danke|vielen dank|nein|merci|oui
non|gracias|sí|grazie|bedankt|dank|dzięki|dziękuję|tak|nie|obrigad[oa]|sim|não|спасибо|да|нет|дякую|aitäh|děkuji|díky
köszönöm|teşekkür|ευχαριστώ|mulțumesc|regards|best|mvh|terveisin|gruß|grüße
""")
