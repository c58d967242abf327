"""Members of a group use the running daemon from the command line; other users do not."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests import forking
from tests.stories import staging
from tests.stories.processes import daemon

EVENT = {"type": "incident", "subject": "M6", "text": "M6 closed"}
OPERATORS, SOMEBODY = 54_321, 54_322
HELD = staging.TWEET.replace("approval: none\n", "")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


@pytest.fixture
def run_folder():
    """A folder as systemd makes it for the daemon: its group may enter it."""
    folder = Path(tempfile.mkdtemp(prefix="bridge-", dir="/tmp"))
    os.chown(folder, 0, OPERATORS)
    folder.chmod(0o750 | 0o2000)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def etc():
    """A folder that every user may read, as /etc is; the tests' own are for their owner alone."""
    folder = Path(tempfile.mkdtemp(prefix="bridge-etc-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


AS_SOMEBODY = f"""
import grp, os, sys
import appealbridge.cli.operator, appealbridge.cli.failures, appealbridge.settings.load
from appealbridge.cli.main import main
os.setgroups([int(sys.argv.pop(1))])
os.setgid({SOMEBODY})
os.setuid({SOMEBODY})
main()
"""
"""The command line as another user; it is loaded before, because that user may not be able to read this Python."""


async def command(*arguments, group):
    """Run the command line as a user who may do nothing but what the group may."""
    process = await forking.start(
        *("-c", AS_SOMEBODY, str(group), *arguments),
        folder=Path("/"),
        stdout=forking.PIPE,
        stderr=forking.STDOUT,
    )
    return (await process.communicate())[0].decode(), process.returncode


@as_root
async def test_the_group_may_see_and_cancel_and_others_are_told_who_may(etc, run_folder):
    stage = staging.build(etc / "stage", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {"t": HELD})
    with stage.config.open("a") as settings:
        settings.write(f"control_socket: {run_folder}/control.sock\n")
    config = ("--config", str(stage.config))
    async with daemon(stage) as running:
        assert await running.ready()
        await running.receives("msg_1", EVENT)
        await running.has(1, "held")
        stage.store.parent.chmod(0o711)
        shown, status = await command("deliveries", "--json", *config, group=OPERATORS)
        assert (status, "M6 closed" in shown) == (0, True), shown
        shown, status = await command("cancel", "1", "--json", *config, group=OPERATORS)
        assert status == 0, shown
        await running.has(1, "cancelled")
        shown, status = await command("deliveries", "--json", *config, group=SOMEBODY)
        assert status == 1
        assert f"ask to become a member of the group {OPERATORS}" in shown
        assert "Traceback" not in shown
