"""Where a secret is found, and what is said where it is not."""

import pytest

from appealbridge.settings.secrets import NoSecret, SecretRef, Vault, variable_of


@pytest.fixture
def vault(tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "credentials").mkdir()

    def make(environ=None, credential=None, file=None, mode=0o600):
        if credential is not None:
            (tmp_path / "credentials" / "x-key").write_bytes(credential)
        if file is not None:
            (tmp_path / "secrets" / "x-key").write_bytes(file)
            (tmp_path / "secrets" / "x-key").chmod(mode)
        return Vault(
            tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"), **(environ or {})}
        )

    return make


ENVIRON = {"APPEALBRIDGE_SECRET_X_KEY": "from the environment"}


def test_a_systemd_credential_goes_before_a_file_and_a_file_before_the_environment(vault):
    assert vault(ENVIRON).get("x-key").value == "from the environment"
    assert vault(ENVIRON, file=b"from a file").get("x-key").value == "from a file"
    both = vault(ENVIRON, file=b"from a file", credential=b"from systemd")
    assert both.get("x-key").value == "from systemd"


def test_without_systemd_there_is_no_credential_to_look_for(tmp_path):
    assert Vault(tmp_path, {"APPEALBRIDGE_SECRET_A": "x"}).get("a").value == "x"


MARK = "\ufeff".encode()


@pytest.mark.parametrize(
    "content",
    [
        b"s3cret",
        b"s3cret\n",
        b"s3cret\r\n",
        b"s3cret\n\n",
        b"\r\n\r\ns3cret\n",
        MARK + b"s3cret\r\n",
    ],
)
def test_line_ends_and_a_byte_order_mark_are_no_part_of_it(vault, content):
    """Editors, `echo` and a paste leave them."""
    result = vault(file=content).get("x-key")
    assert (result.value, result.note) == ("s3cret", "")


@pytest.mark.parametrize(
    "content", [" s3cret", "s3cret \n", "s3cret\t", "\u00a0s3cret", "s3cret\u200b\n", "\0s3cret"]
)
def test_blanks_around_it_are_left_off_and_named_with_their_place(vault, content):
    result = vault(file=content.encode()).get("x-key")
    assert result.value == "s3cret"
    assert "file secrets/x-key has blanks around the secret" in result.note


def test_a_variable_and_a_credential_are_read_in_the_same_way(vault):
    spaced = {"APPEALBRIDGE_SECRET_X_KEY": " s3cret\n"}
    result = vault(spaced).get("x-key")
    assert (result.value, result.note[:25]) == ("s3cret", "APPEALBRIDGE_SECRET_X_KEY")
    result = vault(credential=MARK + b"s3cret \n").get("x-key")
    assert (result.value, result.note[:24]) == ("s3cret", "systemd credential x-key")


def test_blanks_inside_are_part_of_it(vault):
    assert vault(file=b"correct horse  battery\n").get("x-key").value == "correct horse  battery"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb", "a line end inside the secret"),
        (b"a\r\nb\n", "a line end inside"),
        ("a\u2028b".encode(), "a line end inside"),
        (b"a\0b", r"an invisible character \(U\+0000\)"),
        (b"a\x1bb", r"an invisible character \(U\+001B\)"),
        ("a\u200bb".encode(), r"an invisible character \(U\+200B\)"),
        ("a\ufeffb".encode(), r"an invisible character \(U\+FEFF\)"),
        ("s3cret".encode("utf-16-le"), r"an invisible character \(U\+0000\)"),
    ],
)
def test_what_no_secret_has_inside_is_refused_with_its_place(vault, content, message):
    """A header cannot carry it, so nothing would ever be sent."""
    with pytest.raises(NoSecret, match=f"^file secrets/x-key has .*{message}"):
        vault(file=content).get("x-key")


def test_a_long_row_of_blanks_costs_little(vault):
    blanks = b"a" + b" " * 60_000 + b"b\n"
    assert len(vault(file=blanks).get("x-key").value) == 60_002


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (MARK + b"\r\n", "is empty"),
        (b"\xff", "is not text in UTF-8"),
        ("s3cret".encode("utf-16"), "is not text in UTF-8"),
        (b"x" * 70_000, "64 KiB"),
    ],
)
def test_what_cannot_be_a_secret_is_said(vault, content, message):
    with pytest.raises(NoSecret, match=message):
        vault(file=content).get("x-key")


def test_a_file_that_cannot_be_read_is_said(vault, tmp_path):
    (tmp_path / "secrets" / "x-key").mkdir()
    with pytest.raises(NoSecret, match="cannot read file secrets/x-key"):
        vault().get("x-key")


def test_a_missing_one_is_told_with_the_three_places(vault):
    with pytest.raises(NoSecret, match="secret x-key was not found") as missing:
        vault().get("x-key")
    assert missing.value.cure == (
        "pass systemd credential x-key, or create file secrets/x-key, "
        "or set APPEALBRIDGE_SECRET_X_KEY"
    )


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/passwd", "", ".hidden", "a b", "a/b", "ü"])
def test_no_name_leads_out_of_the_folder(vault, name):
    with pytest.raises(NoSecret, match="cannot be the name of a secret"):
        vault({variable_of(name): "x"}).get(name)


@pytest.mark.parametrize(
    ("mode", "noted"), [(0o600, False), (0o640, False), (0o644, True), (0o602, True)]
)
def test_a_file_that_everybody_can_read_is_worth_a_note(vault, mode, noted):
    assert bool(vault(file=b"x", mode=mode).get("x-key").note) is noted


def test_one_note_is_enough_for_all_secrets(vault, tmp_path):
    requested = vault(file=b"x", mode=0o644)
    (tmp_path / "secrets" / "other").write_text("y")
    (tmp_path / "secrets" / "other").chmod(0o644)
    assert "chmod" in requested.get("x-key").note
    assert requested.get("other").note == ""


def test_only_what_was_asked_for_is_known_and_nothing_prints_it(vault):
    requested = vault(ENVIRON)
    assert requested.values == frozenset()
    result = requested.get("x-key")
    assert requested.values == {"from the environment"}
    assert "from the environment" not in repr(result) + repr(SecretRef("x-key")) + repr(requested)


def test_bytes_that_are_no_text_are_refused_wherever_they_stand(vault):
    with pytest.raises(NoSecret, match="is not text in UTF-8"):
        vault({"APPEALBRIDGE_SECRET_X_KEY": "abc\udcff"}).get("x-key")
    assert vault({"APPEALBRIDGE_SECRET_X_KEY": "pässwörd 🔑"}).get("x-key").value == "pässwörd 🔑"
