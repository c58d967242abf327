"""Every link from one of our pages to another leads somewhere."""

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links


@pytest.mark.parametrize(
    ("page", "target"),
    [pytest.param(*each, id=f"{each[0].relative_to(ROOT)} to {each[1]}") for each in links()],
)
def test_a_link_leads_somewhere(page, target):
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    assert file.exists()
    assert not anchor or anchor in anchors(file)


def test_every_page_can_be_reached_from_the_first_one():
    reached, new = set(), {ROOT / "README.md"}
    while new:
        reached |= new
        result = {
            (page.parent / target.partition("#")[0]).resolve()
            for page, target in links()
            if page in new
        }
        new = {
            file
            for place in result
            for file in ([place] if place.is_file() else place.glob("*.md"))
        }
        new = (new & set(PAGES)) - reached
    assert set(PAGES) <= reached
