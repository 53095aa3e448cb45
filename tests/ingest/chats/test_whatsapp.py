"""WhatsApp's text exports: locales, order of dates, what is whose."""

from __future__ import annotations

from datetime import datetime

import pytest
from chat_exports import zipped

from ingest.chats import read_chat
from ingest.errors import InputError

WHEN = datetime(2026, 5, 14, 19, 3)
LOCALES = {
    "en-GB": "14/05/2026, 19:03 - ",
    "en-US": "5/14/26, 7:03 PM - ",
    "en-US, narrow space": "5/14/26, 7:03\u202fPM - ",
    "en-US, iOS": "[5/14/26, 7:03:00\u202fPM] ",
    "en-AU": "14/5/2026, 7:03 pm - ",
    "de": "14.05.26, 19:03 - ",
    "de, iOS": "[14.05.26, 19:03:00] ",
    "es": "14/5/26, 19:03 - ",
    "es-MX": "14/5/2026, 7:03 p. m. - ",
    "es-CO": "14/05/2026, 7:03 p.\u00a0m. - ",
    "es, older": "14/5/26 a las 19:03 - ",
    "pt-BR": "14/05/2026 19:03 - ",
    "fr": "14/05/2026 à 19:03 - ",
    "it": "14/05/26, 19:03 - ",
    "nl": "14-05-2026 19:03 - ",
    "da, iOS": "[14.05.2026 19.03.00] ",
    "fi": "14.5.2026 klo 19.03 - ",
    "ru": "14.05.2026, 19:03 - ",
    "sv": "2026-05-14 19:03 - ",
    "sv, iOS": "[2026-05-14, 19:03:00] ",
    "ja": "2026/05/14 19:03 - ",
    "zh": "2026/5/14 下午7:03 - ",
    "zh, iOS": "[2026/5/14 下午7:03:00] ",
    "ko": "2026. 5. 14. 오후 7:03 - ",
    "el": "14/5/26, 7:03 μ.μ. - ",
    "ar": "\u200f14\u200f/5\u200f/2026، 7:03 م - ",
    "fa, its digits": "۱۴/۵/۲۰۲۶، ۱۹:۰۳ - ",
}


def lines(*texts):
    return "".join(f"{text}\n" for text in texts)


@pytest.mark.parametrize("head", LOCALES.values(), ids=LOCALES)
def test_a_locale_s_dates_and_times_are_read(written, head):
    chat = read_chat(written(lines(f"{head}Anna: Dinner: at 8?", "or 9", f"{head}Ben: yes")))
    assert [message.sent_at for message in chat.messages] == [WHEN, WHEN]
    assert [(message.author_id, message.text) for message in chat.messages] == [
        ("Anna", "Dinner: at 8?\nor 9"),
        ("Ben", "yes"),
    ]


@pytest.mark.parametrize(
    ("told", "hour"),
    [("12:00 AM", 0), ("12:30 PM", 12), ("11:59 p. m.", 23), ("00:08 a. m.", 0), ("1:00\u202fam", 1), ("7:00 م", 19)],
)
def test_twelve_hour_clocks(written, told, hour):
    (message,) = read_chat(written(f"13.5.26, {told} - A: x\n")).messages
    assert message.sent_at.hour == hour


# ---------------------------------------------------------------------- day and month


@pytest.mark.parametrize(
    ("dates", "months"),
    [
        (["05/06/26", "25/06/26"], [6, 6]),
        (["05/06/26", "06/25/26"], [5, 6]),
        (["01/02/26", "02/01/26", "03/01/26"], [1, 2, 3]),  # day first it would fall back
        (["01/02/26", "02/02/26", "01/03/26"], [2, 2, 3]),  # month first it would
        (["06/06/26"], [6]),
    ],
)
def test_the_order_is_decided_by_all_dates_of_the_file(written, dates, months):
    path = written(lines(*(f"{date}, 10:00 - A: x" for date in dates)))
    assert [message.sent_at.month for message in read_chat(path).messages] == months


def test_what_the_dates_leave_open_is_asked_for_and_obeyed(written):
    path = written(lines("06/06/26, 10:00 - A: x", "07/08/26, 10:00 - A: y", "08/09/26, 10:00 - A: z"))
    with pytest.raises(
        InputError, match="whether 07/08/26 is day 7 of month 8 or day 8 of month 7: say which"
    ) as asked:
        read_chat(path)
    assert (asked.value.field, asked.value.file) == ("day_first", str(path))
    assert [message.sent_at.month for message in read_chat(path, day_first=True).messages] == [6, 8, 9]
    assert [message.sent_at.month for message in read_chat(path, day_first=False).messages] == [6, 7, 8]


def test_dates_in_another_order_than_the_others_are_refused_with_their_line(written):
    for texts, options in (
        (["25/06/26, 10:00 - A: x", "06/25/26, 10:00 - A: y"], {}),
        (["05/06/26, 10:00 - A: x", "06/25/26, 10:00 - A: y"], {"day_first": True}),
        (["01/01/26, 10:00 - A: x", "30/02/26, 10:00 - A: y"], {}),
        (["13/01/26, 10:00 - A: x", "14/01/26, 25:00 - A: y"], {}),
    ):
        with pytest.raises(InputError, match="is no date and time with the day first") as wrong:
            read_chat(written(lines(*texts)), **options)
        assert wrong.value.line == 2


# ---------------------------------------------------------------------- whose words


SERVICES = [
    "Messages and calls are end-to-end encrypted. No one outside of this chat can read them. Tap to learn more.",
    'Anna changed the group name from "Trip" to "Trip: I am in"',
    "Anna änderte den Gruppennamen von „Reise“ zu „Reise: ich bin dabei“",
    'Anna cambió el asunto de "Viaje" a "Viaje: me apunto"',
    "Анна изменила название группы на «Поездка: я за»",
    "安娜将群名称更改为“旅行: 好的”",
    "Anna shared https://chat.whatsapp.com/abc",
    "Anna added Ben",
    "+49 151 0000000 left",
]


@pytest.mark.parametrize("line", SERVICES)
def test_lines_of_whatsapp_s_own_are_nobody_s_words(written, line):
    message, after = read_chat(written(lines(f"13/05/26, 10:00 - {line}", "13/05/26, 10:01 - Ben: ok"))).messages
    assert (message.kind, message.author_id, message.text) == ("service", None, line)
    assert after.author_id == "Ben"


def test_on_ios_they_stand_behind_a_name_and_are_still_nobody_s(written):
    chat = read_chat(
        written(
            "\u200e[13/05/26, 10:00:00] Picnic: \u200eMessages and calls are end-to-end encrypted.\r\n"
            "[13/05/26, 10:01:00] Anna: \u200eAnna added Ben\r\n"
            "[13/05/26, 10:02:00] ~\u202fBen: hello\r\n"
            "\u200e[13/05/26, 10:03:00] Ben: \u200ePOLL:\r\nFriday?\r\n\u200eOPTION: yes (\u200e1 vote)\r\n"
            "\u200e[13/05/26, 10:04:00] Ben: \u200eLocation: https://maps.google.com/?q=1.5,2.5\r\n"
        )
    )
    assert [(message.kind, message.author_id) for message in chat.messages] == [
        ("service", None),
        ("service", None),
        ("text", "Ben"),
        ("text", "Ben"),
        ("media", "Ben"),
    ]
    assert list(chat.participants) == ["Ben"]


MEDIA = {
    "Android": ("<Media omitted>", ""),
    "Android, a caption": ("IMG-20260513-WA0001.jpg (file attached)\nlook", "look"),
    "Android, marked": ("\u200eIMG-20260513-WA0001.jpg (file attached)", ""),
    "Android, de": ("<Medien ausgeschlossen>", ""),
    "Android, es": ("IMG-20260513-WA0001.jpg (archivo adjunto)", ""),
    "Android, pt": ("<Mídia oculta>", ""),
    "Android, fr": ("<Médias omis>", ""),
    "Android, ru": ("<Без медиафайлов>", ""),
    "Android, zh": ("<省略多媒体文件>", ""),
    "iOS": ("\u200e<attached: 00000012-PHOTO-2026-05-13-10-00-00.jpg>", ""),
    "iOS, a caption": ("look \u200e<attached: 00000012-PHOTO-2026-05-13-10-00-00.jpg>", "look"),
    "iOS, de": ("\u200e<Anhang: 00000012-PHOTO-2026-05-13-10-00-00.jpg>", ""),
    "iOS, left out": ("\u200eimage omitted", ""),
    "iOS, de, left out": ("\u200eBild weggelassen", ""),
}


@pytest.mark.parametrize(("said", "text"), MEDIA.values(), ids=MEDIA)
def test_media_are_placeholders_that_keep_their_captions(written, said, text):
    for head in ("13/05/26, 10:00 - ", "[13/05/26, 10:00:00] "):
        (message,) = read_chat(written(f"{head}Anna: {said}\n")).messages
        assert (message.kind, message.author_id, message.text) == ("media", "Anna", text)


@pytest.mark.parametrize(
    "said",
    [
        "This message was deleted",
        "\u200eThis message was deleted.",
        "You deleted this message",
        "Diese Nachricht wurde gelöscht.",
        "Se eliminó este mensaje.",
        "Mensagem apagada",
        "Ce message a été supprimé",
        "Данное сообщение удалено",
        "此消息已删除",
    ],
)
def test_deleted_messages_have_no_words(written, said):
    (message,) = read_chat(written(f"[13/05/26, 10:00:00] Anna: {said}\n")).messages
    assert (message.kind, message.author_id, message.text) == ("deleted", "Anna", "")


def test_edits_and_mentions(written):
    text = "13/05/26, 10:00 - Anna: ask @\u2068Ben\u2069 and @\u2068~Cem C.\u2069 \u200e<This message was edited>\n"
    chat = read_chat(written(text))
    (message,) = chat.messages
    assert (message.text, message.mentions) == ("ask @Ben and @Cem C.", ("Ben", "Cem C."))
    assert message.edited_at == message.sent_at
    assert list(chat.participants) == ["Anna", "Ben", "Cem C."]


def test_what_people_write_is_left_as_it_is(written):
    said = "  Tu viens\u202f? \u200fכן\u200f \u00a0 *bold*  "
    (message,) = read_chat(written(f"13/05/26, 10:00 - Anna: {said}\n")).messages
    assert message.text == said


def test_a_pasted_line_of_another_way_of_writing_times_is_no_message_of_its_own(written):
    pasted = ["[13/05/26, 10:01:00] Ben: I am in", "5/13/26, 7:03 PM - Ben: I am in", "2026-05-13 10:01 - Ben: I am in"]
    (message,) = read_chat(written(lines("13/05/26, 10:00 - Anna: he wrote", *pasted))).messages
    assert message.text == "\n".join(["he wrote", *pasted])


# ---------------------------------------------------------------------- files


def test_a_zip_of_either_phone_is_called_as_it_is(tmp_path):
    text = "13/05/26, 10:00 - A: olé\n"
    ios = read_chat(zipped(tmp_path / "WhatsApp Chat - Picnic.zip", {"_chat.txt": text, "photo.jpg": b"\xff\xd8"}))
    android = {"WhatsApp Chat with Picnic.txt": text, "notes.txt": "buy milk\n", "a.vcf": b"BEGIN:VCARD"}
    assert (ios.title, ios.messages[0].text) == ("WhatsApp Chat - Picnic", "olé")
    assert read_chat(zipped(tmp_path / "b.zip", android)).title == "WhatsApp Chat with Picnic"


def test_utf_16_marks_and_windows_line_ends(written):
    text = "13/05/26, 10:00 - Anna: olé\r\nand more\r\n\r\nstill\r\n"
    for content in (
        text.encode("utf-16"),
        text.encode("utf-8-sig"),
        "\ufeff".encode("utf-16-be") + text.encode("utf-16-be"),
    ):
        (message,) = read_chat(written(content)).messages
        assert message.text == "olé\nand more\n\nstill"
