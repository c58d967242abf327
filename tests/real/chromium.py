"""The machine's own Chromium, and people who use the pages with it, on a phone and without scripts."""

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor

from tests.stories.browser import Phone

PHONE = {"width": 390, "height": 844}
PASSWORD = "correct horse battery"


class Chromium:
    """
    Chromium, driven in a thread of its own: the story's clock watches the event loop of the tests.

    `await chromium.does(act, ...)` calls `act(browser, ...)` there.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "chromium")

    async def __aenter__(self):
        await self._calls(self._opens)
        return self

    async def __aexit__(self, *error):
        await self._calls(self._closes)
        self._thread.shutdown()

    async def does(self, act, *values):
        return await self._calls(act, self._browser, *values)

    async def _calls(self, act, *values):
        return await asyncio.get_running_loop().run_in_executor(self._thread, act, *values)

    def _opens(self):
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        path = shutil.which("chromium")
        self._browser = self._playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"]
        )

    def _closes(self):
        self._browser.close()
        self._playwright.stop()


async def on_phone(chromium, crew, who):
    """Return a page on a phone without scripts, on which somebody has logged in with a one-time code."""
    code, phone, now = await crew.invites(who), Phone(), crew.story.clock.now()
    return await chromium.does(enrols, crew.story.bridge.url, who, code, phone, now)


def enrols(browser, url, who, code, phone, now):
    page = browser.new_context(viewport=PHONE, java_script_enabled=False).new_page()
    page.goto(f"{url}/code")
    page.fill("#name", who)
    page.fill("#code", code)
    clicks(page, "main button")
    phone.scans(page.content())
    for field, text in (
        ("#password", PASSWORD),
        ("#again", PASSWORD),
        ("#digits", phone.shows(now)),
    ):
        page.fill(field, text)
    clicks(page, "main button")
    return page


def clicks(page, what):
    """Click what leads to another page, and wait for that: what is done before belongs to the old page."""
    with page.expect_navigation():
        page.click(what)
