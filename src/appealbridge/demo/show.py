"""What a person sees of the demo in the terminal."""

from __future__ import annotations

from typing import Any

from appealbridge.cli.output import say, styled
from appealbridge.demo.stage import Stage

PLATFORMS = {
    "x": ("X", "bold white on black"),
    "facebook": ("Facebook", "bold white on blue"),
    "mastodon": ("Mastodon", "bold white on magenta"),
    "bluesky": ("Bluesky", "bold white on bright_blue"),
    "wordpress": ("WordPress", "bold white on cyan"),
    "email": ("Email", "bold black on white"),
}


class Show:
    """Prints the demo as it goes."""

    def opened(self, practice: str, url: str, stage: Stage) -> None:
        """Say where to look."""
        say(styled("AppealBridge demo", "bold"))
        rows = {
            "the wall": (practice, "what the public would see; open it in a browser"),
            "daemon": (url, "/healthz, /readyz, /metrics"),
            "recipes": (str(stage.recipes), "the ones that come with the program"),
            "settings": (str(stage.config), "thrown away at the end, with the store beside it"),
        }
        for name, (where, what) in rows.items():
            say(f"  {name:<9}", styled(where, "cyan"), "  ", styled(what, "dim"))
        say()

    def happened(self, what: str, title: str) -> None:
        """Say that something came in."""
        say(styled("▸ ", "yellow"), what, ": ", styled(title, "bold"))

    def released(self, delivery: dict[str, Any]) -> None:
        """Say that a person let something go out."""
        say(
            styled("✓ ", "green"),
            f"held for approval: {delivery['action']} on {delivery['channel']}; the officer says ",
            styled(f"appealbridge release {delivery['number']}", "cyan"),
        )

    def published(self, post: dict[str, Any]) -> None:
        """Show one post."""
        name, style = PLATFORMS.get(post["platform"], (post["platform"], "bold"))
        to = f" to {post.get('to')}" if post["platform"] == "email" else ""
        say()
        say(styled(f" {name} ", style), "  ", styled(f"{post['account']}{to}", "dim"))
        if post.get("subject"):
            say(styled(f"   {post['subject']}", "bold"))
        for line in (post["text"] or "").rstrip().splitlines():
            say(f"   {line}")

    def finished(self, count: int, *, ends: bool) -> None:
        """Say that all is published, and what may be done where the demo does not end here."""
        say()
        say(styled("✓ ", "green"), f"all {count} posts are published, each exactly once")
        if not ends:
            say("  the wall and the daemon stay up to be looked at; Ctrl-C ends them")
