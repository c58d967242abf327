"""Whatever lies in a folder of appeals: appeals that can be kept, and a note about everything else."""

import os
import random
import time
import tracemalloc

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.plugin.channel import Tools
from appealbridge.triggers.appeal.trigger import AppealSource, AppealTrigger
from tests.properties.strategies import TEXTS, drawn

NOW = 1_795_000_000.0
NAMES = st.sampled_from(
    ["a.yaml", "b.yml", "c.md", "D.YAML", ".hidden.yaml", "~e.yaml", "f.txt", "ü.yaml", "g h.md", "\udcff.yaml"]
)  # fmt: skip
KEYS = st.sampled_from(
    ["reference", "title", "kind", "status", "text", "images", "links", "url", "area", "deadline", "x", "<<"]
)  # fmt: skip
VALUES = TEXTS | st.sampled_from(
    ["open", "[a, b]", "{ url: x }", "[{ url: https://a.example/b.jpg, alt: c }]", "null", "2026-12-01", "&a x",
     "*a", "!secret x", "!include /etc/passwd", "|", "> folded", "'", "!!python/object:os.system x"]
)  # fmt: skip
FIELDS = st.lists(st.tuples(KEYS, VALUES), max_size=6).map(
    lambda values: "".join(f"{name}: {value}\n" for name, value in values)
)
CONTENTS = st.one_of(
    FIELDS.map(str.encode),
    FIELDS.map(
        lambda head: f"---\nreference: A1\ntitle: b\n{head}---\nLast seen\n\n- here".encode()
    ),
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"",
            b"\0" * 100,
            b"\xff\xfe",
            b"%YAML 9.9\n---\n",
            b"- " * 3000,
            b"[" * 3000,
            b"a: " * 500,
        ]
    ),
)


def look(folder):
    # Always as if for the first time, since files that are just being written wait for the next look.
    poll = AppealTrigger().poll(AppealSource(folder=folder), {}, Tools(None, NOW, random.Random(0)))
    try:
        while True:
            poll.send(None)
    except StopIteration as done:
        return done.value


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Read in this thread: what is asked for is what is read, not where."""

    async def at_once(function, *args, **kwargs):
        return function(*args, **kwargs)

    async def in_folder(_, function, *args, **kwargs):
        return function(*args, **kwargs)

    monkeypatch.setattr("appealbridge.triggers.appeal.trigger.in_thread", at_once)
    monkeypatch.setattr("appealbridge.triggers.appeal.trigger.in_folder", in_folder)


def is_kept(result):
    """Whether the engine can store its items and say its notes."""
    for item in result.items:
        orjson.dumps(item.data)
        assert 0 < len(item.identity) <= 300
    return all(phrase.encode() and len(phrase) < 2000 for phrase in result.problems.values())


@given(st.dictionaries(NAMES, CONTENTS, max_size=4))
@drawn(200)
def test_any_files_are_appeals_or_notes(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("appeals")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    assert is_kept(look(folder))


ALIASES = b"a0: &a0 [x, x]\n" + b"".join(
    b"a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n" % (n, n, *[n - 1] * 4) for n in range(1, 30)
)
LARGE = {
    "aliases of aliases": ALIASES,
    "a long text": b"reference: A1\ntitle: b\ntext: " + b"x" * 1_000_000,
    "a long reference": b"title: b\nreference: " + b"x" * 1_000_000,
    "many keys": b"".join(b"k%d: 1\n" % n for n in range(20_000)),
    "a long list": b"reference: A1\ntitle: b\nlinks: [" + b"a, " * 30_000 + b"a]",
    "deep": b"a: " + b"[" * 100_000,
    "indented": b"\n".join(b" " * n + b"a:" for n in range(1000)),
    "Markdown": b"---\nreference: A1\ntitle: b\n---\n" + b"*" * 1_000_000,
    "an endless head": b"---\n" + b"a\n" * 400_000,
    "too long": b"x" * 1_100_000,
}


@pytest.mark.parametrize("name", ["a.yaml", "a.md"])
@pytest.mark.parametrize("content", LARGE.values(), ids=LARGE)
def test_the_largest_file_costs_little(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    tracemalloc.start()
    begin = time.process_time()
    poll = look(tmp_path)
    spent, (_, peak) = time.process_time() - begin, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert is_kept(poll)
    assert spent < 15.0
    assert peak < 150 * 1024 * 1024


def test_what_is_no_file_of_the_folder_is_never_opened(tmp_path):
    folder, outside = tmp_path / "appeals", tmp_path / "outside.yaml"
    folder.mkdir()
    outside.write_text("reference: A1\ntitle: from elsewhere\n")
    (folder / "link.yaml").symlink_to(outside)
    (folder / "nowhere.yaml").symlink_to(tmp_path / "nowhere")
    (folder / "self.yaml").symlink_to(folder)
    (folder / "folder.yaml").mkdir()
    os.mkfifo(folder / "pipe.yaml")  # to open it would wait for ever
    with (folder / "huge.yaml").open("wb") as huge:
        huge.truncate(2**40)
    poll = look(folder)
    assert not poll.items
    assert len(poll.problems) == 4
