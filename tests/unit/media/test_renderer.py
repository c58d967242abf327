"""Pictures are decoded in a process of their own, and what they do to it harms nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appealbridge.media import ImageLimits, ImageRefused, RendererUnavailable, renderer
from appealbridge.media.renderer import Renderer
from appealbridge.media.rendering import render
from appealbridge.media.values import JPEG, PNG
from appealbridge.testing.server import PATIENCE
from tests import pictures

LIMITS = ImageLimits({JPEG, PNG}, 1_000_000, max_width=400)
PICTURE = pictures.jpeg(exif=pictures.exif(6))


@pytest.fixture
async def apart():
    renderer = Renderer()
    yield renderer
    renderer.close()


def process_of(result):
    return result._worker._running.process


async def test_a_rendition_is_the_one_that_is_made_here(apart):
    assert await apart.render(PICTURE, LIMITS) == render(PICTURE, LIMITS)


async def test_a_refusal_says_the_same_as_here(apart):
    with pytest.raises(ImageRefused) as there:
        await apart.render(pictures.HEIC, LIMITS)
    with pytest.raises(ImageRefused) as here:
        render(pictures.HEIC, LIMITS)
    assert (there.value.reason, there.value.cure) == (here.value.reason, here.value.cure)


async def test_there_is_no_process_before_there_is_a_picture_and_one_for_many(apart):
    assert apart._worker._running is None
    await asyncio.gather(*(apart.render(PICTURE, LIMITS) for _ in range(3)))
    first = process_of(apart).pid
    await apart.render(PICTURE, LIMITS)
    assert process_of(apart).pid == first


async def test_a_process_that_ended_because_it_was_idle_is_followed_by_another(apart):
    await apart.render(PICTURE, LIMITS)
    idle = apart._worker._running
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, idle.requests.fileno())  # nobody asks any more, so it ends
    os.close(nowhere)
    assert idle.process.wait() == 0
    assert (await apart.render(PICTURE, LIMITS)).width == 400


async def test_a_picture_that_ends_the_process_once_gets_another_chance(apart):
    await apart.render(PICTURE, LIMITS)
    first = process_of(apart)
    os.kill(first.pid, signal.SIGKILL)
    assert (await apart.render(PICTURE, LIMITS)).width == 400
    assert process_of(apart).pid != first.pid


async def test_a_picture_that_ends_the_process_twice_is_refused_and_the_next_is_read(
    apart, monkeypatch
):
    monkeypatch.setattr(apart._worker, "patience", 0.0)
    started = []
    start = apart._worker._started
    monkeypatch.setattr(apart._worker, "_started", lambda: started.append(1) or start())
    with pytest.raises(ImageRefused, match="longer or more memory") as refused:
        await apart.render(PICTURE, LIMITS)
    assert "save it again" in refused.value.cure
    assert len(started) == 2
    monkeypatch.undo()
    assert (await apart.render(PICTURE, LIMITS)).width == 400


async def test_the_event_loop_goes_on_while_a_picture_is_read(apart):
    await apart.render(PICTURE, LIMITS)
    process = process_of(apart)
    os.kill(process.pid, signal.SIGSTOP)  # reads for as long as this test wants
    reading = asyncio.create_task(apart.render(PICTURE, LIMITS))
    for _ in range(1000):
        await asyncio.sleep(0)
    assert not reading.done()
    os.kill(process.pid, signal.SIGCONT)
    async with asyncio.timeout(PATIENCE):
        assert (await reading).width == 400


async def test_the_process_has_little_memory_and_gives_way_to_the_daemon(apart):
    await apart.render(PICTURE, LIMITS)
    process = Path(f"/proc/{process_of(apart).pid}")
    limits = (process / "limits").read_text()
    assert f"{renderer.MEMORY} " in next(
        line for line in limits.splitlines() if line.startswith("Max address space")
    )
    assert (
        next(line for line in limits.splitlines() if line.startswith("Max file size")).split()[3]
        == "0"
    )
    assert (process / "oom_score_adj").read_text().strip() == "1000"


async def test_it_gets_no_secret_and_no_open_file_of_the_daemon(apart, monkeypatch, tmp_path):
    monkeypatch.setenv("APPEALBRIDGE_SECRET_X", "s3cret")
    with (tmp_path / "store.db").open("wb") as ours:
        os.set_inheritable(ours.fileno(), True)
        await apart.render(PICTURE, LIMITS)
        process = Path(f"/proc/{process_of(apart).pid}")
        assert b"APPEALBRIDGE_SECRET_X" not in (process / "environ").read_bytes()
        opened = [str(each.readlink()) for each in (process / "fd").iterdir()]
    assert not [name for name in opened if name.startswith((str(tmp_path), "socket:"))], opened


async def test_a_picture_that_takes_too_much_memory_is_refused(apart, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.setattr(apart._worker, "_module", "tests.less_memory")
    with pytest.raises(ImageRefused, match="more memory"):
        await apart.render(pictures.png(pictures.drawn(9000, 5000)), LIMITS)
    assert (await apart.render(PICTURE, LIMITS)).width == 400


async def test_an_answer_that_this_process_never_gives_is_not_believed(apart):
    """A picture may have taken over the process."""
    await apart.render(PICTURE, LIMITS)
    for lie in (
        b'{"media_type": "text/html", "width": 1, "height": 1}',
        b'{"media_type": "image/jpeg", "width": "x", "height": 1}',
        b"[]",
        b"no JSON",
    ):
        spoken, answers = os.pipe()
        for part in (lie, b"<script>"):
            os.write(answers, len(part).to_bytes(8, "big") + part)
        os.close(answers)
        os.dup2(spoken, apart._worker._running.answers.fileno())
        os.close(spoken)
        assert (await apart.render(PICTURE, LIMITS)).media_type == JPEG  # by another process


async def test_what_is_under_way_when_the_program_stops_is_not_the_pictures_fault(apart):
    await apart.render(PICTURE, LIMITS)
    os.kill(process_of(apart).pid, signal.SIGSTOP)
    reading = asyncio.create_task(apart.render(PICTURE, LIMITS))
    await asyncio.sleep(0)
    apart.close()
    with pytest.raises(RendererUnavailable, match="stopping"):
        await reading
    with pytest.raises(RendererUnavailable, match="stopping"):
        await apart.render(PICTURE, LIMITS)


async def test_no_process_can_be_started_is_not_the_pictures_fault(apart, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(RendererUnavailable, match="no process to read the picture in"):
        await apart.render(PICTURE, LIMITS)


WITHOUT = """
import sys, asyncio
sys.modules["PIL"] = None
from appealbridge import media
from appealbridge.media.library import missing_library
from appealbridge.media.renderer import Renderer
print(missing_library())
try:
    asyncio.run(Renderer().render(b"", media.ImageLimits({"image/jpeg"}, 1)))
except media.RendererUnavailable as error:
    print(error)
"""


def test_without_pillow_importing_works_and_says_how_to_install_it():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True, timeout=60
    )
    line = "Pillow is not installed; install it with: pip install 'appealbridge[media]'"
    assert done.stdout.splitlines() == [line, line]


def test_the_daemon_does_not_load_pillow():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, appealbridge.media; print('PIL' in sys.modules)"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "False\n"
