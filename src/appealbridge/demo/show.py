"""What a person sees of the demo in the terminal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
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
        self._heading(post, _follows(post))
        if post.get("subject"):
            say(styled(f"   {post['subject']}", "bold"))
        for line in (post["text"] or "").rstrip().splitlines():
            say(f"   {line}")
        for picture in post["media"]:
            if picture.get("alt"):
                say(styled(f"   [picture: {picture['alt']}]", "dim"))

    def edited(self, post: dict[str, Any], former: str) -> None:
        """Show what an edit changed: the lines that differ."""
        self._heading(post, "the same post, edited")
        before, now = former.splitlines(), post["text"].splitlines()
        for line in before:
            if line not in now:
                say("   was: ", styled(line, "red"))
        for line in now:
            if line not in before:
                say("   now: ", styled(line, "green"))

    def removed(self, post: dict[str, Any]) -> None:
        """Show that a post is gone."""
        self._heading(post, "removed")
        first, *_ = (post["text"] or post["id"]).splitlines()
        say(styled(f"   {first}", "dim"))

    def all_published(self, count: Counter[tuple[str, str]]) -> None:
        """Say that all is published."""
        self._done(f"all {count.total()} posts are published, each exactly once")

    def all_corrected(self) -> None:
        """Say how an appeal was corrected."""
        self._done(
            "the appeal is corrected: the same post is edited where the platform can do that, "
            "and a correction follows elsewhere"
        )

    def all_removed(self, posts: list[dict[str, Any]]) -> None:
        """Say what became of each post of the appeal that was taken down."""
        self._done(
            "the other appeal is taken down, and AppealBridge has looked for each post; ",
            styled("appealbridge withdrawals", "cyan"),
            " lists:",
        )
        for post in posts:
            say(f"  {post['channel']:<15} {post['state']}")
        say(
            "  Mail cannot be removed: the press got a correction, and the rest is a task for a person"
        )

    def live_begins(self, url: str, settings: Path) -> None:
        """Say that a daemon with people runs now."""
        say()
        say(styled("A daemon as in real use, with people", "bold"))
        say(
            f"  {'daemon':<9}",
            styled(url, "cyan"),
            "  ",
            styled("live; only its account leads to the wall", "dim"),
        )
        say(
            f"  {'settings':<9}",
            styled(str(settings), "cyan"),
            "  ",
            styled("Carol is the admin, Bob approves", "dim"),
        )
        say("  Its recipes say approval: none, so each waits until an admin has accepted it.")
        say()

    def logged_in(self) -> None:
        """Say how Carol got in."""
        self._says("Carol, the admin, logs in with the one-time code that the daemon has printed")

    def accepted(self, recipe: str) -> None:
        """Say that Carol accepts a recipe."""
        command = styled(f"appealbridge recipes accept {recipe}", "cyan")
        self._says(f"Carol reads the recipe {recipe} on its page and accepts it, as with ", command)

    def held_for_acceptance(self, reason: str) -> None:
        """Say that something is held."""
        say(styled("✋ ", "yellow"), "held: ", styled(reason, "bold"))

    def accepted_before(self, post: dict[str, Any]) -> None:
        """Show a post of a recipe that was accepted before."""
        self.published(post)
        self._done("published at once: Carol has accepted its recipe")

    def accepted_after(self, post: dict[str, Any]) -> None:
        """Show a post of a recipe that was accepted while it waited."""
        self.published(post)
        self._done("published once an admin, who did not write the recipe, had accepted it")

    def _says(self, *parts: Any) -> None:
        say(styled("✓ ", "green"), *parts)

    def waits(self, seconds: float) -> None:
        """Say when the next thing happens."""
        say(styled(f"  have a look at the wall; the demo goes on in {seconds:g} seconds", "dim"))
        say()

    def stays(self) -> None:
        """Say what may be done now."""
        say("  the wall and the daemon stay up to be looked at; Ctrl-C ends them")

    def _heading(self, post: dict[str, Any], note: str) -> None:
        name, style = PLATFORMS.get(post["platform"], (post["platform"], "bold"))
        to = f" to {post.get('to')}" if post["platform"] == "email" else ""
        say()
        say(
            styled(f" {name} ", style),
            "  ",
            styled(f"{post['account']}{to}", "dim"),
            styled(f"  {note}" if note else "", "yellow"),
        )

    def _done(self, *parts: Any) -> None:
        say()
        say(styled("✓ ", "green"), *parts)


def _follows(post: dict[str, Any]) -> str:
    if not post.get("in_reply_to"):
        return ""
    return (
        "follows an earlier mail" if post["platform"] == "email" else "replies to the earlier post"
    )
