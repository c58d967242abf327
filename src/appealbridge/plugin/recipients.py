"""The people who get notices, and the accounts that can reach them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from appealbridge.plugin.channel import Account, AnyChannel, Person
from appealbridge.plugin.options import Options


@dataclass(frozen=True, slots=True)
class NoticeRouting:
    """
    The people of appealbridge.yaml, and the accounts that can reach them.

    `groups` are the names of people by the name of their group. `to` are those who get a notice for nobody in
    particular. `accounts` may send notices, preferred ones first, each with its channel.
    """

    people: Mapping[str, Person] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    to: Sequence[str] = ()
    accounts: Mapping[str, tuple[AnyChannel, Account]] = field(default_factory=dict)

    def people_named(self, names: Iterable[str]) -> list[Person]:
        """Return the people for names of people and groups, each once; unknown names are left out."""
        members = [member for name in names for member in self.groups.get(name, (name,))]
        return [self.people[name] for name in dict.fromkeys(members) if name in self.people]

    def accounts_for(self, person: Person, without: Collection[str] = ()) -> list[str]:
        """Return the accounts that can reach a person, preferred ones first."""
        return [
            name
            for name in self.accounts
            if name not in without and self.message(name, person, "?", "?") is not None
        ]

    def message(self, way: str, person: Person, title: str, text: str) -> Options | None:
        """Return an account's message to a person, `None` if it cannot send one or its plug-in fails."""
        channel, account = self.accounts[way]
        try:
            message: Options | None = channel.tell(account, person, title, text)
        except Exception:  # noqa: BLE001 - another account can be used; `broken` says what is wrong with this one
            return None
        return message

    def broken(self) -> Iterator[tuple[str, Exception]]:
        """Yield the accounts whose plug-in fails to make a message, each with its error."""
        for way, (channel, account) in self.accounts.items():
            try:
                channel.tell(account, Person("?", "nobody@example.org"), "?", "?")
            except Exception as error:  # noqa: BLE001 - every error is reported
                yield way, error
