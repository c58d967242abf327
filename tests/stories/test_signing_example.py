"""The senders in the docs are run as they stand, in every language that is on the machine, against a real daemon."""

import asyncio
import shutil
from contextlib import asynccontextmanager

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


def example(language):
    (block,) = (
        each for each in blocks() if each.language == language and "webhook-signature" in each.text
    )
    return block.text


@asynccontextmanager
async def bridge(tmp_path):
    stage = staging.build(tmp_path / "s", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {})
    settings = stage.config.read_text()
    stage.config.write_text(settings.replace("webhooks:\n", f"webhooks:\n{ROADS}", 1))
    shutil.copy(stage.folder / "secrets" / "hook_desk", stage.folder / "secrets" / "hook_roads")
    async with daemon(stage) as running:
        assert await running.ready()
        yield stage.folder, running


def needs(*programs):
    if missing := [name for name in programs if shutil.which(name) is None]:
        pytest.skip(f"not on this machine: {', '.join(missing)}")


@pytest.mark.parametrize("shell", ["dash", "sh", "bash"])
async def test_the_example_in_the_docs_works_in_any_shell(tmp_path, shell):
    needs(shell, *NEEDS)
    async with bridge(tmp_path) as (folder, running):
        for number in range(2):
            text = example("sh").replace("http://127.0.0.1:8080", running.url)
            output = await run(folder, shell, "-c", text.replace("RC-77", f"RC-{number}"))
            assert "202 Accepted" in output, output


@pytest.mark.parametrize(
    ("language", "program", "file"),
    [("python", "python3", "send.py"), ("javascript", "node", "send.mjs")],
)
async def test_the_example_in_the_docs_works_in_its_language(tmp_path, language, program, file):
    needs(program)
    async with bridge(tmp_path) as (folder, running):
        text = example(language).replace("http://127.0.0.1:8080", running.url)
        (folder / file).write_text(text)
        output = await run(folder, program, file)
        assert output.startswith('202 {"event":'), output
        await arrived(running)


async def test_the_example_in_the_docs_works_in_c_sharp(tmp_path):
    needs("dotnet")
    async with bridge(tmp_path) as (folder, running):
        project = folder / "Send"
        await run(folder, "dotnet", "new", "console", "--output", str(project))
        text = example("csharp").replace("http://127.0.0.1:8080", running.url)
        (project / "Program.cs").write_text(text)
        output = await run(folder, "dotnet", "run", "--project", str(project))
        assert '202 {"event":' in output, output
        await arrived(running)


async def arrived(running):
    _, (event,) = await running.ask("GET", "/api/v1/events")
    assert (event["type"], event["subject"]) == ("road.closed", "RC-77")
    assert event["data"]["road"] == "A38(M)"


async def run(folder, *command):
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return output.decode()
