"""However a name in the settings is misspelt: one mistake, at its line, with the name that was meant."""

import re
from pathlib import Path

import pytest

from appealbridge.daemon.assembly import load_plugins, read_settings
from appealbridge.documents import InvalidDocuments

EVERY_OPTION = (Path(__file__).parents[2] / "data" / "every-option.yaml").read_text()
NAMES = {
    "alice", "officer_in_charge", "quiet_hours", "a_bluesky", "a_email", "a_facebook", "a_mastodon", "a_wordpress",
    "a_x", "s_appeal", "from_feed", "s_feed", "s_webhook", "mapped", "places",
}  # fmt: skip
"""Names of people, groups, accounts, sources and lists, which anybody may choose."""

NOT_THERE = {
    "practice", "ca_file", "uid", "allow_unsigned", "fields",
}  # fmt: skip
"""Options that change what others mean, or need a file that exists."""

SLIPS = {
    "two letters swapped": lambda name, at: (
        name[: at - 1] + name[at] + name[at - 1] + name[at + 1 :]
    ),
    "a letter twice": lambda name, at: name[:at] + name[at] + name[at:],
    "a letter left out": lambda name, at: name[:at] + name[at + 1 :],
    "another letter": lambda name, at: (
        name[:at] + ("y" if name[at] == "x" else "x") + name[at + 1 :]
    ),
    "the first two swapped": lambda name, at: name[1] + name[0] + name[2:],
    "one or many": lambda name, at: name[:-1] if name.endswith("s") else f"{name}s",
    "a dash for a line": lambda name, at: name.replace("_", "-"),
    "a capital": lambda name, at: name.capitalize(),
    "camels": lambda name, at: re.sub("_(.)", lambda match: match[1].upper(), name),
}
PLUG_INS = load_plugins()


def options():
    """Yield the number of the line, the path and the name of each option of the file."""
    above = []
    for number, line in enumerate(EVERY_OPTION.splitlines()):
        if match := re.match(r"( *)(\w+):", line):
            above = [each for each in above if each[0] < len(match[1])] + [
                (len(match[1]), match[2])
            ]
            yield number, tuple(name for _, name in above), match[2]


@pytest.fixture
def problems(tmp_path):
    """Return the problems of settings, as many as there are."""
    for folder in ("recipes", "templates", "media", "appeals"):
        (tmp_path / folder).mkdir()

    def read(text):
        file = tmp_path / "appealbridge.yaml"
        file.write_text(text)
        try:
            read_settings(file, PLUG_INS, offline=True)
        except InvalidDocuments as invalid:
            return [(each.line, each.cure) for each in invalid.problems]
        return []

    return read


def test_the_file_has_every_option(problems):
    """So that a new one is tried too."""
    assert problems(EVERY_OPTION) == []
    models = [
        *(channel.account for channel in PLUG_INS.channels.values()),
        *(trigger.source_options for trigger in PLUG_INS.triggers.values() if trigger.section),
    ]
    known = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert known - {name for _, _, name in options()} - NOT_THERE == set()


@pytest.mark.parametrize(
    "mode", ["", "\npractice: http://127.0.0.1:8090"], ids=["live", "practice"]
)
@pytest.mark.parametrize("slip", SLIPS)
def test_a_misspelt_name_is_one_mistake_and_gets_the_right_name(problems, slip, mode):
    lines = EVERY_OPTION.splitlines()
    wrong, tried = {}, set()
    mistakes = []
    for number, path, name in options():
        misspelt = SLIPS[slip](name, len(name) // 2) if len(name) > 2 else name
        if name in NAMES or misspelt == name or path[-2:] in tried:
            continue
        tried.add(path[-2:])
        mistakes.append((path, number, name, misspelt))
    for together in apart(mistakes):
        changed = lines.copy()
        for _, number, name, misspelt in together:
            changed[number] = lines[number].replace(name, misspelt, 1)
        reported = problems("\n".join(changed) + mode)
        if reported != [(number + 1, f'did you mean "{name}"?') for _, number, name, _ in together]:
            wrong[tuple((".".join(path), misspelt) for path, *_, misspelt in together)] = reported
    assert wrong == {}
    assert tried


def apart(mistakes):
    """Yield the mistakes in as few lists as possible, no two of one list in the same section or entry."""
    while mistakes:
        together, rest = {}, []
        for mistake in mistakes:
            place = mistake[0][:2]
            clash = any(place[: len(other)] == other[: len(place)] for other in together)
            if clash:
                rest.append(mistake)
            else:
                together[place] = mistake
        yield [*together.values()]
        mistakes = rest


@pytest.mark.parametrize(
    ("text", "line", "cure"),
    [
        ("quite_hours: { between: [1, 2] }", 1, 'write holds: { quiet_hours: { between: ["23:00", "06:30"] } }'),
        ("acounts: {}", 1, 'did you mean "channels"?'),
        ("approvals: { requires: 2 }", 1, "who approves stands in each recipe: approval: bob"),
        ("channels: { a: { platform: twiter } }", 1, 'did you mean "x"?'),
    ],
)  # fmt: skip
def test_a_misspelt_name_of_another_system_gets_the_same_cure_as_the_right_one(
    problems, text, line, cure
):
    assert problems(text) == [(line, cure)]


def test_an_empty_place_for_a_path_or_a_name_is_a_mistake(problems):
    for option in ("recipes", "templates", "media_folder"):
        assert problems(f'{option}: ""') == [(1, "write a path, or delete this line")]
    assert problems('audit: { checkpoints: " " }') == [(1, "write a path, or delete this line")]
    for option in ("user", "name"):
        cure = "write it after the colon, or delete this line"
        assert problems(f'people: {{ bob: {{ {option}: " " }} }}') == [(1, cure)]


def test_a_hold_without_times_is_a_mistake(problems):
    cure = 'write between: ["23:00", "06:30"]'
    for rule in ("{}", "{ except: [] }", "{ between: }"):
        assert problems(f"holds: {{ night: {rule} }}") == [(1, cure)]


def test_what_is_left_empty_of_a_person_is_noted(tmp_path):
    file = tmp_path / "appealbridge.yaml"
    file.write_text("people:\n  bob:\n    roles: []\n    user:\n    email:\n")
    notes = read_settings(file, PLUG_INS, offline=True).notes
    assert [(each.line, each.problem) for each in notes][:3] == [
        (3, "is empty, so this person has no role, and only gets notices"),
        (5, "is empty, so no notice can reach this person"),
        (4, "is empty, so this person is no user of this machine"),
    ]
