"""Whoever does what the page for newcomers says sees what it says."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.docs.pages import blocks
from tests.stories.processes import until

PAGE = [block for block in blocks() if block.page.name == "first-recipe.md"]
FILES = {block.rest: block.text for block in PAGE if block.word == "first" and "." in block.rest}
SECOND = [block.text for block in PAGE if block.rest == "second terminal"]
TO_THE_PATH, THREE_FILES, CHECK, START, STOP = (
    block.text for block in PAGE if block.language == "sh" and block.rest != "second terminal"
)


def free_ports(count):
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in taken]
    for each in taken:
        each.close()
    return ports


class Terminal:
    """A shell in the repository's folder, to which commands are typed."""

    def __init__(self, process):
        self._process = process

    def types(self, *commands):
        self._process.stdin.write("\n".join([*commands, ""]).encode())

    async def ends(self):
        """Return everything that it showed."""
        async with asyncio.timeout(60):
            self._process.stdin.write_eof()
            return (await self._process.stdout.read()).decode()


@asynccontextmanager
async def terminal(tmp_path):
    """Open a terminal on a machine that has nothing but what the page asks for."""
    process = await asyncio.create_subprocess_exec(
        "/bin/bash",
        cwd=repository(tmp_path),
        env={"HOME": str(tmp_path), "PATH": str(programs(tmp_path)), "LC_ALL": "C.UTF-8"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    running = Terminal(process)
    running.types("set -e")  # to stop at the first mistake
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):  # what a failure left behind
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await process.stdout.read()


def repository(tmp_path):
    """Return a folder with the .venv that the page adds to the path."""
    folder = tmp_path / "repository"
    folder.mkdir(exist_ok=True)
    if not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    return folder


def programs(tmp_path):
    """Return a folder with the few programs of a fresh machine: no curl, no openssl."""
    folder = tmp_path / "programs"
    folder.mkdir(exist_ok=True)
    for name in ("mkdir", "chmod", "cat"):
        if not (folder / name).exists():
            (folder / name).symlink_to(f"/bin/{name}")
    return folder


def written(folder, platforms, daemon):
    """Write the page's files, on free ports."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.replace("8090", str(platforms)))
    with (folder / "appealbridge.yaml").open("a") as settings:
        settings.write(f"listen: 127.0.0.1:{daemon}\napprovals: {{ undo: 1s }}\n")


async def says(file, message):
    async def printed():
        return file.exists() and message in file.read_text()

    await until(printed, f"{file.name} says {message}")


async def started(folder, *, again=""):
    await says(folder / f"sandbox{again}.log", "practice platforms on")
    await says(folder / f"daemon{again}.log", '"event":"ready"')


async def posted(tmp_path, folder):
    """Return what a second terminal shows, in which a person does what the page says."""
    to_the_folder, sends, officer, traces = SECOND
    async with terminal(tmp_path) as second:
        second.types(to_the_folder, sends, officer.rstrip(), "y")
        await says(folder / "posts", "Please use another route.")
        second.types(traces)
        return await second.ends()


async def test_the_page_for_newcomers_leads_to_a_post_in_a_second_terminal_that_is_kept(tmp_path):
    folder = tmp_path / "first"
    folder.mkdir()
    ports = free_ports(2)
    written(folder, *ports)
    options = f"--listen 127.0.0.1:{ports[0]} --smtp 127.0.0.1:0"
    start = START.replace("appealbridge sandbox", f"appealbridge sandbox {options}")
    async with terminal(tmp_path) as first:
        first.types(TO_THE_PATH, THREE_FILES, CHECK, start)
        await started(folder)
        second = await posted(tmp_path, folder)
        first.types(STOP, "wait")
        output = await first.ends()
    async with terminal(tmp_path) as again:
        again.types(SECOND[0], start.replace(".log", "-2.log"))
        await started(folder, again="-2")
        again.types("appealbridge deliveries", STOP, "wait")
        stored = await again.ends()
    for phrase in (
        "1 recipe fine, 0 errors, 1 note, practice",
        "1 test, 1 passed, 0 failed",
        "is closed. Please use another route.",
    ):
        assert phrase in output, output
    for phrase in (
        "type      road.closed",
        "wanted by road-closed",
        "accepted (202)",
        "held (approval)",
        "Approve this? [y/N]: 1 tweet on force_x: approved",
        "no. 1  tweet on force_x: delivered",
        "practice: nothing here is public",
    ):
        assert phrase in second, second
    assert "1    delivered" in stored, stored
    assert (folder / "posts").read_text().count("Please use another route.") == 1
