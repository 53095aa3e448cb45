"""What WhatsApp itself writes in an export, in the languages in which it is read here."""

from __future__ import annotations

import re


def _any(*phrases: str) -> str:
    return "|".join(re.escape(phrase) for phrase in phrases)


_DOT = "\\.?[ \u00a0\u202f]?"
AM = rf"a{_DOT}m\.?|" + _any("π.μ.", "ص", "上午", "凌晨", "早上", "清晨", "오전", "午前")
PM = rf"p{_DOT}m\.?|" + _any("μ.μ.", "م", "下午", "中午", "晚上", "오후", "午後")

LEFT_OUT = _any(
    "Media omitted",
    "Medien ausgeschlossen",
    "Multimedia omitido",
    "Archivo omitido",
    "Mídia oculta",
    "Arquivo de mídia oculto",
    "Médias omis",
    "Média omis",
    "Media omessi",
    "Media weggelaten",
    "Без медиафайлов",
    "省略多媒体文件",
    "媒体文件已省略",
)
ATTACHED = _any(
    "attached", "Anhang", "adjunto", "anexado", "pièce jointe", "allegato", "bijgevoegd", "прикреплено", "附件"
)
FILE_ATTACHED = _any(
    "file attached",
    "Datei angehängt",
    "archivo adjunto",
    "arquivo anexado",
    "fichier joint",
    "file allegato",
    "bestand bijgevoegd",
    "файл добавлен",
    "文件附件",
)
OMITTED = (
    r"\w+(?: \w+)? (?:omitted|weggelassen|omitid[oa]|ocult[oa]|absente?|omess[oa]|weggelaten|пропущено)"
    r"|[^\W\d_]{2}已忽略"
)
"""What iOS says in place of a picture, a sticker, …"""

MEDIA = re.compile(
    rf"\u200e?<(?:(?:{LEFT_OUT})|(?:{ATTACHED}): [^>\n]+)>"
    rf"|\A\u200e?[^\n]{{1,200}} \((?:{FILE_ATTACHED})\)(?=\n|\Z)"
    rf"|\A\u200e(?:{OMITTED})(?=\n|\Z)"
)
EDITED = re.compile(
    r"\s*\u200e?<(?:"
    + _any(
        "This message was edited",
        "Diese Nachricht wurde bearbeitet",
        "Se editó este mensaje",
        "Se editó este mensaje.",
        "Mensagem editada",
        "Ce message a été modifié",
        "Questo messaggio è stato modificato",
        "Dit bericht is bewerkt",
        "Сообщение изменено",
        "此消息已编辑",
    )
    + r")>\Z"
)
DELETED = re.compile(
    "(?:"
    + _any(
        "This message was deleted",
        "You deleted this message",
        "Diese Nachricht wurde gelöscht",
        "Du hast diese Nachricht gelöscht",
        "Se eliminó este mensaje",
        "Eliminaste este mensaje",
        "Mensagem apagada",
        "Você apagou esta mensagem",
        "Ce message a été supprimé",
        "Vous avez supprimé ce message",
        "Questo messaggio è stato eliminato",
        "Hai eliminato questo messaggio",
        "Dit bericht is verwijderd",
        "U hebt dit bericht verwijderd",
        "Данное сообщение удалено",
        "Вы удалили данное сообщение",
        "此消息已删除",
        "你删除了此消息",
    )
    + r")[.。]?\Z"
)
