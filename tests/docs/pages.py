"""The pages as the tests read them: fenced blocks with the comment above each, tables, links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_COMMENT = re.compile(r"<!-- (?P<word>[a-z]+)(?:: (?P<rest>[^\n]*?))? -->\n+\Z")
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """One fenced block: where it begins, its language, its text, and the comment right above it."""

    page: Path
    line: int
    language: str
    text: str
    word: str = ""
    rest: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def text_of(name: str) -> str:
    """Return a page of docs/ by its name."""
    return (ROOT / "docs" / name).read_text("utf-8")


def part(page: str, heading: str) -> str:
    """Return what stands under a heading of a page."""
    text = FENCE.sub("", text_of(page))
    level = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert level, f"docs/{page} has no heading {heading!r}"
    rest = text[level.end() :]
    end = re.search(rf"^#{{1,{len(level[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def blocks() -> list[Block]:
    """Return every fenced block of every page."""
    return [block for page in PAGES for block in _blocks(page)]


def _blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    results = []
    for fence in FENCE.finditer(text):
        above = _COMMENT.search(text[: fence.start()])
        word, rest = (above["word"], above["rest"] or "") if above else ("", "")
        line = text.count("\n", 0, fence.start()) + 1
        results.append(Block(page, line, fence["language"], fence["text"], word, rest))
    return results


def table_after(page: str, mark: str) -> str:
    """Return the table right below the comment `mark` of a page."""
    _, result, rest = text_of(page).partition(f"<!-- {mark} -->\n")
    assert result, f"docs/{page} has no <!-- {mark} -->"
    return rest.lstrip("\n").partition("\n\n")[0].rstrip("\n") + "\n"


def links() -> list[tuple[Path, str]]:
    """Return every link of every page that leads to a file or a heading of ours."""
    return [
        (page, match["target"])
        for page in PAGES
        for match in _LINK.finditer(FENCE.sub("", page.read_text("utf-8")))
        if "://" not in match["target"]
    ]


def anchors(page: Path) -> set[str]:
    """Return the names by which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
