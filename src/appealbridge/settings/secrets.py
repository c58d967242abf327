"""
Looks up secrets. The settings contain only their names.

`!secret NAME` is looked for as a systemd credential, as the file `secrets/NAME` beside the settings
file, and as the environment variable `APPEALBRIDGE_SECRET_NAME`, in this order.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_LONGEST = 64 * 1024
_OTHERS = stat.S_IROTH | stat.S_IWOTH
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class SecretRef:
    """The name of a secret, from `!secret NAME`."""

    name: str


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """A secret's value, and a note about its place, which may be empty."""

    value: str
    note: str = ""

    def __repr__(self) -> str:
        """Return a text without the value."""
        return "Found(***)"


class NoSecret(Exception):
    """A secret is not available: why, and the `cure`. Never leaves this package."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(problem)
        self.cure = cure


class Vault:
    """Looks secrets up, each once. `folder` is that of the settings file, `environ` the process's environment."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ
        self._found: dict[str, FoundSecret] = {}
        self._noted = False

    @property
    def values(self) -> frozenset[str]:
        """All values that were returned."""
        return frozenset(secret.value for secret in self._found.values())

    def get(self, name: str) -> FoundSecret:
        """Return a secret; raise `NoSecret` with the cure."""
        if name not in self._found:
            self._found[name] = self._look(name)
        return self._found[name]

    def _look(self, name: str) -> FoundSecret:
        if not _NAME.fullmatch(name):
            raise NoSecret(
                "this cannot be the name of a secret", "use letters, digits, and _ . - between them"
            )
        credentials = self._environ.get("CREDENTIALS_DIRECTORY")
        variable = variable_of(name)
        if credentials and (Path(credentials) / name).exists():
            return _read(Path(credentials) / name, f"systemd credential {name}")
        file = self._folder / "secrets" / name
        if file.exists():
            secret = _read(file, f"file secrets/{name}")
            return FoundSecret(secret.value, self._note(file) or secret.note)
        if variable in self._environ:
            return _sound(self._environ[variable], variable)
        raise NoSecret(
            f"secret {name} was not found",
            f"pass systemd credential {name}, or create file secrets/{name}, or set {variable}",
        )

    def _note(self, file: Path) -> str:
        """Return a note if others can read the secrets; once is enough for the whole folder."""
        if self._noted or not file.stat().st_mode & _OTHERS:
            return ""
        self._noted = True
        return "every user of this machine can read secrets/; run: chmod -R go= secrets/"


def variable_of(name: str) -> str:
    """Return the environment variable that may hold a secret."""
    return "APPEALBRIDGE_SECRET_" + re.sub(r"[^A-Z0-9_]", "_", name.upper())


def _read(path: Path, where: str) -> FoundSecret:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise NoSecret(
            f"cannot read {where}: {error.strerror}", "give the daemon permission to read it"
        ) from None
    if len(content) > _LONGEST:
        raise NoSecret(f"{where} is longer than 64 KiB", "put only the secret into it")
    try:
        return _sound(content.decode(), where)
    except UnicodeDecodeError:
        raise NoSecret(f"{where} is not text in UTF-8", "save it as UTF-8") from None


def _sound(value: str, where: str) -> FoundSecret:
    """Return a secret without what editors, `echo` and pasting add at its ends."""
    if not value.isascii() and value.encode("utf-8", "replace").decode() != value:
        raise NoSecret(f"{where} is not text in UTF-8", "save it as UTF-8")
    bare = _without_ends(value)
    if not bare:
        raise NoSecret(f"{where} is empty", "put the secret into it")
    hidden = next((sign for sign in bare if category(sign) in _HIDDEN), "")
    if hidden:
        raise NoSecret(
            f"{where} has {_name_of(hidden)} inside the secret",
            "put only the secret on one line, as its platform shows it, and save it as UTF-8",
        )
    if value.strip("\r\n\ufeff") != bare:
        note = f"{where} has blanks around the secret, which are ignored; delete them"
        return FoundSecret(bare, note)
    return FoundSecret(bare)


def _without_ends(value: str) -> str:
    """Remove white space, line ends and a byte order mark."""
    begin, end = 0, len(value)
    while begin < end and _is_no_part(value[begin]):
        begin += 1
    while begin < end and _is_no_part(value[end - 1]):
        end -= 1
    return value[begin:end]


def _is_no_part(sign: str) -> bool:
    return sign.isspace() or category(sign) in _HIDDEN


def _name_of(sign: str) -> str:
    if sign in "\r\n\u2028\u2029":
        return "a line end"
    return f"an invisible character (U+{ord(sign):04X})"
