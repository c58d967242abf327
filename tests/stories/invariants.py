"""What must hold at the end of every scenario, read from the store's own file and from the platforms."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import orjson

from appealbridge.model.delivery import MOVES, OPEN, State
from appealbridge.model.notice import NOTICE
from appealbridge.store.sqlite.states import STATES, WITHDRAW

DOUBT = "in doubt"
"""Mail that may or may not have gone out, and is held."""

Row = dict[str, Any]
Moves = frozenset[tuple[State, State]]

PLATFORMS = {
    "tweet": "x",
    "facebook_post": "facebook",
    "mastodon_post": "mastodon",
    "email": "email",
    "bluesky_post": "bluesky",
    "wordpress_post": "wordpress",
}
AMENDED = {
    "force_x": "x",
    "force_facebook": "facebook",
    "force_mastodon": "mastodon",
    "press_office": "email",
    "force_bluesky": "bluesky",
    "newsroom": "wordpress",
}
"""The platform of an amendment, whose action does not say it, by its channel."""

RESTORED: Moves = frozenset({(State.READY, State.UNKNOWN), (State.PLANNED, State.UNKNOWN)})
"""Moves that only a restored backup makes: what was about to go out then may have gone out since."""

RESOLVED: Moves = frozenset(
    {(State.READY, State.READY), (State.READY, State.PLANNED), (State.PLANNED, State.PLANNED)}
)
"""Moves of an amendment in the transaction that stores it, which finds what it amends."""


class Ended:
    """A store's rows and the platforms' posts at the end."""

    def __init__(self, store: Path, posts: Sequence[Mapping[str, Any]]) -> None:
        with closing(sqlite3.connect(store)) as connection:
            connection.row_factory = sqlite3.Row
            self.deliveries = _rows(connection, "SELECT * FROM deliveries ORDER BY number")
            self.runs = _rows(connection, "SELECT * FROM runs")
            self.attempts = _rows(connection, "SELECT * FROM attempts ORDER BY place")
            self.moves = _rows(connection, "SELECT * FROM noted_moves")
        for row in self.deliveries:
            row["state"] = STATES[row["state"]]
        self.edits = [row for row in self.deliveries if row["change"] == "edit" and _is_out(row)]
        by_id = {row["id"]: row for row in self.deliveries}
        for edit in self.edits:
            by_id[edit["target"]]["edited"] = edit["content"]
        self.removals = [row for row in self.deliveries if row["kind"] == WITHDRAW]
        self.posts: dict[str, list[str]] = defaultdict(list)
        self.addresses: dict[str, set[str]] = defaultdict(set)
        for post in sorted(posts, key=lambda post: str(post["created_at"])):
            self.posts[post["platform"]].append(post["text"].strip())
            self.addresses[post["platform"]].add(post["id"])
        self.pictures = {
            (post["platform"], post["id"]): [
                medium["alt"] for medium in post.get("media", ()) if "alt" in medium
            ]
            for post in posts
        }
        self.up = {(post["platform"], post["id"]) for post in posts if not post.get("deleted_at")}

    @property
    def notices(self) -> set[str]:
        """The texts of the notices."""
        return {_words(row) for row in self.deliveries if row["recipe"] == NOTICE}

    def states(self) -> Counter[str]:
        """Count the deliveries by their state, with mail in doubt apart."""
        return Counter(DOUBT if _in_doubt(row) else str(row["state"]) for row in self.deliveries)

    def faults(self, extra: Moves = frozenset()) -> list[str]:
        """Return the faults that no scenario may have."""
        return [
            *self._illegal(extra),
            *self._without_an_end(),
            *self._miscounted(),
            *self._mixed_up(),
            *self._unlisted(),
            *self._without_pictures(),
        ]

    def published(self) -> Iterator[Row]:
        """Yield the deliveries that publish something of their own, or would have."""
        return (
            row for row in self.deliveries if row["kind"] != WITHDRAW and row["change"] != "edit"
        )

    def _unlisted(self) -> Iterator[str]:
        """Find withdrawn posts that readers can see, and whose removal has ended."""
        listed = {row["target"] for row in self.removals if row["state"] in OPEN}
        for row in self.published():
            withdrawn = row["state"] in (State.WITHDRAWN, State.WITHDRAWING)
            place = (_platform(row), row["receipt_id"])
            if withdrawn and place in self.up and row["id"] not in listed:
                yield f"{row['id']} is {row['state']}, and it is up all the same"

    def _without_pictures(self) -> Iterator[str]:
        """Find posts that readers can see, and that do not show all pictures of their last version."""
        for row in self.published():
            place = (_platform(row), row["receipt_id"])
            if row["state"] is not State.DELIVERED or place not in self.up:
                continue
            versions = [row, *(edit for edit in self.edits if edit["target"] == row["id"])]
            contents = [orjson.loads(each["content"]) for each in versions if each["content"]]
            values = [content["images"] for content in contents if "images" in content]
            expected = [image["alt"] for image in values[-1]] if values else []
            if self.pictures[place] != expected:
                yield f"{row['id']} shows the pictures {self.pictures[place]} and not {expected}"

    def _illegal(self, extra: Moves) -> Iterator[str]:
        # The order of a recipe is stored and carried out in one transaction.
        orders = {row["id"] for row in self.removals if not row["target"]}
        amendments = {row["id"] for row in self.deliveries if row["change"]}
        for move in self.moves:
            old, new = STATES[move["old"]], STATES[move["new"]]
            if move["delivery"] in orders and (old, new) == (State.READY, State.DELIVERED):
                continue
            if move["delivery"] in amendments and (old, new) in RESOLVED:
                continue
            if new not in MOVES[old] and (old, new) not in extra:
                yield f"{move['delivery']} went from {old} to {new}, which no table allows"

    def _without_an_end(self) -> Iterator[str]:
        held = set()
        for row in self.deliveries:
            if row["state"] is State.HELD and row["hold"]:
                held.add(row["run_id"])
            elif row["state"] in OPEN:
                yield f"{row['id']} is still {row['state']}"
        for run in self.runs:
            if run["state"] == "open" and run["id"] not in held:
                yield f"run {run['id']} is still open and waits for nobody"

    def _miscounted(self) -> Iterator[str]:
        delivered = Counter(_place(row) for row in self.published() if _is_out(row))
        for row in self.published():
            if not row["content"]:
                continue
            platform, text = place = _place(row)
            copies, ought = self.posts[platform].count(text), delivered[place]
            # Of mail in doubt there may be one more copy, and of a notice, which is rather sent twice than never.
            more = 1 if _in_doubt(row) or row["recipe"] == NOTICE else 0
            if not ought <= copies <= ought + more:
                yield f"{copies} copies of {row['id']}, which is {row['state']}: {text}"
            result = row["receipt_id"]
            if _is_out(row) and platform != "email" and result not in self.addresses[platform]:
                yield f"{row['id']} has a receipt {result}, which is no post's"
            sends = [
                each
                for each in self.attempts
                if each["delivery_id"] == row["id"] and each["kind"] == "send"
            ]
            if len(sends) > row["attempts"]:
                yield f"{row['id']} was attempted {row['attempts']} times, of which {len(sends)} are kept"

    def _mixed_up(self) -> Iterator[str]:
        """Find deliveries that overtook an older one of their subject."""
        last: dict[tuple[str, str], int] = {}
        for row in self.published():
            posts = self.posts[_platform(row)]
            if _is_out(row) and row["subject"] and _words(row) in posts:
                place = row["channel"], row["subject"]
                at = posts.index(_words(row))
                if at < last.get(place, -1):
                    yield f"{row['id']} overtook an older one of its subject"
                last[place] = at


def unlike(
    ended: Ended, posts: Mapping[str, Sequence[str]], states: Mapping[str, int], *, died: bool
) -> list[str]:
    """
    Return how an end differs from the expected one: patterns of posts by platform, and states.

    If the daemon died while it sent a mail, the mail may be in doubt, and either be there or not.
    """
    in_doubt = ended.states()[DOUBT] if died else 0
    more = max(0, in_doubt - states.get(DOUBT, 0))
    if more:
        states = {**states, DOUBT: in_doubt, "delivered": states["delivered"] - more}
    wrong = []
    if +ended.states() != +Counter(states):
        wrong.append(f"the deliveries are {dict(ended.states())} and not {dict(states)}")
    for platform in {*posts, *ended.posts}:
        missing = list(posts.get(platform, ()))
        for text in ended.posts[platform]:
            match = next((each for each in missing if fnmatchcase(text, each)), None)
            if match is None and died and text in ended.notices:
                continue  # rather sent twice than never
            if match is None:
                wrong.append(f"on {platform} there is one too many of: {text}")
            else:
                missing.remove(match)
        if len(missing) > (in_doubt if platform == "email" else 0):
            wrong.append(f"on {platform} there is no {missing}")
    return wrong


def _is_out(row: Row) -> bool:
    return row["state"] in (State.DELIVERED, State.WITHDRAWING, State.WITHDRAWN)


def _place(row: Row) -> tuple[str, str]:
    return _platform(row), _words(row)


def _platform(row: Row) -> str:
    return PLATFORMS.get(row["action"]) or AMENDED[row["channel"]]


def _in_doubt(row: Row) -> bool:
    held = (row["state"], row["hold"]) == (State.HELD, "unknown")
    return held and row["kind"] != WITHDRAW and _platform(row) == "email"


def _words(row: Row) -> str:
    """Return the text of the last version."""
    content = row.get("edited") or row["content"]
    text: str = orjson.loads(content)["text"] if content else ""
    return text.strip()


def _rows(connection: sqlite3.Connection, select: str) -> list[Row]:
    return [dict(row) for row in connection.execute(select)]
