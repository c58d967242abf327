"""What the admins are told of a reload."""

from types import SimpleNamespace

from appealbridge.engine.people.changes import changes
from appealbridge.model.people import Profile, Role, Roster

ANN = Profile(id="ann", name="Ann", roles=frozenset({Role.AUTHOR}))
EMPTY = SimpleNamespace(recipes={})


def book(**approvals):
    return SimpleNamespace(
        recipes={name: SimpleNamespace(approval=value) for name, value in approvals.items()}
    )


def test_nothing_is_said_where_nothing_changed():
    roster = Roster({"ann": ANN}, {"duty": ("ann",)})
    assert changes(roster, roster, book(a="none"), book(a="none", b="duty")) == []


def test_people_groups_and_approvals_are_told_with_what_they_were():
    before = Roster({"ann": ANN, "ben": Profile(id="ben", name="Ben")}, {"duty": ("ann", "ben")})
    more = Profile(id="ann", name="Ann", uid=7, roles=frozenset({Role.AUTHOR, Role.ADMIN}))
    after = Roster({"ann": more, "carl": ANN}, {"duty": ("ann",), "night": ("carl",)})
    assert changes(before, after, book(fire="", flood="duty"), book(fire="none", flood="duty")) == [
        "ann: roles author -> admin, author, another uid",
        "ben: removed",
        "carl: added (author)",
        "group duty: ann, ben -> ann",
        "group night: none -> carl",
        "recipe fire: approval left out -> none",
    ]
