"""
Whoever installs a server as docs/install.md says has one that works, is updated, goes back and is backed up.

Every shell block of the page runs in its order, with `/etc`, `/opt`, `/run`, `/usr` and `/var` in a folder of the test.
What only root can do, or only a machine with systemd, is a stand-in that says what it was asked: users and groups,
`systemctl` (which starts and stops the real program as the shipped unit says), the secrets of systemd, and both web
servers. The block for containers is not played.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, text_of

pytestmark = pytest.mark.install

SHELL = [
    block.text
    for block in blocks()
    if block.page.name == "install.md" and block.language == "sh" and "docker" not in block.text
]
(_ASKS_READY,) = re.findall(r"`(curl -s [^`]*/readyz)`", text_of("install.md"))
FOLDERS = ("etc", "opt", "run", "usr", "var")
_ABSOLUTE = re.compile(rf"(?<![\w.$/}}-])/(?={'|'.join(FOLDERS)})")
ASKED = (
    "adduser",
    "systemd-sysusers",
    "systemd-ask-password",
    "systemd-creds",
    "nginx",
    "a2enmod",
    "a2ensite",
)
STAND_INS = {
    **dict.fromkeys(
        (*ASKED, "apachectl"),
        'echo "$(basename "$0") $*" >> "$ROOT/asked"',
    ),
    # Nobody but root may give files to others.
    "install": """
        words=()
        while (($#)); do
            case $1 in
                -o | -g) shift ;;
                *) words+=("$1") ;;
            esac
            shift
        done
        exec /usr/bin/install "${words[@]}"
    """,
    # Whoever edits the settings: this server has another port, and other folders.
    "editor": """
        there="s|127.0.0.1:8080|127.0.0.1:$PORT|; s|sqlite:///var|sqlite:///$ROOT/var|"
        sed -i "$there; s|: /run/|: $ROOT/run/|" "$1"
    """,
}
SYSTEMCTL = ROOT / "tests" / "data" / "stand-ins" / "systemctl"


class Server:
    """A folder that is the root of a server, and a shell in which an administrator works."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        programs = root / "programs"
        programs.mkdir()
        for name, text in STAND_INS.items():
            (programs / name).write_text(f"#!/bin/bash\nset -e\n{text}\n")
            (programs / name).chmod(0o755)
        (programs / "systemctl").symlink_to(SYSTEMCTL)
        for name in ("etc/nginx/sites-available", "etc/nginx/sites-enabled", "etc/profile.d",
                     "etc/apache2/sites-available", "etc/systemd/system", "usr/local/bin", "root"):  # fmt: skip
            (root / name).mkdir(parents=True)

    def types(self, text: str, folder: Path | None = None) -> str:
        """Type lines into a shell that stops at the first mistake; return what it shows."""
        share = f"share={self.root}/opt/appealbridge/share\n"
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", share + _ABSOLUTE.sub(f"{self.root}/", text)],
            cwd=folder or self.root / "root",
            env={
                "HOME": str(self.root / "root"),
                "PATH": f"{self.root}/programs:{self.root}/usr/local/bin:{Path(sys.executable).parent}:/usr/bin:/bin",
                "ROOT": str(self.root),
                "PORT": str(self.port),
                "EDITOR": "editor",
                "LC_ALL": "C.UTF-8",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}"
        return done.stdout

    def is_ready(self) -> None:
        """Wait until the daemon answers the page's own request, at most half a minute."""
        asks = _ASKS_READY.replace("8080", str(self.port)).replace("curl -s", "curl -sf")
        self.types(
            f"for _ in $(seq 300); do {asks} && exit 0; sleep 0.1; done; cat $ROOT/log; exit 1"
        )

    def stop(self) -> None:
        """Stop the daemon, if it runs."""
        self.types("systemctl stop appealbridge")


@pytest.fixture
def server() -> Iterator[Server]:
    # A socket's path may not be long, so this is not pytest's folder.
    root = Path(tempfile.mkdtemp(prefix="ab"))
    server_ = Server(root)
    try:
        yield server_
    finally:
        server_.stop()
        shutil.rmtree(root)


def block(message: str) -> str:
    """Return the shell block that has these words."""
    (text,) = (text for text in SHELL if message in text)
    return text


def test_the_page_has_no_shell_block_that_is_not_played_here():
    assert [text.split("\n")[0] for text in SHELL] == [
        text.split("\n")[0] for text in map(block, PLAYED)
    ]


PLAYED = (
    "make wheels",
    "python3 -m venv",
    "systemd-sysusers",
    "appealbridge check --config",
    "profile.d",
    "systemd-creds",
    "nginx -t",
    "apachectl",
    "appealbridge.socket",  # systemd alone can hand over a socket, so this one is not played
    "appealbridge db backup",
    "rm -f /var/lib/appealbridge/bridge.db-wal",
    "systemctl start appealbridge-backup",
)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page asks the daemon with curl")
def test_a_server_that_is_set_up_as_the_page_says_works_and_is_updated_and_goes_back(server):
    server.types(block("make wheels"), ROOT)
    shutil.copytree(ROOT / "dist" / "wheels", server.root / "root" / "wheels")
    server.types(block("python3 -m venv"))
    assert (server.root / "usr/local/share/man/man1/appealbridge.1").exists()

    server.types(block("systemd-sysusers"))
    assert "0 errors" in server.types(block("appealbridge check --config"))
    server.is_ready()
    server.types(block("profile.d"))
    held = "source /etc/profile.d/appealbridge.sh; appealbridge deliveries --state held"
    assert "no deliveries" in server.types(held).lower()

    for phrase in ("systemd-creds", "nginx -t", "apachectl"):
        server.types(block(phrase))

    (server.root / "var/lib/appealbridge-backup").mkdir()
    server.types(block("appealbridge db backup"))
    server.is_ready()
    server.types(block("rm -f /var/lib/appealbridge/bridge.db-wal"))
    server.is_ready()
    server.types(block("systemctl start appealbridge-backup"))
    copies = {file.name for file in (server.root / "var/lib/appealbridge-backup").iterdir()}
    assert len(copies) == 2, copies
    requested = (server.root / "asked").read_text()
    for phrase in (
        "adduser duty_officer appealbridge",
        "nginx -t",
        "apachectl configtest",
        "enable --now appealbridge appealbridge-backup.timer",
    ):
        assert phrase in requested
