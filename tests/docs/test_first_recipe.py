"""Whoever does what the page for newcomers says sees what it says."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from tests.docs.pages import ROOT, blocks

PAGE = [block for block in blocks() if block.page.name == "first-recipe.md"]
COMMANDS = [block.text for block in PAGE if block.language == "sh"]
FILES = {block.rest: block.text for block in PAGE if block.word == "first"}


def free_ports(count):
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return ports


def story(folder):
    """The page as one script, on free ports, that waits where a person would read."""
    platforms, daemon = free_ports(2)
    _, three_files, is_it_right, start, desk, officer, end = COMMANDS
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.replace("8090", str(platforms)))
    with (folder / "appealbridge.yaml").open("a") as settings:
        settings.write(f"listen: 127.0.0.1:{daemon}\n")
    options = f"--listen 127.0.0.1:{platforms} --smtp 127.0.0.1:0"
    return "\n".join(
        [
            "set -e",
            three_files,
            is_it_right,
            start.replace("appealbridge sandbox", f"appealbridge sandbox {options}"),
            f"until curl -sf http://127.0.0.1:{daemon}/readyz; do sleep 0.1; done",
            f"until curl -sf http://127.0.0.1:{platforms}/posts; do sleep 0.1; done",
            desk.replace("8080", str(daemon)),
            officer,
            f"until curl -s http://127.0.0.1:{platforms}/posts | grep 'Please use'; do sleep 0.1; done",
            "appealbridge trace 1",
            "set -m",
            end.replace("%1 %2", "$(jobs -p)"),
            "wait",
        ]
    )


async def test_the_page_for_newcomers_leads_to_a_post(tmp_path):
    folder = tmp_path / "first"
    folder.mkdir()
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", story(folder)),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(60):
            told = (await process.communicate())[0].decode()
    finally:
        with suppress(ProcessLookupError):  # what a failure left behind
            os.killpg(process.pid, signal.SIGKILL)
    for words in (
        "1 recipe fine, 0 errors, 1 note",
        "1 test, 1 passed, 0 failed",
        "is closed. Please use another route.",
        '{"event":',
        "held",
        "no. 1  tweet on force_x: delivered",
    ):
        assert words in told, told
