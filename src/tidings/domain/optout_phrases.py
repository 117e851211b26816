"""How people say that they want no more texts, or may mean it, by language. Data only, read by `optout_intent`; chosen by us,
            for operators to bear.

The lists err on the side of showing a text to a person. Each table's name is the end of the name of the rule that finds its words
(`phrase-french`). Written as people write; compared without case, accents and marks, with `do not` and `thank you` as one word.

- `alone`: when the text says nothing else but courtesies. Words of everyday use belong here: cancel, end, enough.
- `anywhere`: whole words, wherever they stand.
- `beginnings`: of words, where spellings and forms are many.
- `pieces`: anywhere, where words are not set apart.
Source: 47 CFR 64.1200(a)(10): what a reasonable person would understand as a revocation counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Table:
    """Lists with a comma between two entries."""

    name: str
    alone: str = ""
    anywhere: str = ""
    beginnings: str = ""
    pieces: str = ""


def entries(text: str) -> tuple[str, ...]:
    """The entries of a list, without the spaces around them."""
    return tuple(filter(None, (" ".join(entry.split()) for entry in text.split(","))))


TABLES: Final = (
    # --- English, by what is said ---
    Table(
        "stop",
        alone="""no more, enough, enough already, thats enough, exit, halt, discontinue, cease, finish, finished, leave, out, off, opt,
            delete, delete this, block, remove, remove this, remove it, removed, end, end it, end this, end now, quit, quit it, quit this,
            cancel, cancel this, cancel it, unsub, terminate, deactivate, disable, mute, silence, stopped, stahp, unenroll, unenroll me,
            lawyer, scam, who dis, do i know you, stop2end, stop2quit""",
        anywhere="""stop, stopall, stopp, stpo, sotp, tsop, revoke, revoked, revoking, optout, opt out, opting out, opt me out, opts out,
            opted out, want out, quit texting, quit messaging, quit sending, quit contacting, end texts, end messages, cease and desist,
            cancel messages, cancel texts, turn these off, turn this off, turn off these, turn off texts, turn off messages,
            turn off notifications, quit bugging, quit bothering, unenroll me, withdraw my consent, withdraw consent""",
        beginnings="unsub, unsus",
    ),
    Table(
        "no-texts",
        anywhere="""dont text, dont txt, dont message, dont msg, dont contact, dont send, dont spam, dont bother, dont write, dont sms,
            never text, never contact, never message, dont ever text, dont ever contact, dont want, dont wish, dont need these, not text,
            not txt, not message, not msg, not contact, not sms, not send me, not write me, rather not get, rather not receive,
            no more texts, no more text, no more texting, no more messages, no more message, no more msgs, no more sms, no more spam,
            no more txts, no more notifications, no more reminders, no more of these, no more of this, no longer want, no longer wish,
            no longer interested, no longer need these, fewer texts, fewer messages, too many texts, too many messages, text too much,
            message too much, never signed up, didnt sign up, did not sign up""",
    ),
    Table(
        "leave-me-alone",
        anywhere="""leave me alone, leave us alone, leave me the, go away, get lost, fuck off, f off, piss off, dont disturb,
            not interested,
            changed my mind, no thanks""",
    ),
    Table(
        "off-the-list",
        anywhere="""take me off, take us off, get me out, scrub my number, scrub me, take him off, take her off, take my number,
            take my name, take this number, get me off,
            off your list, off this list, off the list, off your mailing list, remove me, remove us, remove my, remove this number,
            remove from list, delete me, delete my number, delete this number, lose my number, lose this number, unlist me, block me,
            blocked you, blocking you, will block, block this number""",
    ),
    Table(
        "wrong-person",
        anywhere="""wrong number, wrong person, wrong phone, not my number, isnt my number, who gave you, how did you get, who is this,
            who dis, do i know you,
            new phone, no longer at this number,
            passed away, deceased""",
    ),
    Table(
        "complaint",
        anywhere="""spam, spamming, scam, scammer, harassment, harassing, report you, reported as, reporting you, call the police,
            my lawyer,
            do not call list, dont call list, dont call""",
    ),
    Table("short-code-word", alone="t, td, r, qx, rt, tuiding, quxiao, n stop"),
    # --- European languages ---
    Table(
        "french",
        alone="fin, annuler, arrete, resilier, assez, ca suffit, cessez, stopper, arretez, arreter, supprimer",
        anywhere="""arret, arretez de, arretez vos, arretez tout, arretez les, plus recevoir, pas recevoir, plus de vos, plus de sms,
            plus de messages, plus de message, plus de textos, ne m envoyez plus, ne menvoyez plus, ne me contactez plus, ne m ecrivez plus,
            ne mecrivez plus, n envoyez plus, nenvoyez plus, mauvais numero, trompez de numero, trompe de numero, pas moi, pas interesse,
            pas interessee, non merci, harcelement, laissez moi, laisse moi tranquille, fichez moi, foutez moi, cessez de,
            supprimez mon, supprimez moi, retirez moi, retirez mon, enlevez moi""",
        beginnings="desabon, desinscri",
    ),
    Table(
        "spanish",
        alone="""baja, alto, parar, para, para ya, pare, pare ya, paren, paren ya, detengase, detenganse, no mas, cancelar, eliminar, basta,
            basta ya, ya basta, fin, salir, ya no quiero, terminar, borrar""",
        anywhere="""dar de baja, darme de baja, dame de baja, denme de baja, deme de baja, darse de baja, de baja, no mas mensajes,
            no quiero, no me escriban, no me escriba, no me escribas, no me mande, no me manden, no me envie, no me envien, no enviar,
            no envien, no molestar, no molesten, dejen de, deje de, deja de, dejenme, dejame en paz, borrarme, borrenme, borreme,
            saquenme, saqueme, dejar de recibir, quitenme, quiteme, quitarme, eliminenme, elimineme, eliminar mi numero,
            cancelar suscripcion, cancelar mi suscripcion,
            cancelar mensajes, numero equivocado, se equivoco, no me interesa, no gracias, quien es""",
        beginnings="desuscri, dessuscri",
    ),
    Table(
        "portuguese",
        alone="""sair, sai, quero cancelar, pare, pare ja, parar, parem, chega, basta, remover, remova, cancelar, quero sair, engano,
            excluir, descadastro""",
        anywhere="""nao quero, nao envie, nao enviem, nao me mande, nao me mandem, nao me envie, nao me envies, numero errado, pare de,
            parem de, para de mandar, parar de receber, sair da lista, sair desta lista, cancelar inscricao, cancelar assinatura,
            remova meu, remova me, remover meu,
            me tirem, me tira da lista, tire me, em paz, desinscrever, nao tenho interesse, nao obrigado, nao obrigada, nao me interessa""",
        beginnings="descadastr, desinscr",
    ),
    Table(
        "german",
        alone="""ende, beenden, kundigen, schluss, aufhoren, abmeldung, genug, aus, loschen, hor auf, es reicht""",
        anywhere="""keine sms, keine nachrichten, keine nachricht, keine weiteren, nicht mehr schreiben, schreiben sie mir nicht,
            schreib mir nicht, nichts mehr schicken, nicht mehr anschreiben, nicht mehr erhalten, austragen, aufhoren, horen sie auf,
            hor auf, hort auf, in ruhe, nummer loschen, loschen sie meine, losche meine, es reicht, will das nicht, falsche nummer,
            kein interesse, nein danke, wer ist da, belastigung, stopp""",
        beginnings="abmeld, abbestell",
    ),
    Table(
        "italian",
        alone="basta, ferma, fermatevi, annulla, disdici, disdire, rimuovere, rimuovimi, fine, smettila, smettetela",
        anywhere="""cancellami, cancellatemi, non voglio, non mandatemi, non mandate, non scrivetemi, non scrivere, non inviatemi,
            togliete il mio, toglietemi, numero sbagliato, smettete, smettetela, smettila, lasciatemi, lasciami in pace, rimuovimi,
            rimuovetemi, basta messaggi,
            basta sms, non mi interessa, non sono interessato, non sono interessata, no grazie""",
        beginnings="disiscriv",
    ),
    Table(
        "dutch",
        alone="stoppen, einde, annuleren, genoeg, afmelden, uit, verwijder",
        anywhere="""stoppen met, stop ermee, geen sms, geen berichten, schrijf me uit, wil geen, met rust, verwijder mijn, verwijder mij,
            verwijder me, hou op, houd op, verkeerd nummer, geen interesse, nee bedankt""",
        beginnings="afmeld, uitschrijv",
    ),
    Table(
        "scandinavian",
        alone="""avsluta, avslutt, sluta, slutt, slut, avmeld, meld av, avregistrera, avbryt, stopp, afmeld, framelding, stop det""",
        anywhere="""avregistrera, avsluta, avslutt, sluta skicka, sluta skriva, slutt a, inga fler, ikke flere, ikke mere, ta bort mig,
            ta bort mitt, sag upp, i fred, ifred, lad mig være, la meg være, fjern mig, fjern meg, slet mit, slett nummeret, hold op,
            hold opp, meld meg av, meld mig af, ikke send, skriv ikke, fel nummer, forkert nummer, feil nummer, inte intresserad,
            ikke interesseret, ikke interessert, nej tack, nej tak, nei takk""",
        beginnings="afmeld, framelding, avmeld, avprenumer",
    ),
    Table(
        "finnish",
        alone="lopeta, lopettakaa, seis, peru, peruuta, poistu, riittaa, lopetus",
        anywhere="ei enaa, en halua, poista numeroni, poistakaa, peru tilaus, lopeta viestit, vaara numero, ei kiinnosta",
        beginnings="lopet",
    ),
    Table(
        "polish",
        alone="koniec, przestan, przestancie, anuluj, dosc, rezygnacja, wyrejestruj, stop",
        anywhere="""wypisz, wypiszcie, rezygnuje, przestan, przestancie, przestac, nie chce, nie piszcie, nie pisz, nie wysylajcie,
            nie wysylaj, usun moj, usuncie, usuniecie numeru, zly numer, pomylka, nie jestem zainteresowany, nie jestem zainteresowana,
            nie dziekuje""",
        beginnings="wyrejestr",
    ),
    Table(
        "czech-and-slovak",
        alone="konec, koniec, zrusit, dost, ukoncit, prestante, odhlasit",
        anywhere="prestante, uz nepiste, nepiste, neposilejte, neposielajte, nechci, nechcem, spatne cislo, zle cislo, nemam zajem",
        beginnings="odhlas",
    ),
    Table(
        "romanian",
        alone="anulare, opriti, opreste, gata, destul, stop",
        anywhere="nu mai vreau, nu mai trimiteti, nu mai trimite, nu vreau, opriti, opreste, numar gresit, nu ma intereseaza",
        beginnings="dezabon",
    ),
    Table(
        "hungarian",
        alone="leallit, allj, eleg, torol, leallitas, vege",
        anywhere="nem kerek, ne irjanak, ne irjon, ne kuldjenek, toroljenek, torolje a szamom, teves szam, rossz szam, nem erdekel",
        beginnings="leiratkoz",
    ),
    Table(
        "turkish",
        alone="dur, iptal, ret, cikis, yeter, durdur, durdurun, red, cik",
        anywhere="""istemiyorum, mesaj atmayin, mesaj atma, mesaj gondermeyin, mesaj gonderme, beni listeden, listeden cikar,
            listeden cikarin, abonelikten cik, aboneligi iptal, abonelik iptal, yanlis numara, ilgilenmiyorum""",
    ),
    Table(
        "russian",
        alone="отмена, отказ, отключить, отстань, отстаньте, отвали, отвалите, довольно, конец, бас",
        anywhere="""стоп, хватит, не пишите, не пиши, не присылайте, не присылай, не шлите, не звоните, не беспокойте, не беспокоить,
            прекратите, прекрати, остановите,
            остановитесь, удалите мой, удалите меня, уберите меня, уберите мой, отстаньте, отвалите, не хочу получать, не надо мне,
            не надо писать, ошиблись номером, не туда попали, не интересует, не интересно, спам, спамить""",
        beginnings="отпис, отпиш",
    ),
    Table(
        "ukrainian",
        alone="годі, досить, скасувати, кінець, відмова",
        anywhere="""припиніть, припини, не пишіть, не пиши, не надсилайте, не надсилай, видаліть мій, видаліть мене, помилилися номером,
            не цікавить""",
        beginnings="відпис, відпиш",
    ),
    Table(
        "bulgarian-and-serbian", alone="край, престани, доста", anywhere="спри, спрете, не ми пишете, не желая, одјави"
    ),
    Table(
        "greek",
        alone="διακοπή, σταμάτα, τέλος, φτάνει, αρκετά, ακύρωση",
        anywhere="στοπ, σταματήστε, όχι άλλα μηνύματα, μην μου στέλνετε, μη μου στέλνετε, μη στέλνετε, λάθος αριθμός, δεν ενδιαφέρομαι",
        beginnings="διαγραφ, απεγγραφ",
    ),
    # --- right to left ---
    Table(
        "arabic",
        alone="إلغاء, بس, كفى, خلاص, قف, كافي, الغ, حذف, لا اريد, وقف",
        anywhere="""إيقاف, إلغاء الاشتراك, إلغاء اشتراك, إلغاء اشتراكي, ألغوا اشتراكي, الغي اشتراكي, لا ترسل, لا ترسلوا, لا ترسلي,
            لا تراسلني, لا تراسلوني, لا أريد رسائل, لا أريد هذه, احذفوا رقمي, احذف رقمي, الرقم غلط, رقم غلط, رقم خاطئ, الرقم خاطئ,
            غير مهتم, غير مهتمة""",
        beginnings="توقف, أوقف",
    ),
    Table(
        "persian",
        alone="لغو, لغو۱۱, لغو ۱۱, لغو11, لغو 11, ۱۱, بس, بس است, کافیست, کافی است",
        anywhere="لغو اشتراک, پیام نفرستید, پیام نفرست, نفرستید, پیام ندهید, پیام نده, بس است, مزاحم نشوید",
    ),
    Table("urdu", alone="بند, بس", anywhere="بند کرو, بند کریں, مت بھیجیں, مت بھیجو, بس کرو, بس کریں"),
    Table(
        "hebrew",
        alone="די, עצור, סטופ, ביטול, מספיק, הפסק, להסרה, הסרה",
        anywhere="לא רוצה לקבל, אל תשלחו, אל תשלח, אל תשלחי, מספר שגוי, טעות במספר, לא מעוניין, לא מעוניינת",
        beginnings="הסר, הסיר, תפסיק",
    ),
    # --- South and South-East Asia, Africa, the Caribbean ---
    Table(
        "hindi",
        alone="बस, रोको, रोकें, रोकिए, रुको, रुकिए, स्टॉप, band, bas, roko",
        anywhere="बंद, बस करो, बस करें, मत भेजो, मत भेजें, band karo, band karen, mat bhejo, mat bhejiye",
    ),
    Table("bengali", alone="বন্ধ, থামুন, থামো, ব্যস", anywhere="বন্ধ করুন, বন্ধ করো, পাঠাবেন না, পাঠিও না"),
    Table(
        "indonesian-and-malay",
        alone="batal, keluar, cukup, henti, tamat, setop",
        anywhere="""berhenti, hentikan, jangan kirim, jangan hubungi, jangan sms, jangan ganggu, hapus nomor, batalkan langganan,
            berhenti langganan, salah sambung, nomor salah, salah nomor, tidak tertarik""",
    ),
    Table(
        "vietnamese",
        alone="hủy, huỷ, tc, thôi, dừng, ngừng, hủy dk, hủy đk",
        anywhere="""từ chối, dừng lại, dừng nhắn, ngừng gửi, ngừng nhắn, đừng nhắn, đừng gửi, không muốn nhận, hủy đăng ký, nhầm số,
            sai số, không quan tâm""",
    ),
    Table(
        "filipino",
        alone="tama, tama na, ayoko, ayoko na, tigil, itigil, hinto",
        anywhere="tigilan, itigil, ayoko na, huwag nang, wag na, huwag na, wag nang",
    ),
    Table("swahili", alone="acha, ondoa, simamisha, sitisha, kataa, komesha"),
    Table("afrikaans", alone="stap, staak, hou op", anywhere="stap asseblief, moenie stuur"),
    Table("haitian", alone="rete, sispann, kanpe", anywhere="pa voye, sispann voye"),
    # --- without spaces between words ---
    Table(
        "thai",
        alone="ยกเลิก, พอ, พอแล้ว, ไม่รับ",
        pieces="หยุด, เลิกส่ง, ยกเลิกการรับ, ยกเลิกรับ, ไม่ต้องส่ง, อย่าส่ง",
    ),
    Table(
        "chinese",
        alone="""退, 停, 滚, 滾, 取消, 不要, 够了, 夠了, 拒绝, 拒絕, 不需要, 不用了, 回td, 回t, 回r, 回n, 回复td, 回复t, 回复r, 回复n,
            回覆td,
            回覆t, 回复td, 回qx, 回复qx, 回复0, 回0, 退td, 打错了, 打錯了""",
        pieces="""退订, 退訂, 取消订阅, 取消訂閱, 取消短信, 取消簡訊, 拒收, 不要再, 别再发, 別再發, 别再给我, 不要发, 不要發, 不要给我发,
            不要給我發, 别发, 別發,
            别给我发, 停止, 屏蔽, 拉黑, 别烦, 別煩, 不要打扰, 不要打擾, 勿扰, 勿擾, 移除我, 从名单, 從名單, 不想收, 不想再收, 打错电话,
            发错人, 發錯人,
            发错了, 不感兴趣, 不感興趣, 怎么有我, 我的号码哪, 骚扰, 騷擾, 垃圾短信, 垃圾簡訊, 投诉, 回复td, 回td""",
    ),
    Table(
        "japanese",
        alone="解除, 解約, ストップ, もういい, もういいです, キャンセル, 中止, 結構です, 不要, 不要です, いらない",
        pieces="""登録解除, 配信解除, 解除して, 購読解除, 退会, やめて, 止めて, 送らないで, 送るな, 送信しないで, メール不要, 配信不要,
            間違い電話, 間違えて,
            番号が違, 興味ありません, 興味がありません, 迷惑""",
    ),
    Table(
        "korean",
        alone="중지, 해지, 취소, 탈퇴, 스톱, 정지, 차단, 됐어요, 필요없어요",
        pieces="수신거부, 그만, 보내지마, 보내지말, 구독취소, 구독해지, 잘못보내, 번호틀, 번호가틀, 관심없, 스팸",
    ),
)
