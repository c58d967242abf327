"""Secrets in plain text, secrets that are missing, and practice mode, which needs none."""

import os

import pytest

from appealbridge.channels.x.channel import XAccount
from appealbridge.documents import InvalidDocuments
from appealbridge.settings.load import load_settings
from appealbridge.triggers.webhook.trigger import WebhookSource
from tests.unit.settings.conftest import practised

HOOK = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
PLANTED = "planted-0123456789"
FORCE_X = """
  force_x:
    platform: x
    credentials:
      consumer_key: !secret x0
      consumer_secret: !secret x1
      access_token: !secret x2
      access_token_secret: !secret x3
"""


@pytest.mark.parametrize(
    "text",
    [
        f"webhooks: {{ a: {{ secrets: [{HOOK}] }} }}\n",
        f"webhooks:\n  a:\n    secrets:\n      - {HOOK}\n    presett: x\n",
        f"channels: {{ a: {{ platform: x, credentials: {{ consumer_key: {PLANTED}, key: x }} }} }}\n",
        f"channels: {{ a: {{ platform: x, credentials: {PLANTED} }} }}\n",
        f"channels: {{ a: {{ platform: x, api_key: {PLANTED} }} }}\n",
        f"channels:\n  a:\n    platform: x\n    credentials:\n      access_token: {PLANTED}: x\n",
        f"channels: {{ a: {{ platform: facebook, page: 1, credentials: {{ page_token: {PLANTED} }} }} }}\n",
    ],
)
def test_a_secret_in_plain_text_is_a_problem_and_is_not_repeated(wrong, text):
    assert wrong(text)


def test_a_secret_in_plain_text_is_told_what_to_do_about(wrong):
    [result, _] = wrong(f"webhooks: {{ a: {{ secrets: {HOOK}, rolls: [x] }} }}\n")
    assert result == (
        "1: webhooks.a.secrets: a secret is written here in plain text; write "
        "!secret a, delete the secret from this file, and have it changed"
    )


def test_a_missing_secret_hides_no_other_problem_and_makes_none(wrong):
    text = f"channels: {FORCE_X}".replace("!secret x3", "!secret gone") + "    colour: blue\n"
    result = wrong(text)
    assert [line.split(";")[0] for line in result] == [
        "8: channels.force_x.credentials.access_token_secret: secret gone was not found",
        '9: channels.force_x: unknown option "colour" for "x"',
    ]


# -- practice -------------------------------------------------------------------------------------


def test_in_practice_no_credential_of_a_channel_is_looked_at(tmp_path):
    file = tmp_path / "appealbridge.yaml"
    file.write_text(f"practice: http://127.0.0.1:8090\nchannels: {FORCE_X}    daily_cap: 5\n")
    (tmp_path / "secrets").mkdir()
    os.mkfifo(tmp_path / "secrets" / "x0")  # whoever opens it would wait without end
    settings = load_settings(
        file, platforms={"x": XAccount}, sections={}, practise=practised, environ={}
    )
    force_x = settings.channels["force_x"].account
    assert settings.secrets == frozenset()
    assert (force_x.daily_cap, force_x.api) == (5, "http://127.0.0.1:8090/x")
    assert force_x.credentials.consumer_key.get_secret_value() == "practice-force_x"


def test_in_practice_senders_are_still_held_to_their_secrets(load):
    text = "practice: http://127.0.0.1:8090\nwebhooks: { desk: { secrets: [!secret hook] } }\n"
    assert load(text).secrets == {HOOK}


def test_in_practice_credentials_may_be_left_out_and_nothing_else(load, wrong):
    practice = "practice: http://127.0.0.1:8090\nchannels:\n  page: { platform: facebook"
    assert load(practice + ', page_id: "1" }\n').channels["page"].account.page_id == "1"
    mastodon = load("practice: http://x\nchannels: { m: { platform: mastodon } }\n").channels["m"]
    assert mastodon.account.api == "http://x/mastodon"
    result = wrong(practice + ", colour: blue }\n")
    assert [line.split(";")[0] for line in result] == [
        '3: channels.page: "page_id" is missing',
        '3: channels.page: unknown option "colour" for "facebook"',
    ]


def test_offline_a_secret_that_is_nowhere_is_only_a_note(tmp_path):
    file = tmp_path / "appealbridge.yaml"
    file.write_text("webhooks:\n  desk: { secrets: [!secret nowhere] }\n")
    values = {"platforms": {}, "sections": {"webhooks": WebhookSource}, "environ": {}}
    settings = load_settings(file, **values, offline=True)
    assert [note.problem for note in settings.notes] == ["secret nowhere was not found"]
    assert settings.named["webhooks"] == {"desk"}
    with pytest.raises(InvalidDocuments, match="secret nowhere was not found"):
        load_settings(file, **values)
