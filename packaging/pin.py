"""
Write the hashes of the wheels in a folder as its `requirements.txt`: it has pip install these files and no others.

    python3 packaging/pin.py dist/wheels
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path


def pinned(folder: Path) -> str:
    """Return a line for each wheel: its package, its version, and its hash."""
    lines = []
    for wheel in sorted(folder.glob("*.whl")):
        name, version, _ = wheel.name.split("-", 2)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{name.replace('_', '-').lower()}=={version} --hash=sha256:{digest}\n")
    return "".join(lines)


def main() -> int:
    """Write the file; return the exit status."""
    folder = Path(sys.argv[1]) if len(sys.argv) == 2 else None
    text = pinned(folder) if folder is not None and folder.is_dir() else ""
    if folder is None or not text:
        sys.stderr.write("give the folder that `pip wheel` has filled, as dist/wheels\n")
        return 2
    (folder / "requirements.txt").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{folder / 'requirements.txt'}: {len(text.splitlines())} packages\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
