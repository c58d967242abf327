"""The listings while no daemon runs: the same secrets are masked, and what is not known is said."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.clock import SystemClock
from appealbridge.model.event import Event
from appealbridge.model.ids import event_id, run_id
from appealbridge.model.run import Run, RunState
from appealbridge.store.records import Arrival, Control
from appealbridge.store.sqlite.control import announced, control_file
from appealbridge.store.sqlite.store import SqliteStore

SECRET = "wQ7-the-desk-s-own-passphrase"
SETTINGS = """
channels: { press: { platform: email, smtp: "smtp://127.0.0.1:9", sender: a@example.org,
                     credentials: { username: a, password: !secret mail } } }
"""


@pytest.fixture
async def folder(tmp_path):
    """A store in which an event quotes a secret of ours, and a recipe its value."""
    now = SystemClock().now()
    id_ = event_id(now, 1)
    event = Event(id_, "webhook:desk", "a", f"about {SECRET}", "k", now, {}, received_at=now)
    text = ({"at": now, "step": "conditions", "message": f"$.a is {SECRET}"},)
    run = Run(
        id=run_id(id_, "roads"), event_id=id_, recipe="roads", version="v", begun_at=now,
        state=RunState.SKIPPED, reason=f"$.a is {SECRET}, wanted b", trace=text,
    )  # fmt: skip
    store = await SqliteStore.open(tmp_path / "appealbridge.db")
    await store.accept([Arrival(event, (run,), ())])
    await store.close()
    (tmp_path / "appealbridge.yaml").write_text(SETTINGS)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "mail").write_text(SECRET)
    (tmp_path / "id").write_text(id_)
    return tmp_path


def run(folder, *arguments):
    return CliRunner().invoke(main, [*arguments, "--config", str(folder / "appealbridge.yaml")])


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["for people", "for programs"])
@pytest.mark.parametrize("command", ["runs", "trace"])
def test_what_the_daemon_would_mask_is_masked(folder, command, form):
    arguments = [command, *([(folder / "id").read_text()] if command == "trace" else []), *form]
    result = run(folder, *arguments)
    assert result.exit_code == 0
    assert SECRET not in result.output
    assert "$.a is ***" in result.output
    assert result.stderr == ""


def test_secrets_that_cannot_be_read_here_are_named(folder):
    (folder / "secrets" / "mail").unlink()
    result = run(folder, "runs", "--json")
    assert result.stderr.startswith("these secrets cannot be read here")
    assert result.stderr.endswith(": mail\n")
    json.loads(result.stdout)


def test_settings_with_a_mistake_are_no_reason_to_show_nothing(folder):
    (folder / "appealbridge.yaml").write_text(SETTINGS + "listn: 1\n")
    result = run(folder, "runs")
    assert result.exit_code == 0
    assert "the settings have problems" in result.stderr


# -- a control file that outlives its daemon ------------------------------------------------------


class Stranger(BaseHTTPRequestHandler):
    """Another program, which answers anything."""

    answer = (200, b'{"status": "alive"}')

    def do_GET(self):
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the library's own name

    def log_message(self, *_):
        pass


ANSWERS = {
    "knows no such address": (404, b"not here"),
    "wants another token": (401, b'{"detail": "this address needs the daemon\'s bearer token"}'),
    "is no daemon": (200, b"<html>hello</html>"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_another_program_at_its_address_is_not_taken_for_it(folder, monkeypatch, answer):
    monkeypatch.setattr(Stranger, "answer", answer)
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with announced(folder / "appealbridge.db", Control(url, "token", 1)):
            result = run(folder, "runs")
            verb = run(folder, "release", "1")
        server.shutdown()
    assert result.exit_code == 0
    assert "$.a is ***" in result.output
    assert "no daemon is running on" in verb.output


def test_a_port_where_nobody_listens_is_no_daemon(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with announced(folder / "appealbridge.db", Control(url, "token", 1)):
        assert run(folder, "runs").exit_code == 0


def test_a_control_file_that_anybody_may_have_written_is_named_and_left_aside(folder):
    with announced(folder / "appealbridge.db", Control("http://127.0.0.1:9", "token", 1)):
        control_file(folder / "appealbridge.db").chmod(0o666)
        result = run(folder, "runs")
    assert result.exit_code == 0
    assert "may have been written by somebody else" in result.stderr
