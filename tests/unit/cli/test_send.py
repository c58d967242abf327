"""A body is tried without a daemon and without secrets, and goes nowhere that nobody named."""

import json

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main

SETTINGS = """
practice: http://127.0.0.1:9
channels: { force_x: { platform: x } }
listen: 127.0.0.1:9
webhooks:
  roads:
    secrets: [!secret hook_roads]
    mapping: { type: $.kind, subject: $.closure, time: $.at }
    fields: { kind: text, closure: text, road: text, lanes: number, at: time }
  token: { signature: bearer, secrets: [!secret hook_token] }
  alarms: { signature: none, allow_unsigned: true, preset: alertmanager }
"""
CLOSED = """
alias: Road closed
triggers: [{ trigger: webhook, webhook_id: roads, types: [road.closed] }]
actions: [{ action: tweet, channel: force_x, text: "{{ event.data.road }} is closed." }]
"""
OPENED = CLOSED.replace("closed", "open").replace("Road closed", "Road open")
BODY = {"kind": "road.closed", "closure": "RC-77", "road": "A38(M)", "at": "2026-05-01T12:00:00Z"}


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "appealbridge.yaml").write_text(SETTINGS)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "closed.yaml").write_text(CLOSED)
    (tmp_path / "recipes" / "open.yaml").write_text(OPENED)
    (tmp_path / "body.json").write_text(json.dumps(BODY))

    def run(*arguments, **more):
        return CliRunner().invoke(main, [*arguments], **more)

    run.folder = tmp_path
    return run


def test_check_says_which_event_a_body_becomes_and_who_wants_it(call):
    result = call("check", "body.json", "--webhook", "roads")
    assert result.exit_code == 0
    lines = [line.strip() for line in result.output.splitlines()]
    assert "type      road.closed" in lines
    assert "subject   RC-77" in lines
    assert "key       the webhook-id header, which the sender makes anew for each message" in lines
    assert any(line.startswith("time      01 May") for line in lines)
    assert "wanted by closed" in lines
    assert "not open: type is road.closed, wanted road.open" in lines


def test_check_says_the_same_for_programs(call):
    output = json.loads(call("check", "body.json", "--webhook", "roads", "--format", "json").stdout)
    (event,) = output["bodies"][0]["events"]
    assert (event["type"], event["subject"], event["key"]) == ("road.closed", "RC-77", None)
    assert event["recipes"] == ["closed"]
    assert output["problems"] == []


def test_check_says_how_a_body_differs_from_the_declared_fields(call):
    (call.folder / "body.json").write_text(json.dumps({**BODY, "raod": "M6", "lanes": "two"}))
    output = call("check", "body.json", "--webhook", "roads").output
    assert "note      raod is not declared" in output
    assert "note      lanes is declared as number, and is text" in output


def test_check_says_where_a_body_is_no_json(call):
    (call.folder / "body.json").write_text('{"kind":\n "a",\n b}')
    result = call("check", "body.json", "--webhook", "roads")
    assert result.exit_code == 1
    assert "body.json:3:2" in result.output
    assert "webhook roads would answer 400" in result.output


def test_check_says_why_a_webhook_would_refuse_a_body(call):
    (call.folder / "body.json").write_text('{"kind": "road.closed"}')
    result = call("check", "body.json", "--webhook", "roads")
    assert result.exit_code == 1
    assert "no subject at $.closure" in result.output
    assert "webhook roads would answer 422" in result.output


def test_a_recipe_that_uses_a_field_that_is_not_declared_is_an_error_with_a_guess(call):
    wrong = CLOSED.replace("event.data.road", "event.data.raod")
    (call.folder / "recipes" / "closed.yaml").write_text(wrong)
    result = call("check")
    assert result.exit_code == 1
    assert 'unknown field "raod"' in result.output
    assert 'did you mean "road"?' in result.output


def test_a_condition_on_a_field_that_is_not_declared_is_an_error_too(call):
    wrong = f"{CLOSED}conditions: [{{ field: $.laness, above: 1 }}]\n"
    (call.folder / "recipes" / "closed.yaml").write_text(wrong)
    assert 'unknown field "laness"' in call("check").output


def test_preview_takes_a_body_through_the_webhook(call):
    result = call("preview", "closed", "--event", "body.json", "--webhook", "roads")
    assert result.exit_code == 0
    assert "A38(M) is closed." in result.output


def test_preview_without_a_recipe_shows_all_that_want_the_event(call):
    result = call("preview", "--event", "body.json", "--webhook", "roads")
    assert result.exit_code == 0
    assert "A38(M) is closed." in result.output
    assert "does not want" not in result.output


def test_preview_without_a_recipe_takes_an_appeal_that_only_some_recipes_can_read(call):
    (call.folder / "case.md").write_text("---\nreference: A-1\ntitle: Missing\n---\nText.\n")
    (call.folder / "recipes" / "appeal.yaml").write_text(
        "alias: A\ntriggers: [{ trigger: appeal }]\n"
        'actions: [{ action: tweet, channel: force_x, text: "{{ appeal.title }}!" }]\n'
    )
    result = call("preview", "--event", "case.md")
    assert result.exit_code == 0
    assert "Missing!" in result.output


def test_a_dry_run_sends_nothing_needs_no_secret_and_shows_what_would_be_posted(call):
    result = call("send", "roads", "body.json", "--dry-run")
    assert result.exit_code == 0
    assert result.output.startswith("practice")
    assert "closed would post:" in result.output
    assert "A38(M) is closed." in result.output


def test_several_events_of_one_body_are_each_tried(call):
    alert = {
        "status": "firing",
        "labels": {"alertname": "Disk"},
        "startsAt": "2026-05-01T12:00:00Z",
    }
    alerts = [{**alert, "fingerprint": f"f{n}"} for n in range(30)]
    (call.folder / "body.json").write_text(json.dumps({"version": "4", "alerts": alerts}))
    output = call("send", "alarms", "body.json", "--dry-run").output
    assert "event 20 of 30" in output
    assert "and 10 more events" in output


def test_without_its_secret_nothing_is_sent(call):
    result = call("send", "roads", "body.json")
    assert result.exit_code == 1
    assert "the secret of webhook roads was not found here" in result.output


def test_without_a_daemon_it_says_how_to_start_one(call):
    result = call("send", "alarms", "body.json")
    assert result.exit_code == 1
    assert (
        "nothing listens at http://127.0.0.1:9; start the daemon with: appealbridge run"
        in result.output
    )


def test_an_unknown_webhook_is_wrong_use_with_a_guess(call):
    result = call("send", "road", "body.json")
    assert result.exit_code == 2
    assert "unknown webhook 'road'; did you mean \"roads\"?" in result.output


@pytest.mark.parametrize(
    "url", ["bridge.example", "ftp://a.example", "http://", "http://a@b.example", "http://a b"]
)
def test_an_address_that_is_none_is_wrong_use(call, url):
    result = call("send", "alarms", "body.json", "--url", url)
    assert result.exit_code == 2
    assert "--url must be http://… or https://…" in result.output


def test_a_bearer_secret_does_not_travel_unencrypted(call, monkeypatch):
    monkeypatch.setenv("APPEALBRIDGE_SECRET_HOOK_TOKEN", "a-secret-of-more-than-16-bytes")
    result = call("send", "token", "body.json", "--url", "http://198.51.100.7")
    assert result.exit_code == 1
    assert "use https://" in result.output


@pytest.mark.parametrize("header", ["nothing", "a b: c", ": x"])
def test_a_header_that_is_none_is_wrong_use(call, header):
    result = call("send", "alarms", "body.json", "--dry-run", "--header", header)
    assert result.exit_code == 2
    assert "write it as 'Name: value'" in result.output


def test_a_body_that_is_too_long_is_not_read_to_its_end(call):
    (call.folder / "body.json").write_bytes(b" " * (1024 * 1024 + 1))
    result = call("send", "roads", "body.json", "--dry-run")
    assert result.exit_code == 1
    assert "at most 1048576 bytes" in result.output


def test_a_headers_only_option_needs_its_webhook(call):
    assert call("check", "body.json", "--header", "a: b").exit_code == 2
    assert call("preview", "closed", "--event", "body.json", "--header", "a: b").exit_code == 2
    assert call("preview").exit_code == 2
    assert call("check", "--webhook", "roads").exit_code == 2


def test_an_appeal_as_json_can_be_tried_and_check_says_that_no_folder_reads_it(call):
    (call.folder / "case.json").write_text('{ "reference": "A-1",\n  "title": "Missing" }')
    (call.folder / "recipes" / "appeal.yaml").write_text(
        "alias: A\ntriggers: [{ trigger: appeal }]\n"
        'actions: [{ action: tweet, channel: force_x, text: "{{ appeal.title }}!" }]\n'
    )
    assert "Missing!" in call("preview", "appeal", "--event", "case.json").output
    result = call("check", "case.json")
    assert result.exit_code == 1
    assert "the name of an appeal's file must end in .md, .yaml or .yml" in result.output
