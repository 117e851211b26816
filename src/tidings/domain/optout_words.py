"""The words by which people say that they want no more texts, as `keywords` reads them. Data only; chosen by us, for operators to bear.

The lists err on the side of showing a text to a person. They are compared word by word with texts in their normalized form: lower case;
Latin lists also without accents, apostrophes gone, and `do not` and `thank you` as one word (ONE_WORD).
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
}

COURTESIES: Final = _set("""
    please kindly thanks thx thnx ty tks cheers hi hello hey dear sir madam maam ok okay now immediately asap sorry just
    merci bonjour gracias hola danke hallo obrigado obrigada grazie ciao bedankt 请 谢谢 你好
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

OBJECTS: Final = _set("""
    me us it this that these those all any more the your sending bothering from and
    text texts texting txt txts txting message messages messaging msg msgs sms mms contacting spam spamming notifications
""")
"""After a keyword: texting me, sending me these messages."""

EVERYDAY: Final = _set("end cancel remove quit td")
"""Keywords that people also use for something else: cancel my booking, the end of the week."""

HARMLESS: Final = _phrases("""
    bus stop, train stop, tram stop, next stop, pit stop, non stop, one stop, full stop, stop by, stop sign, stop light, stop watch,
    stop over, un stop
""")
"""Not somebody who wants to be left alone."""

PHRASES: Final = frozenset(
    _phrases("""
    stop, stopall, stopp, stpo, sotp, tsop, revoke, optout, opt out, opting out, opt me out, opts out, want out,
    dont text, dont txt, dont message, dont msg, dont contact, dont send, dont spam, dont bother, dont write, dont sms, never text,
    never contact, never message, dont ever text, dont ever contact, dont want, dont wish, dont need these,
    not text, not txt, not message, not msg, not contact, not sms, not send me, not write me, rather not get, rather not receive,
    no more texts, no more text, no more texting, no more messages, no more message, no more msgs, no more sms, no more spam,
    no more txts, no more notifications, no more reminders, no longer want, no longer wish, no longer interested, no longer need these,
    leave me alone, leave us alone, go away, get lost, fuck off, piss off, cease and desist, dont disturb, not interested,
    take me off, take us off, take my number, take my name, take this number, get me off, off your list, off this list, off the list,
    off your mailing list, remove me, remove us, remove my, remove this number, remove from list, delete me, delete my number,
    delete this number, lose my number, lose this number, unlist me, block me, blocked you, blocking you, will block, block this number,
    wrong number, wrong person, wrong phone, not my number, who gave you, how did you get, spam, spamming, harassment, harassing,
    quit texting, quit messaging, quit sending, quit contacting, end texts, end messages,
    arret, arretez, arreter, plus recevoir, pas recevoir, plus de vos, plus de sms, plus de messages, plus de textos,
    mauvais numero, laissez moi, cessez de,
    dar de baja, darme de baja, dame de baja, darse de baja, de baja, baja, no mas mensajes, no quiero, no me escriban, no me escriba,
    no me mande, no me manden, no me envie, no me envien, no enviar, no molestar, dejen de, deje de, numero equivocado, parar,
    keine sms, keine nachrichten, keine weiteren, nicht mehr schreiben, nichts mehr schicken, nicht mehr anschreiben,
    austragen, aufhoren, horen sie auf, falsche nummer,
    nao quero, nao envie, nao enviem, numero errado, remover, pare de, cancellami, basta, non voglio, numero sbagliato, smettete,
    geen sms, geen berichten, verkeerd nummer, wypisz, rezygnuje, avregistrera, avsluta, istemiyorum, berhenti, tu choi
    """)
)
"""Whole words and phrases, anywhere in a text."""

STEMS: Final = (
    *(" unsub", " unsus", " desabon", " desinscri", " desuscri", " dessuscri", " descadastr", " abmeld", " abbestell"),
    *(" disiscriv", " afmeld", " uitschrijv"),
    *(
        " стоп ",
        " отпис",
        " хватит ",
        " не пишите ",
        " στοπ ",
        " διαγραφ",
        " הסר",
        " תפסיק",
        " إيقاف ",
        " أوقف",
        " إلغاء ",
        " बंद ",
    ),
)
"""Beginnings of words: spellings and forms are many."""

PIECES: Final = (
    *(
        "退订",
        "退訂",
        "取消订阅",
        "取消訂閱",
        "拒收",
        "不要再发",
        "不要再發",
        "别再发",
        "別再發",
        "不要发",
        "不要發",
        "停止",
    ),
    *("登録解除", "解除して", "やめて", "수신거부", "수신 거부", "그만", "หยุด"),
)
"""Where words are not set apart."""

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
