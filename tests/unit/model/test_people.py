"""How people read who somebody is."""

import pytest

from appealbridge.model.actor import Actor, How
from appealbridge.model.people import Profile, Role, Roster

APPROVES = frozenset({Role.APPROVER})


def roster(**names):
    return Roster(
        {
            id_: Profile(id=id_, name=name, email=f"{id_}@example.police.uk", roles=APPROVES)
            for id_, name in names.items()
        }
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("sam", "Sam Okafor"),
        ("SAM@example.police.uk", "Sam Okafor"),
        ("ben", "ben"),
        ("pat", "Pat Lee (pat)"),
        ("patricia", "Pat Lee (patricia)"),
        ("max", "zoe (max)"),
        ("zoe", "Zoe Hall"),
        ("stranger", "stranger"),
        ("recipe roads", "recipe roads"),
        ("", ""),
    ],
)
def test_a_person_is_shown_by_name_with_the_id_where_two_could_be_meant(name, shown):
    people = roster(
        sam="Sam\nOkafor", ben="ben", pat="Pat Lee", patricia="Pat  Lee", max="zoe", zoe="Zoe Hall"
    )
    assert people.shown(name) == shown


@pytest.mark.parametrize("how", [How.DESK, How.TOKEN, How.RECIPE, How.FILE, How.DAEMON])
def test_who_did_not_prove_to_be_a_person_is_not_shown_as_that_person(how):
    assert roster(sam="Sam Okafor").shown("sam", how) == "sam"
    assert Roster({"sam": Profile(id="sam", name="Sam Okafor")}).shown("sam") == "sam"


def test_what_is_stored_of_an_actor_is_the_id_and_what_people_read_is_the_name():
    actor = Actor("sam", How.LOG_IN, "Sam Okafor")
    assert (str(actor), actor.shown) == ("sam", "Sam Okafor")
    assert actor == Actor("sam", How.LOG_IN)
    assert Actor("sam", How.LOG_IN).shown == "sam"
