"""
The pages in a real browser: on a phone, without scripts, by keyboard alone, and as axe-core sees them.

What people do is done with scripts off. axe-core is a script, so its contexts have them on; the pages have none.
"""

import site

import pytest

from tests import pictures
from tests.real import screenshots
from tests.real.chromium import PHONE, Chromium, clicks, on_phone
from tests.real.servers import install
from tests.stories.conftest import story
from tests.stories.crew import Crew, as_root, open_folder, people
from tests.stories.test_images import ALT, arrives, puts

__all__ = ["story"]

pytestmark = as_root
RECIPE = """
alias: Appeals with pictures
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: post
    to: [force_x, force_facebook, force_mastodon]
    text: "{{ event.data.text }}"
    images: "{{ event.data.images }}"
"""
TEXT = "Missing: Aisha, 14, last seen in Digbeth. Ring 101. https://example.police.uk/412"


@pytest.fixture(scope="module")
def installed():
    folder = install("browser")
    site.addsitedir(str(folder / "python"))
    return folder


@pytest.fixture
async def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder)


@pytest.fixture
async def chromium(installed):
    async with Chromium() as opened:
        yield opened


async def with_open_questions(crew):
    """Begin with an appeal with a picture, whose three posts wait for approval."""
    await crew.begins({"appeals": RECIPE}, settings=people())
    drawn = pictures.saved(pictures.drawn(900, 600), "PNG")
    url = await puts(crew.story, "a.png", drawn)
    await arrives(crew.story, TEXT, {"url": url, "alt": ALT})
    return await crew.story.state(3, "held")


def enters(page):
    """Press Enter where it leads to another page, and wait for that."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def tabs_to(page, message):
    """Press the tab key until what has the focus has these words."""
    for _ in range(120):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and message in focused.inner_text():
            return
    raise AssertionError(f"no {message!r} can be reached by keyboard on {page.url}")


def approves_two(_, page):
    clicks(page, "text=To approve")
    clicks(page, "main li a >> nth=0")
    for number in (1, 2):
        clicks(page, f"text='Approve post {number}'")


def edits(_, page, address, text):
    page.goto(address)
    page.fill("#option_text", text)
    clicks(page, "text=Save and ask again")
    return page.inner_text("main")


def approves_what_was_edited(_, page):
    page.reload()
    changed = page.inner_text("ins")
    width = page.evaluate("document.documentElement.scrollWidth")
    clicks(page, "text='Approve post 3'")
    return changed, width


async def test_on_a_phone_without_scripts_two_posts_are_approved_and_one_is_edited_for_a_third_person(
    crew, chromium
):
    await with_open_questions(crew)
    approver = await on_phone(chromium, crew, "approver")
    await chromium.does(approves_two, approver)
    author = await on_phone(chromium, crew, "author")
    address, text = f"{crew.story.bridge.url}/deliveries/3/edit", TEXT.replace("14,", "aged 14,")
    assert "revision 2" in await chromium.does(edits, author, address, text)
    changed, width = await chromium.does(approves_what_was_edited, approver)
    assert "aged" in changed
    assert width <= PHONE["width"]
    await crew.story.state(3, "delivered", passing=5)
    assert crew.story.posts("mastodon")[0].startswith("Missing: Aisha, aged 14,")


def answers_by_keyboard(_, page):
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    tabs_to(page, "To approve")
    enters(page)
    tabs_to(page, "Missing: Aisha")
    enters(page)
    tabs_to(page, "Reject post 1")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong picture")
    enters(page)
    tabs_to(page, "Approve post 2")
    enters(page)


async def test_everything_is_reached_by_keyboard_alone(crew, chromium):
    await with_open_questions(crew)
    await chromium.does(answers_by_keyboard, await on_phone(chromium, crew, "approver"))
    await crew.story.until(lambda: crew.story.posts("facebook"), passing=5)
    states = {each["number"]: each["state"] for each in await crew.story.deliveries()}
    assert (states[1], states[2], states[3]) == ("cancelled", "delivered", "held")


PAGES = (
    *("/", "/waiting", "/held", "/deliveries", "/deliveries/1", "/questions/1", "/stop"),
    *("/deliveries/1/edit", "/deliveries/99"),
)
OPEN_PAGES = ("/log-in", "/code")
ADMINS_PAGES = ("/", "/recipes", "/recipes/appeals")


def examines(browser, url, cookies, scheme, axe, paths):
    """Return what axe-core finds on pages, with everything unfolded."""
    context = browser.new_context(viewport=PHONE, color_scheme=scheme, bypass_csp=True)
    context.add_cookies(cookies)
    page, results = context.new_page(), {}
    for path in paths:
        page.goto(url + path)
        for summary in page.locator("summary").all():
            summary.click()
        page.evaluate(axe)
        result = page.evaluate("axe.run()")
        assert result["passes"], path
        for each in result["violations"]:
            nodes = [node["html"][:200] for node in each["nodes"]][:3]
            results.setdefault(path, []).append((each["id"], nodes))
    return results


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(crew, chromium, installed, scheme):
    axe = (installed / "node_modules/axe-core/axe.min.js").read_text("utf-8")
    await with_open_questions(crew)
    page = await on_phone(chromium, crew, "approver")
    cookies = await chromium.does(lambda _: page.context.cookies())
    page = await on_phone(chromium, crew, "admin")
    admins = await chromium.does(lambda _: page.context.cookies())
    for known, paths in ((cookies, PAGES), (admins, ADMINS_PAGES), ([], OPEN_PAGES)):
        result = await chromium.does(examines, crew.story.bridge.url, known, scheme, axe, paths)
        assert result == {}


async def test_the_screenshots_of_the_docs_can_be_taken_anew(installed, tmp_path):
    await screenshots.main(tmp_path)
    names = {each.name for each in tmp_path.iterdir()}
    assert names == {each.name for each in screenshots.TARGET.iterdir()}
