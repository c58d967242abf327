"""Appeals as people leave them in a folder, and everything else that lies there."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appealbridge.triggers.appeal import files as appeal_files
from appealbridge.triggers.appeal.files import SIZE_LIMIT, paragraphs, read_appeals, unwrapped

NOW = 1_790_000_000.0
GOOD = "reference: WMP-1\ntitle: Missing\n"


@pytest.fixture
def put(tmp_path):
    def write(name, content, changed=NOW - 60):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (changed, changed))

    return write


@pytest.fixture
def look(tmp_path):
    def read(*, first=True, now=NOW):
        files, problems = read_appeals(tmp_path, now, first=first)
        return [file.appeal for file in files], list(problems.values())

    return read


def test_markdown_has_its_head_between_two_lines_and_its_text_below(put, look):
    put("a.md", f"---\n{GOOD}---\n\nLast seen in Digbeth.\nCall 101 <now>.\n\nThank you.\n")
    [[appeal], notes] = look()
    assert notes == []
    assert appeal.text == "Last seen in Digbeth. Call 101 <now>.\n\nThank you."
    assert appeal.body_html == (
        "<p>Last seen in Digbeth. Call 101 &lt;now&gt;.</p>\n<p>Thank you.</p>"
    )


def test_what_the_head_says_of_the_text_goes_before_what_stands_below(put, look):
    put("a.md", f"---\n{GOOD}text: Short.\n---\nLong.\n")
    [[appeal], _] = look()
    assert (appeal.text, appeal.body_html) == ("Short.", "<p>Long.</p>")


def test_markdown_may_come_from_windows_and_without_a_body(put, look):
    put("a.md", "\ufeff---\r\nreference: WMP-1\r\ntitle: Missing\r\n---\r\n")
    [[appeal], _] = look()
    assert (appeal.title, appeal.text, appeal.body_html) == ("Missing", None, None)


def test_those_changed_last_come_first(put, look):
    put("a.yaml", "reference: old\ntitle: x\n", NOW - 90)
    put("b.yml", "reference: new\ntitle: x\n", NOW - 10)
    put("C.YAML", "reference: middle\ntitle: x\n", NOW - 50)
    assert [appeal.reference for appeal in look()[0]] == ["new", "middle", "old"]


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("a.yaml", "reference: x\ntitel: y\n", 'a.yaml:1:1: "title" is missing'),
        ("a.yaml", "reference: true\ntitle: y\n", "a.yaml:1:12: reference: must be text; put it in quotes"),
        ("a.yaml", "reference: x\nreference: y\n", 'a.yaml:2:1: reference: "reference" is given twice'),
        ("a.yaml", "reference: x\ntitle: y\nstatus: shut\n", "a.yaml:3:9: status: unknown value"),
        ("a.yaml", "title: [", "a.yaml:1:"),
        ("a.yaml", "- a\n", "a.yaml:1:"),
        ("a.yaml", b"title: \xff", "a.yaml:1:8: this character is not UTF-8; save the file as UTF-8"),
        ("a.md", "# Missing\n", "a.md:1:1: has no head; begin with ---"),
        ("a.md", "---\nreference: x\ntitle: [\n---\n", "a.md:3:"),
        ("a.md", "---\nreference: x\n---\n\ntext\n", 'a.md:2:1: "title" is missing'),
        ("a.md", b"---\na: b\n\xff", "a.md:3:1: is not UTF-8"),
    ],
)  # fmt: skip
def test_a_bad_file_is_named_with_line_and_cure_and_stops_no_other(put, look, name, content, note):
    put(name, content)
    put("good.yaml", "reference: good\ntitle: y\n")
    appeals, notes = look()
    assert [appeal.reference for appeal in appeals] == ["good"]
    assert len(notes) == 1
    assert notes[0].startswith(note)


@pytest.mark.parametrize(
    "name",
    [".a.yaml", "~a.yaml", "#a.yaml", "_a.yaml", "a.yaml~", "a.yaml.swp", "a.yaml.tmp", "README.txt",
     "a.json", "a", ".a.yaml.swp", "#a.yaml#", "4913"],
)  # fmt: skip
def test_what_editors_leave_behind_is_not_looked_at(put, look, name):
    put(name, "not: [an appeal")
    assert look() == ([], [])


def test_a_folder_in_the_folder_is_not_looked_into(tmp_path, look):
    (tmp_path / "sub.yaml").mkdir()
    (tmp_path / "sub.yaml" / "a.yaml").write_text(GOOD)
    assert look() == ([], [])


def test_no_link_leads_out_of_the_folder(tmp_path, look):
    (tmp_path / "passwd.yaml").symlink_to("/etc/passwd")
    assert look() == ([], ["passwd.yaml: is a link; put the file itself into the folder"])


def test_nothing_that_would_block_is_opened(tmp_path, look):
    os.mkfifo(tmp_path / "pipe.yaml")
    assert look() == ([], [])


def test_a_file_too_long_for_an_appeal_is_not_read(put, look):
    put("a.yaml", GOOD + "#" * SIZE_LIMIT)
    assert look() == ([], ["a.yaml: longer than 256 KiB; shorten it"])


def test_of_two_files_for_one_appeal_none_silently_wins(put, look):
    put("a.yaml", GOOD)
    put("b.yaml", GOOD)
    put("c.yaml", "reference: WMP-2\ntitle: Another\n")
    appeals, notes = look()
    assert [appeal.reference for appeal in appeals] == ["WMP-2"]
    assert notes == [
        "a.yaml, b.yaml: all have the reference WMP-1, so none is read; keep one, or fix a reference"
    ]


def test_what_a_person_saved_with_another_ending_is_told(put, look):
    for name in ("zoe.txt", "una.docx", "tom.yaml.txt", "readme.txt"):
        put(name, GOOD)
    appeals, problems = look()
    assert appeals == []
    assert problems == [
        f"{name}: is ignored; the name of an appeal's file must end in .md, .yaml or .yml"
        for name in ("tom.yaml.txt", "una.docx", "zoe.txt")
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("%YAML 1.3\n---\nreference: x\ntitle: y\n", "bad.yaml:"),
        ("%YAML 9.9\n---\n", "bad.yaml:"),
        ("%FOO\n", "bad.yaml:"),
        ("? [a]\n: b\n", "bad.yaml:"),
        ("reference: x\ntitle: y\nimages: [{ url: x, size: 1 }]\n", "bad.yaml:3:"),
        ("reference: x\ntitle: y\nEmbargo: 10:00\nembargo: 11:00\n", "bad.yaml:3:1"),
        ("reference: x\ntitle: y\nembargo:\n", "bad.yaml:3:1: embargo: is empty; write a date and time"),
        ("reference: x\ntitle: y\nembargo_until: 10:00\n", "bad.yaml:3:1: embargo_until: nothing waits for"),
        ('reference: " "\ntitle: y\n', "bad.yaml:1:12"),
        ("Missing: Tom, 7\nplease share\n", "bad.yaml:"),
        ("reference: x\ntitle: Missing: Tom, 7\n", "bad.yaml:2:"),
    ],
)  # fmt: skip
def test_whatever_one_file_does_it_is_told_and_hides_no_other(put, look, content, message):
    put("bad.yaml", content)
    put("good.yaml", "reference: good\ntitle: y\n")
    appeals, problems = look()
    assert [appeal.reference for appeal in appeals] == ["good"]
    assert len(problems) == 1
    assert problems[0].startswith(message)


def test_an_error_that_nobody_thought_of_concerns_one_file_alone(put, look, monkeypatch):
    read = appeal_files.read

    def breaks(content, name):
        if name == "bad.yaml":
            raise RecursionError("too deep")
        return read(content, name)

    monkeypatch.setattr(appeal_files, "read", breaks)
    put("bad.yaml", GOOD)
    put("good.yaml", "reference: good\ntitle: y\n")
    appeals, problems = look()
    assert [appeal.reference for appeal in appeals] == ["good"]
    (problem,) = problems
    assert problem.startswith("bad.yaml:1:1: cannot be read: RecursionError: too deep")
    assert "please report it" in problem


def test_a_file_that_may_not_be_read_is_told(tmp_path, put, look, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(appeal_files, "_content", refused)
    put("a.yaml", GOOD)
    assert look() == ([], ["a.yaml: cannot be read: Permission denied"])


def test_a_problem_goes_by_a_name_of_its_own_until_the_file_is_changed(tmp_path, put):
    def names():
        return set(read_appeals(tmp_path, NOW, first=True)[1])

    put("a.yaml", "titel: x\n")
    first = names()
    put("a.yaml", "titel: x\n", NOW - 30)
    assert names() == first
    put("a.yaml", "titel: y\n")
    assert not names() & first
    put("b.yaml", "titel: x\n")
    assert len(names()) == 2


def test_a_name_that_no_screen_should_see_is_told_without_it(tmp_path, look):
    (tmp_path / "a\x1b[2J\udcff.yaml").symlink_to("/etc/passwd")
    [text] = look()[1]
    assert text.isprintable()
    assert text.encode()


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("embargo: 10.00", "embargo", "10.00"),
        ("embargo: 10", "embargo", "10"),
        ("embargo: 20261127", "embargo", "20261127"),
        ("embargo: 27/11/2026 10:00", "embargo", "27/11/2026 10:00"),
        ("embargo: 2026-11-27T10:00", "embargo", "2026-11-27T10:00"),
        ("Embargo: 10.00", "embargo", "10.00"),
        ("EMBARGO: '10:00'", "embargo", "10:00"),
        ("deadline: 20261201", "deadline", "20261201"),
        ("Status: Closed", "status", "closed"),
        ("telephone: 01214960000", "telephone", "01214960000"),
        ("height_cm: 170", "height_cm", 170),
        ("reward: 5000.50", "reward", "5000.50"),
        ("Postcode: B13 8AA", "Postcode", "B13 8AA"),
        ("area: |\n  Digbeth,\n  Birmingham\n", "area", "Digbeth, Birmingham"),
    ],
)
def test_a_field_says_what_is_written(put, look, line, name, value):
    put("a.yaml", f"{GOOD}{line}\n")
    [[appeal], problems] = look()
    assert problems == []
    assert appeal.model_dump(mode="json")[name] == value


def test_a_reference_that_looks_like_a_number_is_kept_as_it_is_written(put, look):
    put("a.yaml", "reference: 0412\ntitle: Missing\n")
    assert look()[0][0].reference == "0412"


def test_a_title_has_no_line_end_and_no_control_character(put, look):
    put("a.yaml", 'reference: "A 1\\n"\ntitle: "Missing:\\n  Aisha\\a"\n')
    [appeal] = look()[0]
    assert (appeal.reference, appeal.title) == ("A 1", "Missing: Aisha")


def test_a_file_just_being_written_is_left_for_the_next_look(put, look):
    put("a.yaml", GOOD, NOW - 0.5)
    assert look(first=False) == ([], [])
    assert len(look(first=False, now=NOW + 1)[0]) == 1


def test_the_first_look_learns_of_every_file(put, look):
    """Else what was written just before the start would seem new at the second look."""
    put("a.yaml", GOOD, NOW - 0.5)
    assert len(look(first=True)[0]) == 1


def test_plain_text_becomes_paragraphs_in_which_nothing_is_markup():
    assert (
        paragraphs('<b>"x"</b> & y\n \n\t\n\nz')
        == '<p>&lt;b&gt;"x"&lt;/b&gt; &amp; y</p>\n<p>z</p>'
    )


@given(
    content=st.binary(max_size=60) | st.text(max_size=60).map(lambda t: f"---\n{t}\n---\n".encode())
)
@settings(max_examples=150, deadline=None)
@pytest.mark.parametrize("name", ["a.yaml", "a.md"])
def test_no_content_of_a_file_is_worse_than_a_note(tmp_path_factory, name, content):
    folder = tmp_path_factory.getbasetemp() / "one"
    folder.mkdir(exist_ok=True)
    for other in folder.iterdir():
        other.unlink()
    (folder / name).write_bytes(content)
    appeals, notes = read_appeals(folder, NOW, first=True)
    assert len(appeals) == 1 or notes


def test_running_text_has_one_line_a_paragraph():
    text = "A cyclist was\nhurt.\r\nThe van\n\nhard  \nbreak\\\nagain\n\n- one\n- two\n  more\n\n# Head\ntext"
    assert unwrapped(text) == (
        "A cyclist was hurt. The van\n\nhard\nbreak\nagain\n\n- one\n- two more\n\n# Head\ntext"
    )


def test_a_file_that_became_a_link_after_it_was_listed_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("reference: A1\ntitle: from elsewhere\n")
    link = tmp_path / "link.yaml"
    link.symlink_to(outside)
    with pytest.raises(OSError, match="symbolic links"):
        appeal_files._content(link)
