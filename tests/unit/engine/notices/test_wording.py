from zoneinfo import ZoneInfo

import pytest

from appealbridge.engine.notices.wording import LONGEST, SHOWN, WORDINGS, notice_text
from appealbridge.model.notice import Alarm, Trouble
from appealbridge.store.records import News

LONDON = ZoneInfo("Europe/London")
JULY = 1_783_000_000.0


def failed(number, **more):
    values = {
        "kind": Trouble.FAILED,
        "number": number,
        "at": JULY,
        "reason": "403 Forbidden: no",
        "channel": "force_x",
        "recipe": "new-appeal",
        "run_id": f"e{number}.new-appeal",
        "subject": "WMP-1",
    }
    return News(**{**values, **more})


def alarm(kind, channel=""):
    return News(kind=kind, number=1, at=JULY, reason="as it was seen", channel=channel)


@pytest.mark.parametrize("kind", [*Trouble, *Alarm])
def test_every_kind_has_words(kind):
    title, text = notice_text(kind, "force_x", [alarm(kind, "force_x")], 1, LONDON)
    assert title.startswith("AppealBridge: ")
    assert "\n" not in title
    assert "as it was seen" in text
    assert not {"{", "}"} & {*title, *text}


def test_there_are_no_words_for_anything_else():
    assert {*WORDINGS} == {*Trouble, *Alarm}


def test_one_delivery_is_told_with_its_reason_and_what_can_be_done():
    title, text = notice_text(Trouble.FAILED, "", [failed(17)], 1, LONDON)
    assert title == "AppealBridge: a delivery failed"
    assert text == (
        "The platform refused it, or there was no success in the time allowed for retries. It is not published.\n\n"
        "02 Jul 14:46:40 BST, delivery 17, force_x, recipe new-appeal, about WMP-1\n"
        "    403 Forbidden: no\n"
        "    to try again: appealbridge retry 17\n\n"
        "To see them all: appealbridge deliveries --state failed\n"
    )


def test_of_many_the_first_are_named_and_the_others_counted():
    title, text = notice_text(Trouble.FAILED, "", [failed(n) for n in range(50)], 50, LONDON)
    assert title == "AppealBridge: 50 deliveries failed"
    assert text.count("appealbridge retry") == SHOWN
    assert f"and {50 - SHOWN} more" in text


def test_a_platforms_words_are_one_line_and_no_book():
    _, text = notice_text(
        Trouble.FAILED, "", [failed(1, reason="no\r\n\r\n" + "never " * 999)], 1, LONDON
    )
    (line,) = [line for line in text.splitlines() if line.startswith("    no never")]
    assert len(line) == 4 + LONGEST
    assert line.endswith("…")


def test_a_notice_about_sources_names_each_of_them():
    news = [alarm(Alarm.SOURCE, "feed:news"), alarm(Alarm.SOURCE, "webhook:roads")]
    title, text = notice_text(Alarm.SOURCE, "", news, 2, LONDON)
    assert title == "AppealBridge: sources need attention (2 messages)"
    assert text.count("feed:news") == text.count("webhook:roads") == 1


def test_braces_in_a_platforms_words_are_only_words():
    _, text = notice_text(Trouble.FAILED, "", [failed(1, reason='{"error": {number}}')], 1, LONDON)
    assert '{"error": {number}}' in text
