"""The signed request in the docs is made by the plainest shell that there is, as often as somebody tries it."""

import asyncio
import shutil

import pytest

from tests.docs.pages import blocks
from tests.stories import staging
from tests.stories.processes import daemon

NEEDS = ("openssl", "curl", "base64", "od")
ROADS = """\
  roads:
    mapping: { type: $.kind, subject: $.closure }
    secrets: [!secret hook_roads]
"""


def example():
    (block,) = (one for one in blocks() if one.language == "sh" and "webhook-signature" in one.text)
    return block.text


@pytest.mark.parametrize("shell", ["dash", "sh", "bash"])
async def test_the_example_in_the_docs_works_in_any_shell(tmp_path, shell):
    if missing := [name for name in (shell, *NEEDS) if shutil.which(name) is None]:
        pytest.skip(f"not on this machine: {', '.join(missing)}")
    stage = staging.build(tmp_path / "s", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {})
    settings = stage.config.read_text()
    stage.config.write_text(settings.replace("webhooks:\n", f"webhooks:\n{ROADS}", 1))
    shutil.copy(stage.folder / "secrets" / "hook_desk", stage.folder / "secrets" / "hook_roads")
    async with daemon(stage) as running:
        assert await running.ready()
        for number in range(2):
            text = example().replace("http://127.0.0.1:8080", running.url)
            told = await run(shell, text.replace("RC-77", f"RC-{number}"), stage.folder)
            assert "202 Accepted" in told, told


async def run(shell, text, folder):
    process = await asyncio.create_subprocess_exec(
        shell, "-c", text, cwd=folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    told, _ = await process.communicate()
    return told.decode()
