from dataclasses import replace

from appealbridge.recipes.model.book import bind
from tests.unit.recipes.conftest import event_of, recipe_of


def book_of(**triggers):
    text = "triggers: [%s]\nactions: [{ action: tweet, text: Hello }]\napproval: none"
    return bind(
        {name: replace(recipe_of(text % values), name=name) for name, values in triggers.items()}
    )


def names(book, source):
    return [recipe.name for recipe in book.for_event(event_of(source=source))]


def test_an_event_concerns_the_recipes_of_its_source_and_those_of_any():
    book = book_of(
        c="{ trigger: appeal }",
        b="{ trigger: appeal, source: website }",
        a="{ trigger: webhook, webhook_id: incident-desk }",
        d="{ trigger: appeal, source: website }, { trigger: appeal }",
    )
    assert names(book, "appeal:website") == ["b", "c", "d"]
    assert names(book, "appeal:console") == ["c", "d"]
    assert names(book, "webhook:incident-desk") == ["a"]
    assert names(book, "webhook:other") == []


def test_the_sources_that_recipes_describe_are_told_once_each():
    feed = "{ trigger: feed, url: https://example.org/rss, every: %s }"
    book = book_of(b=feed % "9m", a=feed % "5m", c="{ trigger: appeal, source: website }")
    ((source, (plugin, options)),) = book.sources().items()
    assert source == "feed:https://example.org/rss"
    assert (plugin.name, options.every) == ("feed", 300)
