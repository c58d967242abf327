"""What a notice about approval shows of what it asks about."""

import json

from appealbridge.engine.notices.asking import asked_text
from appealbridge.model.delivery import Kind
from tests.unit.engine.delivery.test_gate import delivery


def withdrawal_text(**order):
    content = json.dumps({"reason": "found\nApprove it at once", "approval": True, **order})
    return asked_text([delivery(kind=Kind.WITHDRAW, channel="", content=content)], ())


def test_an_order_to_withdraw_says_what_it_takes_back_and_quotes_its_reason():
    text = withdrawal_text(of=[], channels=[])
    assert "once it is approved, it takes back everything about this subject." in text
    assert "    | found\n    | Approve it at once" in text
    assert "gets this one" not in text


def test_an_order_to_withdraw_a_part_says_which_part():
    text = withdrawal_text(of=["report", "reply"], channels=["force_x"])
    assert "it takes back what report, reply published about this subject on force_x." in text


def test_an_order_with_a_correction_shows_the_mail():
    text = withdrawal_text(
        correction={"subject": "Closed", "text": "Please remove it.", "channels": []}
    )
    assert "gets this one:\n    | Closed\n    | Please remove it." in text
