"""The words by which people ask not to be written to any more, in the languages that we know them in."""

from __future__ import annotations

import unicodedata

_ASKED = """
stop; stop all; stopall; unsubscribe; cancel; end; quit; opt out; optout; remove me; stop promotions; no more messages
stopp; abmelden; abbestellen; austragen; abbruch; keine nachrichten mehr; bitte keine nachrichten mehr
arrêt; arrêter; arrêtez; désabonner; se désabonner; me désabonner; désinscription; me désinscrire; résilier
baja; darme de baja; dar de baja; alto; parar; detener; cancelar; no más mensajes; cancelar suscripción
sair; descadastrar; remover; pare; cancelar inscrição; não quero mais
ferma; basta; annulla; cancellami; disiscrivimi; disiscrizione; cancella iscrizione
afmelden; uitschrijven; stoppen; geen berichten meer
wypisz; wypisz mnie; rezygnuję; stop wiadomości
dur; iptal; çık; aboneliği iptal et
стоп; отписаться; отписка; отпишите меня; відписатися
توقف; إيقاف; إلغاء; إلغاء الاشتراك
रोकें; बंद करो; बंद करें
停止; 退订; 取消订阅; 退訂; 配信停止; 登録解除
berhenti; batal langganan; avsluta; avregistrera; afmeld; lopeta; odhlásit; leiratkozás; dezabonare
"""  # noqa: RUF001 - letters of these languages


def is_stop(text: str) -> bool:
    """Tell whether a message is nothing but one of these words: however it is spelled, and whatever is around it."""
    return _plain(text) in _WORDS


def _plain(text: str) -> str:
    # No longer text is one of them; and none is worth the time that long text takes.
    folded = unicodedata.normalize("NFKD", text[:200].casefold())
    # Letters and digits are kept, marks and signs are not: "Arrêt!!" is "arret".
    kept = ("" if unicodedata.combining(sign) else sign if sign.isalnum() else " " for sign in folded)
    return " ".join("".join(kept).split()) if len(text) <= 200 else ""  # noqa: PLR2004 - as above


_WORDS = frozenset(_plain(word) for line in _ASKED.strip().splitlines() for word in line.split(";"))
