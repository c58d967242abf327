"""What a viewer sees has nobody's address in it."""

from appealbridge.web.recipients import HIDDEN, without_recipients


def test_addresses_and_options_that_name_a_recipient_are_replaced():
    shown = without_recipients(
        {
            "content": {
                "to": "Ann Jones <ann@example.org>",
                "text": "Mail desk@example.org now",
                "cc": ["a"],
            },
            "history": [{"detail": "550 <ann@example.org> unknown"}],
            "ann@example.org": 7,
            "number": 3,
        }
    )
    assert shown == {
        "content": {"to": HIDDEN, "text": f"Mail {HIDDEN} now", "cc": HIDDEN},
        "history": [{"detail": f"550 <{HIDDEN}> unknown"}],
        HIDDEN: 7,
        "number": 3,
    }


def test_what_is_no_address_stays():
    for text in ("@police is on X", "5 @ 10 pounds", "a@", "https://example.org/@force/1"):
        assert without_recipients(text) == text


def test_a_long_text_of_a_stranger_costs_little():
    assert len(without_recipients("@a" * 100_000)) <= 1_200_000
    assert without_recipients("a" * 300_000) == "a" * 300_000
