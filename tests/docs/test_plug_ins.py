"""Whoever does what the page for plug-ins' authors says has a channel at the end, and the page names what there is."""

import asyncio
import os
import signal
from contextlib import suppress

import pytest

from appealbridge.model.errors import DeliveryError
from appealbridge.plugin import Channel
from appealbridge.plugin.registry import API_VERSION, GROUP
from tests.docs.pages import FENCE, blocks, text_of
from tests.docs.test_first_recipe import free_ports
from tests.docs.test_words import unsaid
from tests.plugging import Environment

PAGE = [block for block in blocks() if block.page.name == "plug-ins.md"]
COMMANDS = {block.rest: block.text for block in PAGE if block.word == "author"}
FILES = {block.rest: block.text for block in PAGE if block.word == "plugin"}


def played(folder):
    """The page as one script, on free ports, that waits where a person would read."""
    platforms, daemon = free_ports(2)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.replace("8090", str(platforms)))
    with (folder / "appealbridge.yaml").open("a") as settings:
        settings.write(f"listen: 127.0.0.1:{daemon}\n")
    options = f"--listen 127.0.0.1:{platforms} --smtp 127.0.0.1:0"
    posts = f"curl -s http://127.0.0.1:{platforms}/posts"
    return "\n".join(
        [
            "set -e",
            COMMANDS["test"],
            COMMANDS["try"],
            COMMANDS["start"].replace("appealbridge sandbox", f"appealbridge sandbox {options}"),
            f"until {posts}; do sleep 0.1; done",
            f"until curl -sf http://127.0.0.1:{daemon}/readyz; do sleep 0.1; done",
            COMMANDS["fault"].replace("8090", str(platforms)),
            COMMANDS["appeal"],
            f"until {posts} | grep plug_in; do sleep 0.1; done",
            "until appealbridge deliveries | grep delivered; do sleep 0.1; done",
            "appealbridge trace 1",
            "set -m",
            "kill $(jobs -p)",
            "wait",
        ]
    )


@pytest.mark.timeout(180)
async def test_the_page_leads_from_an_empty_folder_to_a_published_message(tmp_path):
    environment = Environment(tmp_path / "venv")
    folder = tmp_path / "author"
    folder.mkdir()
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", played(folder)),
        cwd=folder,
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "PATH": f"{environment.bin}:{os.environ['PATH']}",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(120):
            output = (await process.communicate())[0].decode()
    finally:
        with suppress(ProcessLookupError):  # what a failure left behind
            os.killpg(process.pid, signal.SIGKILL)
    for phrase in (
        "1 recipe fine, 0 errors, 0 notes",
        "1 test, 1 passed, 0 failed",
        "37 of 31000 bytes",
        "New appeal: Witnesses sought: collision on Moseley Road",
        '"plug_in":"google_chat"',
        "no. 1  google_chat on newsroom: delivered",
    ):
        assert phrase in output, output


def test_the_page_names_our_version_of_the_interface():
    assert GROUP in FILES["chat/pyproject.toml"]
    assert f"appealbridge.plugins.v{API_VERSION}" in text_of("plug-ins.md")


def test_the_page_names_every_method_and_every_error_of_a_channel():
    methods = {
        name
        for name, value in vars(Channel).items()
        if callable(value) and not name.startswith("_")
    }
    errors = {error.__name__ for error in DeliveryError.__subclasses__()}
    text = FENCE.sub("", text_of("plug-ins.md"))
    assert unsaid(methods - {"practice_credentials"} | errors | {"LoginExpired"}, text) == []
