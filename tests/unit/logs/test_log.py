import json
import os
import subprocess
import sys

import pytest

SPEAK = """
import sys
from appealbridge.logs import LogEvent, standard_log
log = standard_log(lambda: 0.0, clean=lambda text: text.replace("s3cret", "***"))
{}
"""


def said_by(program: str, **environment: str) -> list[dict]:
    done = subprocess.run(
        [sys.executable, "-c", SPEAK.format(program)],
        capture_output=True,
        timeout=30,
        check=True,
        env={**os.environ, **environment},
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_program_that_ends_in_mid_sentence_loses_no_line():
    program = """
import asyncio
async def speak():
    log.info(LogEvent.READY)
    log.info(LogEvent.STOPPED)
    sys.exit(0)
asyncio.run(speak())
"""
    assert [line["event"] for line in said_by(program)] == ["ready", "stopped"]


def test_standard_error_that_is_a_pipe_gets_json_without_priorities():
    assert said_by("log.info(LogEvent.READY)", JOURNAL_STREAM="8:12345")[0]["event"] == "ready"


def test_a_secret_is_cleaned_from_standard_error():
    assert said_by("log.info(LogEvent.FAILED, text='a s3cret')")[0]["text"] == "a ***"


def test_a_terminal_gets_colours():
    pty = pytest.importorskip("pty", reason="this machine has no pseudo-terminals")
    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-c", SPEAK.format("log.info(LogEvent.READY)")],
            stderr=theirs,
            timeout=30,
            check=True,
        )
        assert b"\x1b[32mready" in os.read(ours, 1000)
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.fixture
def journal():
    """What systemd's journal reads of a command: its standard error, announced as such."""
    reading, writing = os.pipe()
    status = os.fstat(writing)
    announced = {**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}

    def read(*command):
        subprocess.run(command, stderr=writing, timeout=30, check=False, env=announced)
        return os.read(reading, 10_000).decode()

    yield read
    os.close(reading)
    os.close(writing)


def test_the_stream_that_systemd_announced_gets_priorities(journal):
    output = journal(sys.executable, "-c", SPEAK.format("log.warning(LogEvent.UNSURE)"))
    assert output.startswith('<4>{"ts"')


@pytest.mark.parametrize(
    ("settings", "begin"),
    [
        ("listn: 1", "<3>{}:1:1: unknown option"),
        ("listen: systemd", "<3>appealbridge: listen: systemd"),
    ],
)
def test_why_the_daemon_does_not_start_is_an_error_in_the_journal(
    journal, tmp_path, settings, begin
):
    config = tmp_path / "appealbridge.yaml"
    config.write_text(settings)
    output = journal(sys.executable, "-m", "appealbridge", "run", "--config", str(config))
    lines = [line for line in output.splitlines() if not line.startswith(("<6>{", "<4>{"))]
    assert lines[0].startswith(begin.format(config))
    assert all(line.startswith("<3>") for line in lines)
