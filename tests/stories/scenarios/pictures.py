"""Messages with pictures: prepared, approved, uploaded, corrected and withdrawn."""

from __future__ import annotations

import io
import json
from typing import Any

from PIL import Image as Drawing

from tests.stories import staging
from tests.stories.dying_world import World
from tests.stories.scenarios.scenario import fails, has, scenario

CHANNELS = f"""\
{staging.CHANNELS}force_bluesky: {{ platform: bluesky, handle: force.police.uk }}
newsroom: {{ platform: wordpress, api: "https://news.example" }}
"""
APPROVED = """
alias: Appeals with pictures
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: post
    to: [force_x, force_facebook, force_mastodon, force_bluesky, newsroom]
    text: "{{ event.data.text }}"
    images: "{{ event.data.images }}"
"""
AT_ONCE = f"{APPROVED}approval: none\n"
CORRECTED = AT_ONCE.replace(
    "actions:",
    """actions:
  - if: "{{ event.type == 'correction' }}"
    then:
      - { action: amend, of: report, text: "{{ event.data.text }}", images: "{{ event.data.images }}" }
      - stop: corrected""",
).replace(
    "to: [force_x, force_facebook, force_mastodon, force_bluesky, newsroom]",
    "id: report\n    to: [force_facebook, force_mastodon, newsroom]",
)
ONE_EACH = {
    platform: ["Missing: Aisha"]
    for platform in ("x", "facebook", "mastodon", "bluesky", "wordpress")
}


async def puts(world: World, name: str, colour: str) -> dict[str, str]:
    """Put a picture on the practice website, and return it as an event names it."""
    file = io.BytesIO()
    Drawing.new("RGB", (60, 40), colour).save(file, "PNG")
    address = f"{world.sandbox.url}/website/pictures/{name}"
    async with world.session.put(address, data=file.getvalue()) as answer:
        assert answer.status == 204
    return {"url": address, "alt": f"A {colour} coat"}


async def arrives(
    world: World, text: str, *images: dict[str, str], message: str = "m1", **more: Any
) -> None:
    data = {"type": "appeal", "subject": "APP-1", "text": text, "images": images, **more}
    await world.is_sent(json.dumps(data).encode(), message)


@scenario(recipes={"appeals": AT_ONCE}, channels=CHANNELS, posts=ONE_EACH, states={"delivered": 5})
async def two_pictures_everywhere(world: World) -> None:
    images = [await puts(world, "a.png", "red"), await puts(world, "b.png", "blue")]
    fails(world, "mastodon", "media_slow", seconds=20)
    for platform, fault in (("x", "post_then_reset"), ("bluesky", "media_cut")):
        fails(world, platform, fault)
    for platform in ("facebook", "wordpress"):
        fails(world, platform, "media_expired")
    await arrives(world, "Missing: Aisha", *images)
    await has(world, 5, "delivered", passing=1)


@scenario(
    recipes={"appeals": AT_ONCE},
    channels=CHANNELS,
    posts={"wordpress": ["Missing: Aisha"], "facebook": ["Missing: Aisha"]}
    | {platform: ["Missing: Aisha"] for platform in ("x", "mastodon", "bluesky")},
    states={"delivered": 5},
)
async def every_answer_to_an_upload_is_lost_once(world: World) -> None:
    image = await puts(world, "a.png", "red")
    for platform in ONE_EACH:
        fails(world, platform, "post_then_reset")
    await arrives(world, "Missing: Aisha", image)
    await has(world, 5, "delivered", passing=1)


@scenario(recipes={"appeals": APPROVED}, channels=CHANNELS, posts=ONE_EACH, states={"delivered": 5})
async def what_was_approved_is_sent(world: World) -> None:
    image = await puts(world, "a.png", "red")
    await arrives(world, "Missing: Aisha", image)
    await has(world, 5, "held", passing=1)
    await puts(world, "a.png", "blue")
    await world.looks_into("approval")
    await has(world, 5, "delivered", passing=1)
    uploads = world.sandbox.media.uploads
    for platform in ("x", "facebook", "mastodon"):
        for medium in uploads(platform):
            assert Drawing.open(io.BytesIO(medium.data)).getpixel((5, 5)) == (255, 0, 0)


@scenario(
    recipes={"appeals": CORRECTED},
    channels=CHANNELS,
    posts={platform: ["Missing: Aisha, 14"] for platform in ("facebook", "mastodon", "wordpress")},
    states={"delivered": 6},
)
async def pictures_are_corrected(world: World) -> None:
    images = [await puts(world, "a.png", "red"), await puts(world, "b.png", "blue")]
    await arrives(world, "Missing: Aisha", *images)
    await has(world, 3, "delivered", passing=1)
    fails(world, "mastodon", "post_then_500")
    fails(world, "facebook", "media_cut")
    await arrives(
        world, "Missing: Aisha, 14", await puts(world, "c.png", "green"),
        message="m2", type="correction",
    )  # fmt: skip
    await has(world, 6, "delivered", passing=1)


@scenario(
    recipes={"appeals": AT_ONCE},
    channels=CHANNELS,
    posts=ONE_EACH,
    # The posts, and their removals.
    states={"withdrawn": 5, "delivered": 5},
)
async def pictures_are_withdrawn(world: World) -> None:
    images = [await puts(world, "a.png", "red"), await puts(world, "b.png", "blue")]
    await arrives(world, "Missing: Aisha", *images)
    await has(world, 5, "delivered", passing=1)
    fails(world, "facebook", "delete_lies")
    await world.asks("POST", "/subjects/APP-1/withdraw?by=alice&reason=found")
    await has(world, 5, "withdrawn", passing=5)

    def shown() -> bool:
        # An upload whose answer was lost with the daemon cannot be found on Facebook, where no reader sees it.
        return any(medium.post for medium in world.sandbox.media.uploads("facebook"))

    await world.until(lambda: not shown(), passing=5)
