"""What a server installs: these very files, and no others."""

import subprocess
import sys
import zipfile

import pytest

from tests.docs.pages import ROOT

PIN = ROOT / "packaging" / "pin.py"


def wheel(folder, name, version, code="x = 1"):
    """Make a small package as `pip wheel` would leave it."""
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", code)
        file.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        file.writestr(
            f"{about}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        file.writestr(
            f"{about}/RECORD",
            f"{name}.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n",
        )


def pin(folder):
    return subprocess.run(
        [sys.executable, PIN, folder], capture_output=True, text=True, check=False
    )


def install(folder, target):
    """Install as docs/install.md says."""
    return subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", folder, "--no-deps",
         "--only-binary", ":all:", "--require-hashes", "--requirement", folder / "requirements.txt",
         "--target", target, "--disable-pip-version-check"],
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip


@pytest.fixture
def wheels(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, "first_part", "1.0")
    wheel(folder, "second", "2.1.post1")
    return folder


def test_the_files_that_were_pinned_are_installed(wheels, tmp_path):
    done = pin(wheels)
    assert (done.returncode, done.stderr) == (0, "")
    lines = (wheels / "requirements.txt").read_text().splitlines()
    assert [line.split(" --hash=sha256:")[0] for line in lines] == [
        "first-part==1.0",
        "second==2.1.post1",
    ]
    done = install(wheels, tmp_path / "target")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "target" / "first_part.py").exists()


def test_another_file_of_the_same_name_is_refused(wheels, tmp_path):
    pin(wheels)
    wheel(wheels, "second", "2.1.post1", "x = 2")
    done = install(wheels, tmp_path / "target")
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_an_empty_folder_is_wrong_use(tmp_path):
    assert pin(tmp_path).returncode == 2


def test_the_page_installs_so():
    page = (ROOT / "docs" / "install.md").read_text("utf-8")
    for phrase in (
        "make wheels",
        "--no-index",
        "--require-hashes",
        "--no-deps",
        "--only-binary :all:",
    ):
        assert phrase in page
    assert "pip install --constraint" not in page
