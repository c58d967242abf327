"""Which sources speak about the same things."""

SOURCES = """
webhooks:
  roads: { secrets: [!secret hook] }
  roads-updates: { secrets: [!secret hook] }
appeals: { website: { feed: "https://example.police.uk/appeals.rss" } }
"""


def test_joined_sources_share_a_name(load):
    result = load(f"{SOURCES}joined_sources: [[webhook:roads-updates, webhook:roads]]").joined
    assert result == {"webhook:roads": "webhook:roads", "webhook:roads-updates": "webhook:roads"}


def test_nothing_is_joined_unless_it_is_said(load):
    assert load(SOURCES).joined == {}


def test_a_feed_that_a_recipe_describes_is_named_by_its_address(load):
    described = "appeal:https://example.police.uk/roads.rss"
    result = load(f'{SOURCES}joined_sources: [[webhook:roads, "{described}"]]').joined
    assert set(result.values()) == {described}


def test_unknown_names_are_found_with_the_nearest(wrong):
    assert wrong(f"{SOURCES}joined_sources: [[webhook:road, roads, appeal:website]]") == [
        '6: joined_sources[0][0]: unknown source "webhook:road"; did you mean "webhook:roads"?',
        '6: joined_sources[0][1]: unknown source "roads"; write "webhook:roads"',
    ]


def test_a_source_belongs_to_one_group(wrong):
    groups = "[[webhook:roads, appeal:website], [webhook:roads, webhook:roads-updates]]"
    (problem,) = wrong(f"{SOURCES}joined_sources: {groups}")
    assert problem.startswith('6: joined_sources[1][0]: "webhook:roads" is given twice; put all')


def test_one_source_alone_is_not_joined(wrong):
    (problem,) = wrong(f"{SOURCES}joined_sources: [[webhook:roads]]")
    assert problem.startswith("6: joined_sources[0]: there is only one source here")


def test_what_is_no_list_of_lists_is_an_error_and_no_crash(wrong):
    for text in ("webhook:roads", "[webhook:roads]", "{ a: b }", "[[1, null]]"):
        assert wrong(f"{SOURCES}joined_sources: {text}")
