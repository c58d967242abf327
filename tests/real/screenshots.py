"""Makes the screenshots of the docs anew: `python -m tests.real.screenshots`, as root, in a few seconds."""

import asyncio
import io
import site
import sys
import tempfile
from pathlib import Path

from PIL import Image

from appealbridge.demo.pictures import girl_in_a_red_coat
from tests.real.chromium import Chromium, clicks, on_phone
from tests.real.servers import install
from tests.stories.conftest import Story
from tests.stories.crew import Crew, open_folder, people
from tests.stories.test_images import arrives, puts

TARGET = Path(__file__).parents[2] / "docs" / "img"
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1100, "height": 720}
COLOURS = 96
"""How many colours a picture keeps, so that its file is small."""

STAFF = {
    "dana": "name: Dana Okafor, roles: [approver, operator], email: dana@example.police.uk",
    "sam": "name: Sam Whitfield, roles: [author, approver], email: sam@example.police.uk",
}
TEXT = (
    "MISSING | Have you seen Aisha, 14, from Digbeth? She was last seen at Moor Street station at 16:20 in a red "
    "coat. Call 101, or 999 if you see her now. Ref 412. https://example.police.uk/412"
)
ALT = "Drawing of a girl with long dark hair, a red coat and white trainers"
RECIPE = """
alias: Missing people
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: post
    to: [force_x, force_facebook, force_mastodon]
    text: "{{ event.data.text }}"
    images: "{{ event.data.images }}"
"""


class Camera:
    """Takes pictures of pages as one person sees them."""

    def __init__(self, chromium: Chromium, url: str, cookies, target: Path) -> None:
        self._chromium, self._url, self._cookies, self._target = chromium, url, cookies, target

    async def takes(self, name: str, path: str, size=PHONE, scheme="light", beginning="") -> None:
        """Save a picture of a page, or of what is in the window once `beginning` is at its upper edge."""
        data = await self._chromium.does(self._shoots, self._url + path, size, scheme, beginning)
        picture = Image.open(io.BytesIO(data)).convert("RGB").quantize(COLOURS)
        picture.save(self._target / f"{name}.png", optimize=True)

    def _shoots(self, browser, url, size, scheme, beginning):
        context = browser.new_context(viewport=size, color_scheme=scheme, java_script_enabled=False)
        context.add_cookies(self._cookies)
        page = context.new_page()
        page.goto(url, wait_until="networkidle")
        top = page.locator(beginning).first.bounding_box()["y"] - 12 if beginning else 0
        clip = {"x": 0, "y": top, **size}
        data = page.screenshot(clip=clip, full_page=True)
        context.close()
        return data


def edits(_, page, address, text):
    page.goto(address)
    page.fill("#option_text", text)
    clicks(page, "text=Save and ask again")


async def main(target: Path = TARGET) -> None:
    """Let an author and an approver work on an appeal, and take pictures of what the approver sees."""
    site.addsitedir(str(install("browser") / "python"))
    with tempfile.TemporaryDirectory() as folder, open_folder() as shared:
        story = Story(Path(folder))
        crew = Crew(story, shared)
        try:
            async with Chromium() as chromium:
                await crew.begins({"missing": RECIPE}, settings=people(**STAFF))
                await shows(crew, chromium, target)
        finally:
            await story.ends()


async def shows(crew: Crew, chromium: Chromium, target: Path) -> None:
    story = crew.story
    url = await puts(story, "girl.jpg", girl_in_a_red_coat())
    await arrives(story, TEXT, {"url": url, "alt": ALT}, message="WMP-412")
    await story.state(3, "held")
    sam, dana = await on_phone(chromium, crew, "sam"), await on_phone(chromium, crew, "dana")
    address = story.bridge.url
    cookies = await chromium.does(lambda _: dana.context.cookies())
    camera = Camera(chromium, address, cookies, target)
    await camera.takes("question-phone", "/questions/1")
    await camera.takes("answers-phone", "/questions/1", beginning=".look .pictures")
    await camera.takes("to-approve-phone-dark", "/waiting", scheme="dark")
    await camera.takes("question-desktop", "/questions/1", DESKTOP)
    await chromium.does(
        edits, sam, f"{address}/deliveries/1/edit", TEXT.replace("at 16:20", "at 17:05")
    )
    await camera.takes("change-desktop-dark", "/questions/1", DESKTOP, "dark", "main h3")
    await camera.takes("stop-phone", "/stop")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
