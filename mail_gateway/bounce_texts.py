"""What mail servers write when they cannot deliver: the free-form reports, older than and beside RFC 3464.

Patterns for subjects, for the sentence that says "failed" or "delayed", for the line where the returned mail begins,
and for the places where a report names the recipient. All are linear and applied to a bounded text.
"""

from __future__ import annotations

import re

ADDRESS = (
    r"[^\s<>()\[\]\"',;:|`*=/\\@]{1,128}(?:=[^\s<>()\[\]\"',;:|`*\\@]{1,128})?"
    r"@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}"
)
_LOOK_AT_CHARS = 60_000

SYSTEM_NAME = re.compile(
    r"mail(?:er)?[-_. ]?daemon|mail deliver(?:y)? (?:sub)?system|delivery subsystem|mail administrator|"
    r"system administrator|post ?master|mail system|internet mail delivery|e-mail interconnect|maildelivery",
    re.IGNORECASE,
)
SYSTEM_ADDRESS = re.compile(
    r"(?:mailer-?daemon|mdaemon|post_?-?master|mail-?daemon|mail\.delivery\.system|symantec_antivirus[^@]*|"
    r"bounce|bounces)"
    r"(?:@|$|\\)",
    re.IGNORECASE,
)

SUBJECT = re.compile(
    r"\s*(?:\[[^\[\]]{1,40}\]\s*|\*+\s*spam\s*\*+\s*|notice:\s*)?(?:re:\s*)?(?:"
    r"undeliver(?:able|ed|y)\b|non-?deliver(?:y|able)|not deliver(?:ed|able)|returned mail|returned to sender|"
    r"(?:e-?)?mail (?:could )?(?:not |un)be? ?deliver|mail (?:delivery|system)?\s*(?:failed|failure|error|"
    r"problem|warning)|"
    r"(?:message |mail )?deliver(?:y|ing)(?: has| of (?:the )?message)? (?:failed|failure|error|problem|report|"
    r"status|"
    r"notification|warning|incomplete|unsuccessful|delayed)|message delivery|permanent delivery|failure "
    r"(?:notice|delivery)|"
    r"(?:message|mail|e-?mail|message) (?:could not|cannot|can't|not|was not|undeliver)|your (?:message|e-?mail|"
    r"mail) to .{1,200}"
    r"could not|message (?:status|undeliver|not delivered|bounced|.{1,60} delayed)|warning: (?:could not|message|"
    r"mail)|"
    r"warning--could not|mail failure|(?:there was an )?error sending|bounced? (?:mail|message|e-?mail)|"
    r"unzustellbar|zustellung|nachricht (?:nicht|unzustellbar)|rückgabe|échec|non remis|message non (?:remis|"
    r"distribu)|"
    r"avis de non|no se (?:puede|pudo|ha podido)|no entregado|devuelto|error de entrega|mancato recapito|mancata "
    r"consegna|"
    r"recapito|consegna non|niet (?:bestelbaar|bezorgd)|onbestelbaar|niedostarczon|nie dostarczono|zwrot|"
    r"não entregue|falha (?:na|de|no)|mensagem não|kan inte levereras|ej levererat|kunne ikke lever|ikke leveret|"
    r"toimittamatta|toimitus epäonnistui|viestiä ei|viestin toimit|не доставлено|ваше сообщение не|сообщение не|"
    r"недоставлен|невозможно|メールエラー|配信|送信エラー|不达|退信|系统退信|无法投递|未送达|반송|전송 실패)",
    re.IGNORECASE,
)
SUBJECT_INSIDE = re.compile(
    r"non remis|undeliverable|delivery failure|could not be delivered|errors from |you \S{1,200} are not (?:a )?member",
    re.IGNORECASE,
)
DELAY_SUBJECT = re.compile(
    r"\bdelay(?:ed)?\b|\(delay\)|warning[: -]|still being retried|not yet been delivered|temporar|verzögert|retard",
    re.IGNORECASE,
)

FAILED = re.compile(
    r"(?:could ?n[o']t|cannot|can't|was ?n[o']t|not be(?:en)?|unable to|failed to|not able to|never) "
    r"(?:be |been )?(?:successfully |properly )?(?:deliver|send|sent|process|relay|reach)|"
    r"undeliver(?:able|ed)|deliver[yi]\w* (?:\w+ ){0,4}(?:fail|error|problem|unsuccess|incomplete|abort)|"
    r"(?:permanent|fatal) (?:fatal )?(?:error|fail)|fail(?:ed|ure) (?:recipient|address|permanent)|returned "
    r"(?:to sender|mail|message|below|for)|"
    r"(?:user|recipient|mailbox|address|account|host|domain|name|alias)s? (?:\S+ ){0,4}?(?:unknown|not found|"
    r"invalid|unavailable|does(?: not|n't) exist|"
    r"disabled|inactive|full|not (?:known|listed|local|exist|valid|available|be found|delivered)|has been "
    r"(?:disabled|suspended)|rejected|over quota|"
    r"exceeded|is restricted|unreachable)|"
    r"(?:unknown|invalid|no such|bad|illegal|unrouteable|nonexistent) (?:local )?(?:user|recipient|mailbox|"
    r"address|host|domain|account|part)|"
    r"over ?quota|quota exceeded|mailbox (?:is )?full|message (?:was |has been )?(?:rejected|refused|blocked|"
    r"bounced|returned|expired|too (?:large|big))|"
    r"(?:^|\D)5\d\d[ -#]+5\.\d\.\d|\b5\.\d\.\d\b|<<< 5\d\d|^5\d\d |said: 5\d\d|\b55\d\b|did not reach|following "
    r"(?:recipient|address|error)|"
    r"unreachable|hop count|too many hops|mail(?:ing)? loop|"
    r"transcript of session|relay(?:ing)? denied|access denied|giving up|not a member|are not member|"
    r"nicht zugestellt|unzustellbar|konnte nicht|n'a pas (?:pu|été)|non remis|no (?:se )?(?:pudo|ha podido|fue) |"
    r"no existe|"
    r"non (?:è stato possibile|recapitat|consegnat)|niet (?:worden )?(?:bezorgd|afgeleverd)|nie (?:został|można)|"
    r"não (?:foi|pôde|pode)|"
    r"inte levereras|kunne ikke|ei voitu|не (?:доставлено|может быть|удалось)|недоступ|失敗|できません|エラー|"
    r"見つかりません|"
    r"無法|无法|失败|不存在|退回|반송|실패",
    re.IGNORECASE | re.MULTILINE,
)
DELAYED = re.compile(
    r"not yet (?:been )?deliver|has been delayed|is delayed|delayed (?:for|mail|message)|will (?:continue|be|"
    r"keep) (?:to )?(?:tr(?:y|ied|ying)|retr|"
    r"attempt)|do not need to resend|no need to resend|still (?:being retried|trying|in the queue|undelivered)|"
    r"temporarily (?:delayed|unable)|warning message only|attempts will continue|this is (?:just |only )?a warning|"
    r"delivery (?:has been )?delayed|could not (?:yet )?be delivered for the (?:last|past)|could not send "
    r"(?:mail|message) for past",
    re.IGNORECASE,
)
GAVE_UP = re.compile(
    # "You'll be notified if the delivery fails permanently" and "transient non-fatal errors" are no end.
    r"giv(?:e|ing|en) up|(?<!fails )permanent|no longer|has been removed|undeliverable|delivery failed|"
    r"failed permanently|returned to sender|returning message|(?<!non-)fatal error|"
    r"retry time(?:out)? (?:not reached for any host after|exceeded)",
    re.IGNORECASE,
)

# Titles that no person writes over a mail of their own.
TITLE = re.compile(
    r"(?:non-?delivery|delivery status|delivery failure) (?:report|notification)|(?:was|is an?) (?:created |"
    r"auto)\w*(?:ly)? "
    r"(?:generated|by|notification|message|e-?mail|response)|-{2,} ?(?:transcript|non-delivery)|^\s*(?:error "
    r"message below|rcpt to:)|^your message could not be delivered to\s*\n\s*\S+@\S+\s*$"
    r"|^you are not a member of this mailing list <",
    re.IGNORECASE | re.MULTILINE,
)

RETURNED = re.compile(
    r"^(?:[ \t]*-{2,}.{0,30}\b(?:copy of|original|unsent|returned|undelivered|below this line|message (?:header|"
    r"text|body|follows)|"
    r"headers|forwarded|included|your message)\b.{0,60}"
    r"|.{0,40}\b(?:original message|message header|returned message|rejected message|body of (?:the )?message|"
    r"copy of (?:the|your) (?:original )?(?:message|mail))s?\b.{0,40}(?:follows|:)[ \t]*"
    r"|(?:>[ \t]?)?(?:Received: (?:from|by|\()|Return-Path:|DKIM-Signature:|X-Originating-IP:|Message-ID: <).*)$",
    re.IGNORECASE | re.MULTILINE,
)

# From the surest place to name a recipient to the weakest. The first pattern that finds any decides.
RECIPIENTS = tuple(
    re.compile(
        pattern.replace("ADDRESS", f"<?(?:mailto:|SMTP:|SMTP=)?(?<![\\w.+%-])({ADDRESS})>?"),
        re.IGNORECASE | re.MULTILINE,
    )
    for pattern in (
        r"^(?:Final|Original|X-Actual)-Recipient:\s*(?:[\w-]+\s*;)?\s*ADDRESS",
        r"not (?:a )?members? of this (?:mailing )?list\s*ADDRESS",
        r"(?:following|these) (?:recipient|address|user|person)[^\n:]{0,40}:?\s*\n\s*(?:[^\n<>@]{0,120}[=:;])?ADDRESS",
        r"^[ \t>]*<(?:mailto:)?(ADDR)>[ \t]*(?::|\(|\.\.\.|$)".replace("(ADDR)", f"({ADDRESS})"),
        r"^(?:[ \t]{2,}|\t|\* ?)ADDRESS[ \t]*(?:$|:|\(|\.\.\.|\bon\b|-)",
        r"^ADDRESS[ \t]*(?:$|:[ \t]|\.\.\.|\([^)\n]{0,80}\)[ \t]*$|\bon \d)",
        r"rcpt to:?\s*ADDRESS",
        r"(?:user|recipient|mailbox|address|account|alias)s?\)?(?: (?:unknown|not known|not found|name|is|"
        r"was))*[ \t]*[:=(]*[ \t\"']*ADDRESS",
        r"(?:deliver(?:ed|y)?|message|mail|sent|send|forward(?:ed)?|addressed|return(?:ed)?)(?: \w+){0,4} (?:to|"
        r"for)[:,]?\s+[\"']?ADDRESS",
        r"(?:failed|undeliverable|unknown|invalid|rejected|error)(?: \w+){0,3}[:, ]+[\"'(]?ADDRESS",
        r"\b(?:[45]\d\d|[45]\.\d\.\d)\b[^\n]{0,120}?ADDRESS",
        r"^[ \t]*(?:to|recipients?|intended recipient|a|an)[ \t]*[:=][ \t]*(?:[^\n<@]{0,60}<)?ADDRESS",
        r"ADDRESS[^\n]{0,80}?(?:unknown|does not exist|not found|rejected|denied|unavailable|not a member|are "
        r"not member|full)",
    )
)
ANY_ADDRESS = re.compile(ADDRESS)
# "could not be delivered ...:" and below it a name without a domain.
BARE_RECIPIENT = re.compile(
    r"following recipients?\b[^:]{0,200}:\s*\n\s*([\w.+-]{1,64})[ \t]*$", re.IGNORECASE | re.MULTILINE
)


def report_of(text: str) -> tuple[str, str]:
    """The words of the server, and what follows the line where the returned mail begins ('' if nothing does)."""
    text = text[:_LOOK_AT_CHARS]
    match = RETURNED.search(text)
    return (text[: match.start()], text[match.start() :]) if match else (text, "")
