"""The demo as a newcomer starts it: a process that shows, and leaves nothing behind."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from appealbridge.demo.script import PUBLISHED

PATIENCE = 90.0


@asynccontextmanager
async def demo(folder, *options):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "appealbridge", "demo", *options),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_said(process, message):
    while message not in (line := (await process.stdout.readline()).decode()):
        assert line, f"the demo ended without saying {message}"


async def test_the_demo_publishes_corrects_and_takes_down_and_ends_well(tmp_path):
    async with demo(tmp_path, "--once") as process:
        output = (await process.stdout.read()).decode()
        assert await process.wait() == 0
    published, rest = output.split("\n▸ the case system corrects")
    corrected, removed = rest.split("\n▸ the website closes the appeal")
    assert published.endswith(f"✓ all {PUBLISHED.total()} posts are published, each exactly once")
    # Two appeals on five platforms; a mail says in its text what its picture shows.
    assert published.count("[picture: A drawing of a girl with long dark hair") == 5
    assert published.count("[picture: A map of the junction of Moseley Road") == 5
    assert published.count("Picture 1: A ") == 4
    assert corrected.count("  the same post, edited\n") == 3
    assert corrected.count("  follows an earlier mail\n") == 2
    assert corrected.count("  replies to the earlier post\n") == 2
    assert corrected.count("was: Witnesses sought: silver van") == 3
    assert corrected.count("now: Witnesses sought: white van") == 3
    assert removed.count("  removed\n   Missing: Aisha") == 5
    assert removed.count("WITHDRAWN: appeal WMP-2026-0412") == 2
    removed, live = removed.split("\nA daemon as in real use, with people\n")
    _, listed = removed.split("appealbridge withdrawals lists:\n")
    assert listed.count("  removed\n") == 5
    assert listed.count("press_office    cannot be removed\n") == 2
    # One recipe is accepted before it is used; what the other one plans is held until it is.
    at_once, later = live.split("\n▸ the roads desk sends")
    assert at_once.index("accepts it") < at_once.index("   Amber warning")
    assert at_once.endswith("✓ published at once: Carol has accepted its recipe")
    held = "held: no admin has accepted recipe roads as it is now"
    assert (
        later.index(held) < later.index("accepts it") < later.index("   Pershore Road is flooded")
    )
    assert list(tmp_path.iterdir()) == []


async def test_a_demo_that_is_told_to_stop_takes_everything_along(tmp_path):
    async with demo(tmp_path) as process:
        await until_said(process, "daemon   http://")
        assert len(list(born_of(tmp_path))) >= 3
        process.send_signal(signal.SIGTERM)
        assert (await process.stdout.read()).decode().endswith("its files are removed\n")
        assert await process.wait() == 0
    assert list(tmp_path.iterdir()) == []
    assert list(born_of(tmp_path)) == []


def born_of(folder):
    """The processes that were given this folder for what is passing."""
    values = f"TMPDIR={folder}\0".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # another's, or gone
            if values in environment.read_bytes():
                yield environment.parent.name
