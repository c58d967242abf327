"""`send` plays the sender of any webhook against a real daemon, and says what came of it."""

import asyncio
import json
import ssl
from base64 import b64encode
from contextlib import asynccontextmanager, chdir

import pytest
import trustme
from aiohttp import web
from click.testing import CliRunner

from appealbridge.cli.main import main
from tests import forking
from tests.proxying import PracticeProxy
from tests.stories import staging
from tests.stories.processes import daemon, platforms

SIGNATURES = {
    "standard-webhooks": "secrets: [!secret hook_desk]",
    "svix-like": "secrets: [!secret hook_desk], tolerance: 1m",
    "stripe": "signature: stripe, secrets: [!secret hook_desk]",
    "slack": "signature: slack, secrets: [!secret hook_desk]",
    "github": "signature: github, secrets: [!secret hook_desk]",
    "pagerduty": "signature: pagerduty, secrets: [!secret hook_desk]",
    "hmac": "signature: hmac, secrets: [!secret hook_desk], header: X-Desk, algorithm: sha512, "
    "encoding: base64, prefix: 'sha512='",
    "bearer": "signature: bearer, secrets: [!secret hook_desk]",
    "none": "signature: none, allow_unsigned: true",
}
BODY = {"type": "incident", "subject": "M6", "text": "M6 closed"}
OTHER = "whsec_" + b64encode(b"another key than the daemon has").decode()
LONG = "https://www.example.police.uk/incidents/2026/11/26/collision-on-the-aston-expressway/0419"
APPROVED_BY_A_PERSON = staging.TWEET.replace("approval: none\n", "")


@asynccontextmanager
async def bridge(tmp_path, recipes=None, practice="http://127.0.0.1:1", listen=""):
    stage = staging.build(tmp_path / "s", practice, "smtp://127.0.0.1:1", recipes or {})
    named = "".join(f"  {name}: {{ {options} }}\n" for name, options in SIGNATURES.items())
    settings = stage.config.read_text().replace("webhooks:\n", f"webhooks:\n{named}", 1)
    if listen:
        settings = settings.replace("listen: 127.0.0.1:0", f"listen: {listen}")
    stage.config.write_text(settings)
    (stage.folder / "body.json").write_text(json.dumps(BODY))
    async with daemon(stage) as running:
        assert await running.ready()
        yield stage, running


async def run(stage, *arguments, sent=None):
    """Return the status and the output of a command of ours: in a thread, or in a process of its own to read `sent`."""
    arguments = [*arguments, "--config", str(stage.config)]

    def called():
        with chdir(stage.folder):
            done = CliRunner().invoke(main, arguments)
        return done.exit_code, done.output

    if sent is None:
        return await asyncio.to_thread(called)
    process = await forking.start(
        *("-m", "appealbridge", *arguments), folder=stage.folder, given=sent, stdout=forking.PIPE,
        stderr=forking.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_the_daemon_accepts_what_send_signs_by_every_signature(tmp_path):
    async with bridge(tmp_path) as (stage, running):
        for name in SIGNATURES:
            status, output = await run(stage, "send", name, "body.json")
            assert (status, "accepted (202): event " in output) == (0, True), output
        _, events = await running.ask("GET", "/api/v1/events")
        assert {event["source"] for event in events} == {f"webhook:{name}" for name in SIGNATURES}
        assert all(event["data"] == BODY for event in events)


async def test_send_reaches_a_daemon_on_a_unix_socket(tmp_path):
    stage = tmp_path / "s"
    async with daemon_on_a_socket(tmp_path, f"unix:{stage}/http.sock") as stage:
        status, output = await run(stage, "send", "desk", "body.json")
        assert (status, "accepted (202)" in output) == (0, True), output
        assert f"sent to unix:{stage.folder}/http.sock/hooks/desk" in output


@asynccontextmanager
async def daemon_on_a_socket(tmp_path, listen):
    stage = staging.build(tmp_path / "s", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {})
    stage.config.write_text(
        stage.config.read_text().replace("listen: 127.0.0.1:0", f"listen: {listen}")
    )
    (stage.folder / "body.json").write_text(json.dumps(BODY))
    async with daemon(stage) as running:
        assert await running.line('"event":"ready"')
        yield stage


async def test_send_shows_what_came_of_it_and_what_to_do_next(tmp_path):
    async with bridge(tmp_path, {"roads": APPROVED_BY_A_PERSON}) as (stage, _):
        status, output = await run(stage, "send", "desk", "-", sent=json.dumps(BODY).encode())
        assert status == 0
        assert output.startswith("practice: nothing here is public\n")
        assert "wanted by 1 recipe" in output
        assert "held (approval)" in output
        assert "to read and publish it: appealbridge approve 1" in output


async def test_send_waits_until_a_post_is_published(tmp_path):
    async with (
        platforms(tmp_path) as there,
        bridge(tmp_path, {"roads": staging.TWEET}, there.url) as (stage, _),
    ):
        status, output = await run(stage, "send", "desk", "body.json", "--json")
        (delivery,) = json.loads(output)["deliveries"]
        assert (status, delivery["state"]) == (0, "delivered")
        assert await there.posts("M6 closed")


async def test_the_same_body_is_told_as_a_repeat(tmp_path):
    async with bridge(tmp_path) as (stage, _):
        await run(stage, "send", "bearer", "body.json")
        status, output = await run(stage, "send", "bearer", "body.json")
        assert (status, "repeat (200): it came before" in output) == (0, True), output


async def test_a_refusal_is_told_with_its_reason_and_is_a_failure(tmp_path):
    async with bridge(tmp_path) as (stage, _):
        status, output = await run(stage, "send", "desk", "-", sent=b"[1]")
        assert (status, "refused (422): " in output) == (1, True), output
        (stage.folder / "secrets" / "hook_desk").write_text(OTHER)
        status, output = await run(stage, "send", "stripe", "body.json")
        assert (status, "refused (401): " in output) == (1, True), output
        assert "the daemon has another secret than these settings" in output


async def test_send_goes_where_url_says_and_adds_the_webhooks_path(tmp_path):
    async with bridge(tmp_path, listen="127.0.0.1:0") as (stage, running):
        status, output = await run(stage, "send", "desk", "body.json", "--url", f"{running.url}/")
        assert (status, f"sent to {running.url}/hooks/desk\n" in output) == (0, True), output
        status, output = await run(
            stage, "send", "desk", "body.json", "--url", f"{running.url}/elsewhere"
        )
        assert (status, "refused (404)" in output) == (1, True), output


PUBLIC = "hooks.force.example"


async def test_send_goes_through_the_proxy_of_the_settings(tmp_path):
    login = "press:s3cret"
    async with bridge(tmp_path) as (stage, running), PracticeProxy(login=login) as proxy:
        proxy.places[PUBLIC] = running.url.removeprefix("http://")
        stage.config.write_text(f"{stage.config.read_text()}proxy: !secret proxy\n")
        secret = stage.folder / "secrets" / "proxy"
        secret.touch(0o600)
        secret.write_text(proxy.url.replace("//", f"//{login}@"))
        status, output = await run(stage, "send", "desk", "body.json", "--url", f"http://{PUBLIC}")
        assert (status, "accepted (202)" in output) == (0, True), output
        assert proxy.requests == [f"POST http://{PUBLIC}/hooks/desk HTTP/1.1"]
        # What is on this machine is reached directly.
        status, output = await run(stage, "send", "desk", "body.json", "--url", running.url)
        assert (status, len(proxy.requests)) == (0, 1), output
        secret.write_text("http://127.0.0.1:1")
        status, output = await run(stage, "send", "desk", "body.json", "--url", f"http://{PUBLIC}")
        assert (status, "127.0.0.1:1, the proxy of the settings" in output) == (1, True), output


async def test_send_trusts_the_authority_of_the_settings_also_through_a_proxy(tmp_path):
    authority, requested = trustme.CA(), []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(PUBLIC).configure_cert(context)

    async def answer(request):
        requested.append((request.path, await request.json()))
        return web.json_response({"event": "1", "recipes": 0}, status=202)

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    stage = staging.build(tmp_path / "s", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {})
    (stage.folder / "body.json").write_text(json.dumps(BODY))
    try:
        async with PracticeProxy() as proxy:
            proxy.places[f"{PUBLIC}:443"] = f"127.0.0.1:{runner.addresses[0][1]}"
            stage.config.write_text(f"{stage.config.read_text()}proxy: {proxy.url}\n")
            arguments = ["send", "desk", "body.json", "--url", f"https://{PUBLIC}"]
            status, output = await run(stage, *arguments)
            assert (status, "CERTIFICATE_VERIFY_FAILED" in output) == (1, True), output
            assert not requested
            authority.cert_pem.write_to_path(str(stage.folder / "ca.pem"))
            stage.config.write_text(f"{stage.config.read_text()}ca_file: ca.pem\n")
            status, output = await run(stage, *arguments)
            assert (status, "accepted (202)" in output) == (0, True), output
            assert requested == [("/hooks/desk", BODY)]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "arguments",
    [
        ["deliveries"],
        ["events"],
        ["runs"],
        ["channels"],
        ["trace", "M6"],
        ["withdrawals"],
        ["questions"],
        ["recipes"],
        ["people", "list"],
        ["tokens", "list"],
    ],
    ids=" ".join,
)
async def test_every_listing_says_whether_it_is_practice(tmp_path, arguments):
    async with bridge(tmp_path, {"roads": APPROVED_BY_A_PERSON}) as (stage, _):
        await run(stage, "send", "desk", "body.json")
        status, output = await run(stage, *arguments)
        assert (status, output.split("\n")[0]) == (0, "practice: nothing here is public"), output


async def test_release_says_that_it_is_live_where_it_is(tmp_path):
    stage = staging.build(
        tmp_path / "s", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {"roads": APPROVED_BY_A_PERSON}
    )
    secrets = ", ".join(
        f"{name}: !secret hook_desk"
        for name in ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
    )
    live = f"force_x: {{ platform: x, api: 'http://127.0.0.1:1', credentials: {{ {secrets} }} }}"
    stage.configure(channels=live)
    settings = stage.config.read_text()
    stage.config.write_text(settings.replace("practice: http://127.0.0.1:1\n", ""))
    (stage.folder / "body.json").write_text(json.dumps(BODY))
    async with daemon(stage) as running:
        assert await running.ready()
        assert await running.line('"mode":"live"')
        await run(stage, "send", "desk", "body.json")
        status, output = await run(stage, "release", "1")
        assert status == 0, output
        assert output == "live: what goes out is public\n1 tweet on force_x: released\n"


async def test_trace_finds_a_subject_that_a_listing_shortens(tmp_path):
    async with bridge(tmp_path) as (stage, running):
        for subject in (LONG, "RC-77", "RC-78"):
            await running.receives(subject, {**BODY, "subject": subject})
        _, listed = await run(stage, "events")
        shortened = next(word for word in listed.split() if "…" in word)
        for requested in (LONG, shortened, "https://www…0419", "https://www...0419"):
            status, output = await run(stage, "trace", requested)
            assert (status, f"incident about {LONG}" in output) == (0, True), output
        status, output = await run(stage, "trace", "RC…")
        assert (status, "2 subjects are shortened to RC…, such as RC-77, RC-78" in output) == (
            1,
            True,
        ), output
    # The same without a daemon, from its store.
    status, output = await run(stage, "trace", shortened)
    assert (status, f"incident about {LONG}" in output) == (0, True), output


async def test_a_listing_takes_a_subject_as_a_listing_shortens_it(tmp_path):
    async with bridge(tmp_path, {"roads": APPROVED_BY_A_PERSON}) as (stage, running):
        for subject in (LONG, "RC-77"):
            await running.receives(subject, {**BODY, "subject": subject})
        _, listed = await run(stage, "deliveries")
        shortened = next(word for word in listed.split() if "…" in word)
        for command in ("deliveries", "events"):
            status, output = await run(stage, command, "--subject", shortened)
            assert (status, shortened in output, "RC-77" in output) == (0, True, False), output


async def test_what_acts_on_a_shortened_subject_says_the_whole_one_and_does_nothing(tmp_path):
    async with bridge(tmp_path, {"roads": APPROVED_BY_A_PERSON}) as (stage, running):
        await running.receives(LONG, {**BODY, "subject": LONG})
        shortened = f"{LONG[:12]}…{LONG[-6:]}"
        for arguments in (
            ["withdraw", shortened, "--reason", "wrong"],
            ["release", "--all", "--hold", "approval", "--subject", shortened],
            ["cancel", "--all", "--hold", "approval", "--subject", shortened],
        ):
            status, output = await run(stage, *arguments)
            assert (status, f"write all of it: {LONG}" in output) == (1, True), output
        _, output = await run(stage, "deliveries", "--state", "held")
        assert "held (approval)" in output
