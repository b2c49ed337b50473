"""Subjects that out-of-office assistants and auto-responders write, in the languages of their users.

The words come from the interfaces of Exchange, Notes, Gmail, Zimbra and the common webmailers. Only the start of a
subject counts, and only where such a program puts its mark: "How do I set up out of office?" is a person.
"""

from __future__ import annotations

import re
from enum import Enum


class Mark(Enum):
    """How far a subject tells that a machine wrote it."""

    NONE = "none"
    # The name of a notice that people write too: a school gets "Poissaoloilmoitus: Ville 3B" from the parents.
    NOTICE = "notice"
    SURE = "sure"


# With a colon (or nothing) after them, these announce an automatic answer.
_MARKS = r"""
automatic reply|automated reply|automatic response|automated response|auto[- ]?reply|auto[- ]?response
auto[- ]?responder|out of (?:the )?office auto[- ]?reply
out of (?:the )?office(?: reply| response| message| notification)?
vacation(?: reply| response| auto[- ]?reply| message)|away (?:from (?:my|the) (?:mail|desk|office)|notice|message)
automaattinen (?:poissaolo)?vastaus|automaattivastaus|poissaoloviesti|poissa toimistosta|poissa työpaikalta
automatiskt svar|autosvar|frånvaromeddelande|ej på kontoret|inte på kontoret|automatisk svar|sjálfvirkt svar
fraværsmelding|fraværsbesked|ikke på kontoret|automatische (?:rück)?antwort
automatische (?:empfangs|eingangs)bestätigung|autoantwort|abwesenheitsnotiz|abwesenheitsnachricht
abwesenheitsbenachrichtigung|abwesenheits-?assistent|automatische abwesenheits(?:notiz|meldung|nachricht)
réponse automatique|reponse automatique|absence du bureau|absen(?:t|ce) du bureau|message d['’]absence
réponse d['’]absence|notification d['’]absence|absent\(?e?\)? du bureau|respuesta autom[aá]tica
contestaci[oó]n autom[aá]tica|fuera de (?:la )?oficina|respuesta de vacaciones|resposta autom[aàá]tica
risposta automatica|fuori (?:sede|ufficio)|assente dall['’]ufficio|automatisch antwoord
automatische (?:afwezigheids)?melding|afwezigheidsbericht|afwezigheidsassistent|niet op kantoor|niet aanwezig
automatyczna odpowied[zź]|odpowied[zź] automatyczna|autoodpowied[zź]|poza biurem
fora do escrit[oó]rio|ausente do escrit[oó]rio|автоматический ответ|автоматическое уведомление об отсутствии
автоответ(?:чик)?|вне офиса|отсутствие на рабочем месте|автоматична відповідь|автовідповідь|автоматичен отговор
автоматски одговор|аутоматски одговор|automatick[aá] odpov[eě][dď]|automatick[aá] odpoveď|mimo kancel[aá][rř]
automatikus v[aá]lasz|h[aá]zon k[ií]v[uü]l|irodán kívül|otomatik yan[ıi]t|ofis d[ıi]ş[ıi]nda|otomatik cevap
automaatvastus|automaatne vastus|kontorist väljas|automātiskā atbilde|automatinis atsakymas|răspuns automat
în afara biroului|automatski odgovor|samodejni odgovor|αυτόματη απάντηση|εκτός γραφείου
תשובה אוטומטית|מענה אוטומטי|הודעה אוטומטית|رد تلقائي|الرد التلقائي|خارج المكتب|پاسخ خودکار
自動応答|自動返信|自动答复|自动回复|自動回覆|自動回復|不在通知|不在のお知らせ|不在届|외출 중
자동 ?회신|자동 ?응답|부재중|trả lời tự động|ตอบกลับอัตโนมัติ|การตอบกลับอัตโนมัติ|balasan otomatis|respon automatik
स्वचालित उत्तर
"""
_NOTICES = r"""
poissaoloilmoitus|lomaviesti|frånvaroanmälan|frånvaro|fraværsmeddelelse|fravær|abwesenheitsmeldung|abwesenheit
afwezigheidsmelding|afwezigheid|assenza dall['’]ufficio|assenza|aviso de ausência|ausência temporária|ausencia
nieobecno[sś][cć](?: w biurze)?|nepřítomnost|neprítomnosť|távollét|odsutnost|απουσία|absence|en congés?|vacation|away
please confirm your (?:message|e-?mail)|your e-?mail requires verification(?: verify#\w*)?
"""
# Words of ordinary mail too: these count only before the subject that is being answered ("Poissa: Re: Lasku").
_WEAK_MARKS = r"""
poissa|abwesend|afwezig|ikke til stede|外出中|mensaje autom[aá]tico|message automatique|messaggio automatico
нет на месте|absent|auto
"""
_ANSWERED = r"(?:re|aw|sv|vs|ad|odp|antw|r|rv|res|fw|fwd)\s*[:：]"
# "AUTO: Ann Lahti is out of the office (returning 03/11/2026)", as Notes writes it.
_AUTO_SENTENCE = r"""
is (?:out of|away from) (?:the |my )?office|is on vacation|is unavailable|is absent|on poissa|är (?:inte|ej) |er ikke
ist (?:außer haus|nicht (?:im|am)|abwesend)|est absente?|está (?:fuera|ausente|fora)|è (?:fuori|assente)|non è in
is (?:afwezig|niet)|jest nieobecn|отсутствует
"""


def _any_of(marks: str) -> str:
    return "|".join(line for line in marks.splitlines() if line)


_BEGINNING = r"\s*(?:\[[^\[\]]{1,40}\]\s*)?"
_SURE = re.compile(
    rf"{_BEGINNING}(?:(?:{_any_of(_MARKS)})\s*(?:$|[:：(]|{_ANSWERED})"
    rf"|(?:{_any_of(_WEAK_MARKS)}|{_any_of(_NOTICES)})\s*[:：-]?\s*{_ANSWERED}"
    rf"|auto\s?:\s.{{1,100}}?(?:{_any_of(_AUTO_SENTENCE)}))",
    re.IGNORECASE,
)
_NOTICE = re.compile(rf"{_BEGINNING}(?:{_any_of(_NOTICES)})\s*(?:$|[:：(])", re.IGNORECASE)


def mark_of(subject: str) -> Mark:
    """What the beginning of a subject tells."""
    subject = subject[:200]
    if _SURE.match(subject):
        return Mark.SURE
    return Mark.NOTICE if _NOTICE.match(subject) else Mark.NONE
