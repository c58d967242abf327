"""Stored things as a person reads them."""

from appealbridge.cli import tell


def test_every_line_of_a_message_is_set_in(capsys):
    delivery = {
        "number": 1, "step": "tweet", "channel": "force_x", "state": "held", "hold": "approval",
        "content": {"text": "A38 is closed.\n\nUse another route.", "link": None},
        "history": [], "receipt": None, "reason": "",
    }  # fmt: skip
    about = {"received_at": None, "type": "road.closed", "source": "webhook:roads", "subject": "7"}
    run = {
        "id": "1.road",
        "about": about,
        "state": "planned",
        "trace": [],
        "deliveries": [delivery],
    }
    tell.trace(run)
    shown = capsys.readouterr().out
    assert "    text: A38 is closed.\n    \n    Use another route.\n" in shown
    assert "link" not in shown


def test_what_was_removed_is_said_to_be(capsys):
    delivery = {
        "number": 1, "step": "tweet", "channel": "force_x", "state": "delivered", "hold": None,
        "content": None, "removed": True, "history": [], "reason": None,
        "receipt": {"id": "1", "url": "https://x.example/1"},
    }  # fmt: skip
    about = {
        "received_at": None, "type": "road.closed", "source": "webhook:roads", "subject": "7",
        "data": None, "removed": True,
    }  # fmt: skip
    run = {
        "id": "1.road",
        "about": about,
        "state": "planned",
        "trace": [],
        "deliveries": [delivery],
    }
    tell.trace(run)
    shown = capsys.readouterr().out
    assert shown.count("(removed after its retention)") == 2
    assert "https://x.example/1" in shown
