"""What a person sees of the demo in the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from appealbridge.demo.stage import Stage

PLATFORMS = {
    "x": ("X", "bold white on black"),
    "facebook": ("Facebook", "bold white on blue"),
    "mastodon": ("Mastodon", "bold white on magenta"),
    "email": ("Email", "bold black on white"),
}


class Show:
    """Prints the demo as it goes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def opened(self, practice: str, url: str, stage: Stage) -> None:
        """Say where to look."""
        self._console.print(Text("AppealBridge demo", style="bold"))
        rows = {
            "the wall": (practice, "what the public would see; open it in a browser"),
            "daemon": (url, "/healthz, /readyz, /metrics"),
            "recipes": (str(stage.recipes), "the ones that come with the program"),
            "settings": (str(stage.config), "thrown away at the end, with the store beside it"),
        }
        for name, (where, what) in rows.items():
            self._console.print(
                Text.assemble(f"  {name:<9}", (where, "cyan"), "  ", (what, "dim")), soft_wrap=True
            )
        self._console.print()

    def happened(self, what: str, title: str) -> None:
        """Say that something came in."""
        self._console.print(
            Text.assemble(("▸ ", "yellow"), what, ": ", (title, "bold")), soft_wrap=True
        )

    def released(self, delivery: dict[str, Any]) -> None:
        """Say that a person let something go out."""
        command = f"appealbridge release {delivery['number']}"
        self._console.print(
            Text.assemble(
                ("✓ ", "green"),
                f"held for approval: {delivery['action']} on {delivery['channel']}; the officer says ",
                (command, "cyan"),
            ),
            soft_wrap=True,
        )

    def published(self, post: dict[str, Any]) -> None:
        """Show one post."""
        name, style = PLATFORMS.get(post["platform"], (post["platform"], "bold"))
        head = Text.assemble((f" {name} ", style), "  ", (str(post["account"]), "dim"))
        if post["platform"] == "email":
            head.append(f" to {post.get('to')}", "dim")
        self._console.print()
        self._console.print(head, soft_wrap=True)
        if post.get("subject"):
            self._console.print(Text(f"   {post['subject']}", style="bold"), soft_wrap=True)
        for line in (post["text"] or "").rstrip().splitlines():
            self._console.print(Text(f"   {line}"), soft_wrap=True)

    def finished(self, count: int, *, ends: bool) -> None:
        """Say that all is published, and what may be done where the demo does not end here."""
        self._console.print()
        self._console.print(
            Text.assemble(("✓ ", "green"), f"all {count} posts are published, each exactly once")
        )
        if not ends:
            self._console.print(
                "  the wall and the daemon stay up to be looked at; Ctrl-C ends them"
            )
