"""Whom to tell when something goes wrong, and which accounts can reach them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from appealbridge.plugin.channel import Account, AnyChannel, Person
from appealbridge.plugin.options import Options


@dataclass(frozen=True, slots=True)
class Telling:
    """
    The people of appealbridge.yaml, and the accounts that can reach them.

    `groups` are names of people by the group's name, `to` who is told where nobody else is named.
    `accounts` are those that may tell them, in order of preference, each with its channel.
    """

    people: Mapping[str, Person] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    to: Sequence[str] = ()
    accounts: Mapping[str, tuple[AnyChannel, Account]] = field(default_factory=dict)

    def whom(self, names: Iterable[str]) -> list[Person]:
        """Return the people for names of people and groups, each once; unknown names are left out."""
        wanted = [one for name in names for one in self.groups.get(name, (name,))]
        return [self.people[name] for name in dict.fromkeys(wanted) if name in self.people]

    def ways(self, person: Person, without: Collection[str] = ()) -> list[str]:
        """Return the accounts that can reach someone, preferred ones first."""
        return [
            name
            for name in self.accounts
            if name not in without and self.message(name, person, "?", "?") is not None
        ]

    def message(self, way: str, person: Person, title: str, text: str) -> Options | None:
        """Return the message by which an account would tell someone, `None` if it cannot or its plug-in fails."""
        channel, account = self.accounts[way]
        try:
            told: Options | None = channel.tell(account, person, title, text)
        except Exception:  # noqa: BLE001 - people are told by another way; `broken` says what is wrong with this one
            return None
        return told

    def broken(self) -> Iterator[tuple[str, Exception]]:
        """Yield the accounts whose plug-in fails to make such a message, each with its error."""
        for way, (channel, account) in self.accounts.items():
            try:
                channel.tell(account, Person("?", "nobody@example.org"), "?", "?")
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                yield way, error
