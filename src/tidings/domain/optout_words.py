"""Words around a wish to get no more texts, as `optout_intent` reads them: courtesies, what is asked for, what only looks
like a wish. Data only; the wishes themselves are in `optout_phrases`. Chosen by us, for operators to bear.

Compared word by word with texts in their normalized form: lower case, without accents and apostrophes, and `do not` and `thank you` as one
word (ONE_WORD).
Source: 47 CFR 64.1200(a)(10): what a reasonable person would understand as a revocation counts.
"""

from __future__ import annotations

from typing import Final


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    """One phrase a comma, each with the spaces that keep it from being found inside a word."""
    return tuple(f" {phrase} " for phrase in " ".join(text.split()).split(", "))


ONE_WORD: Final = {
    " do not ": " dont ",
    " don t ": " dont ",
    " thank you ": " thanks ",
    " sil vous plait ": " please ",
    " sil vous plaît ": " please ",
    " por favor ": " please ",
    " per favore ": " please ",
    " pls ": " please ",
    " plz ": " please ",
    " plse ": " please ",
    " svp ": " please ",
    " bitte ": " please ",
    " bitten ": " please ",
    " te rog ": " please ",
    " s il vous plait ": " please ",
}

COURTESIES: Final = _set("""
    please kindly thanks thx thnx ty tks cheers hi hello hey dear sir madam maam ok okay now immediately asap sorry just
    merci bonjour gracias hola danke hallo obrigado obrigada grazie ciao bedankt aub graag tak tack prosim prosze kerem asseblief
    请 谢谢 你好 пожалуиста спасибо ارجوكم شكرا בבקשה תודה
""")
"""Said beside any keyword without changing what it means."""

ASKING: Final = frozenset(
    (
        *("can you", "could you", "will you", "would you", "you must", "you have to", "you need to"),
        *(
            "i want to",
            "i want you to",
            "i wish to",
            "i need you to",
            "i would like to",
            "i would like you to",
            "id like to",
            "id like you to",
        ),
    )
)
"""Before a keyword, as a whole. Not `can i` and `i will`, which ask or tell something else."""

ASKING_WORDS: Final = frozenset(word for phrase in ASKING for word in phrase.split())

ABOUT_MESSAGES: Final = _set("""
    text texts texting txt txts txting message messages messaging msg msgs sms mms subscription subscriptions notification
    notifications contacting spam spamming promotions mensaje mensajes messaggi nachricht nachrichten mensagem mensagens berichten
""")

MESSAGES: Final = ABOUT_MESSAGES | _set("""
    alert alerts contact call list lists database group pub publicite textos envoyer envoyez contacter liste publicidad lista listas
    escribir escribirme mandar envien enviar receber recibir propaganda werbung kontaktieren kontakt senden schicken schreiben liste
    pubblicita scrivere inviare sturen appen bericht reclame smsa smsar skicka meddelande meddelanden listan sms er beskeder melding
    meldinger viesti viesteja wiadomosc wiadomosci smsow reklam zprav zpravy mesaj mesaje mesajlar uzenet uzenetet pesan kirim
    tin nhan смс сообщения сообщений сообщение рассылку рассылки рассылка реклама рекламу повідомлень повідомлення μηνυματα μηνυμα
    رساله رسائل الرسائل הודעות פרסומות پيام پيامك मैसेज संदेश मेसेज
""")
"""Messages, and what is done with them."""

REFUSING: Final = _set("""
    no not dont never none enough done end ends quit cancel disable deactivate unenroll scrub remove removed erase halt cease without
    aucun aucune pas plus assez arrete arretez arreter annuler supprimer no nunca basta dejar deja parar para pare cancelar quitar
    saquenme nao sem sai sair chega keine keinen kein nicht nie genug non niente togliete niet geen nooit weg sluta slutt stoppa inte inga
    ikke ei nie
    usuniecie usun ne nu nem hentikan jangan khong dung ngung mat не нет нету без отключите отключить хватит не нема לא אל די
    لا وقف اوقفوا بدون نه नहीं मत
""")
"""Said of messages, these refuse them."""

NOT_ARRIVED: Final = _set("""
    get got receive received recieve arrive arrived see saw seen find recu recibi recibido llego recebi chegou bekommen erhalten
    ricevuto ontvangen fick fatt otrzymalem пришло пришел получил получила
""")
"""Beside a refusal these rather tell of a message that did not come."""

OBJECTS: Final = _set("""
    me us it this that these those all any more the your sending bothering from and
    text texts texting txt txts txting message messages messaging msg msgs sms mms contacting spam spamming notifications
""")
"""After a keyword: texting me, sending me these messages."""

EVERYDAY: Final = _set("end cancel remove quit td")
"""Keywords that people also use for something else: cancel my booking, the end of the week."""

HARMLESS: Final = _phrases("""
    bus stop, train stop, tram stop, metro stop, next stop, last stop, first stop, which stop, truck stop, rest stop, pit stop, door stop,
    non stop, one stop, full stop, stop by, stop sign, stop light, stop watch, stop over, stop near, un stop, a stop near, the stop sign,
    cant stop laughing, cant stop crying, cant stop thinking, cant stop eating, cant stop smiling
""")
"""Not somebody who wants to be left alone."""

_LOOK_ALIKES = {
    "a": "аαᴀɑ",
    "b": "вьβʙ",
    "c": "сᴄ",
    "d": "ԁᴅđ",
    "e": "еεᴇ",
    "g": "ɡ",
    "h": "һη",
    "i": "іιɪı",
    "j": "ј",
    "k": "кκ",
    "l": "ʟł",
    "m": "мμᴍ",
    "n": "нпνπɴ",
    "o": "оοօᴏø0",
    "p": "рρᴘᏢ",
    "q": "ԛ",
    "r": "гʀ",
    "s": "ѕσςꜱտᏚ",
    "t": "тτᴛŧᎢ",
    "u": "υᴜս",
    "v": "ѵ",
    "w": "ԝ",
    "x": "хχ",
    "y": "у",
    "z": "ζ",
}
CONFUSABLES: Final = {ord(other): latin for latin, others in _LOOK_ALIKES.items() for other in others}
"""Letters of other scripts, folded by case, that pass for Latin ones: Cyrillic, Greek, Armenian, Cherokee, small capitals, strokes.

A small part of the table of UTS 39: enough for the letters of the usual keywords.
"""

LEET: Final = str.maketrans("0134578$@|+\u20ac\u20bd\u2117\u00a7\u00a2", "oieastbsaltepp" + "sc")
"""Digits and signs in place of the letters that they resemble: 5TOP, $TOP."""

SIGNS: Final = frozenset(
    "\U0001f6d1\u270b\U0001f6ab\u26d4\U0001f4f5\U0001f515\U0001f645\U0001f44e\U0001f595\u274c\u2716\U0001f91a\U0001f507\U0001f6b7"
)
"""Stop signs, hands, no entry, silenced bells, thumbs down: all that a text has to say, or beside a word."""

STRONG: Final = ("stop", "stopall", "unsubscribe", "optout")
"""Words that are looked for in any spelling: letters repeated, set apart, glued to others, replaced by digits."""

NO_TYPING_ERRORS: Final = frozenset(
    [
        "top",
        "shop",
        "step",
        "stoop",
        "stomp",
        "strop",
        "atop",
        "slop",
        "swop",
        "sop",
        "sto",
        "stow",
        "stoup",
        "stops",
        "stope",
    ]
)
"""Words of their own that differ from `stop` by one letter."""
