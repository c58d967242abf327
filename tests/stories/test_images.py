"""Messages go out with their pictures, exactly as approved, or not at all; and every upload is made once."""

import io
import json
import random
from email import message_from_bytes, policy

import aiohttp
import pytest
from PIL import Image as Drawing

from appealbridge.cli.decisions import approvals
from appealbridge.plugin.http import Http
from appealbridge.practice import smtp
from appealbridge.practice.faults import FaultName
from tests.pictures import SECRET, drawn, exif, jpeg
from tests.stories import staging

ALT = "A girl in a red coat at a station"

RECIPE = """
alias: Appeals with pictures
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: post
    to: [force_x, force_facebook, force_mastodon]
    text: "{{ event.data.text }}"
    images: "{{ event.data.images }}"
"""
AT_ONCE, APPROVED = RECIPE + "approval: none\n", RECIPE

TOOTED = """
alias: A picture
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: mastodon_post
    channel: force_mastodon
    text: "{{ event.data.text }}"
    images: "{{ event.data.images }}"
approval: none
"""
APPROVED_TOOT = TOOTED.replace("approval: none", "")


def picture(colour="red", size=(60, 40), kind="PNG"):
    file = io.BytesIO()
    Drawing.new("RGB", size, colour).save(file, kind)
    return file.getvalue()


async def puts(story, name, data):
    """Put a picture on the practice website, and return its address."""
    address = f"{story.sandbox.url}/website/pictures/{name}"
    async with aiohttp.ClientSession() as session, session.put(address, data=data) as answer:
        assert answer.status == 204
    return address


async def arrives(story, text, *images, message="1"):
    data = {"type": "appeal", "subject": text, "text": text, "images": list(images)}
    await story.is_sent(json.dumps(data).encode(), message)


def shown(story, platform):
    return [post for post in story.sandbox.shelf.everything() if post.platform == platform]


async def test_every_channel_publishes_the_picture_with_its_alt_text(story):
    await story.begins({"appeals": AT_ONCE})
    url = await puts(story, "a.png", picture())
    await arrives(story, "Missing: Aisha", {"url": url, "alt": ALT})
    await story.state(3, "delivered")
    for platform in ("x", "facebook", "mastodon"):
        (post,) = shown(story, platform)
        assert [(medium["alt"], medium["bytes"]) for medium in post.media] == [
            (ALT, post.media[0]["bytes"])
        ]


async def test_what_was_approved_is_sent_although_the_picture_at_its_address_is_another_by_then(
    story,
):
    await story.begins({"appeals": APPROVED})
    url = await puts(story, "a.png", picture("red"))
    await arrives(story, "Missing: Aisha", {"url": url, "alt": ALT})
    held = await story.state(3, "held")
    assert {each["hold"] for each in held} == {"approval"}
    await puts(story, "a.png", picture("blue", (10, 10)))
    for each in held:
        await story.releases(each)
    await story.state(3, "delivered")
    (post,) = shown(story, "mastodon")
    (medium,) = post.media
    upload = story.sandbox.media.of("mastodon", post.account, medium["id"])
    assert Drawing.open(io.BytesIO(upload.data)).getpixel((5, 5)) == (255, 0, 0)
    assert story.sandbox.pictures.fetched["a.png"] == 1


async def test_a_picture_that_is_not_there_yet_is_waited_for_where_people_can_see_it(story):
    await story.begins({"toot": TOOTED})
    url = f"{story.sandbox.url}/website/pictures/late.png"
    await arrives(story, "Missing: Aisha", {"url": url, "alt": ALT})
    await story.state(1, "planned")

    async def explained():
        (delivery,) = await story.deliveries()
        return "404" in (delivery["reason"] or "") and delivery

    assert url in (await story.until(explained))["reason"]
    await puts(story, "late.png", picture())
    await story.state(1, "delivered", passing=10.0)
    assert len(shown(story, "mastodon")[0].media) == 1


async def test_a_picture_that_never_comes_is_the_reason_why_a_message_is_too_late(story):
    recipe = TOOTED + "publish_within: 1h\non_failure: []\n"
    await story.begins({"toot": recipe})
    url = f"{story.sandbox.url}/website/pictures/never.png"
    await arrives(story, "Missing: Aisha", {"url": url, "alt": ALT})
    (expired,) = await story.state(1, "expired", passing=60.0)
    assert "never.png" in expired["reason"]
    assert "404" in expired["reason"]


async def test_a_recipe_may_go_out_without_a_picture_that_cannot_be_had(story):
    await story.begins({"toot": TOOTED + "images_required: false\n"})
    url = f"{story.sandbox.url}/website/pictures/never.png"
    good = await puts(story, "good.png", picture())
    await arrives(
        story, "Missing: Aisha", {"url": url, "alt": ALT}, {"url": good, "alt": "The station"}
    )
    await story.state(1, "delivered", passing=5.0)
    (post,) = shown(story, "mastodon")
    assert [medium["alt"] for medium in post.media] == ["The station"]


async def test_a_file_that_is_no_picture_fails_with_what_to_send_instead(story):
    await story.begins({"toot": TOOTED})
    url = await puts(story, "a.png", b"\0\0\0\x18ftypheic" + bytes(100))
    await arrives(story, "Missing: Aisha", {"url": url, "alt": ALT})
    (failed,) = await story.state(1, "failed")
    assert "JPEG" in failed["reason"]
    await puts(story, "a.png", picture())
    status, _ = await story.asks("POST", f"/deliveries/{failed['number']}/retry")
    assert status == 200
    await story.state(1, "delivered")
    assert len(shown(story, "mastodon")[0].media) == 1


async def test_a_picture_without_alt_text_waits_for_a_person(story):
    await story.begins({"toot": TOOTED})
    url = await puts(story, "a.png", picture())
    await arrives(story, "Missing: Aisha", {"url": url, "alt": " "})
    (held,) = await story.state(1, "held")
    assert held["hold"] == "alt_text"
    assert "image 1 has no alt text" in held["reason"]
    await story.releases(held)
    await story.state(1, "delivered")


async def test_an_account_may_publish_pictures_without_alt_text(story):
    channels = (
        'force_mastodon: { platform: mastodon, api: "https://m.example", alt_text: optional }'
    )
    await story.begins({"toot": TOOTED}, channels)
    url = await puts(story, "a.png", picture())
    await arrives(story, "Missing: Aisha", {"url": url})
    await story.state(1, "delivered")


async def test_the_first_pictures_go_out_and_a_person_reads_which_ones_do_not(story):
    await story.begins({"toot": APPROVED_TOOT})
    urls = [await puts(story, f"{n}.png", picture(size=(n, n))) for n in range(1, 7)]
    await arrives(story, "Missing: Aisha", *({"url": url, "alt": url} for url in urls))
    (held,) = await story.state(1, "held")
    assert "2 more images are left out" in held["reason"]
    assert urls[4] in held["reason"]
    await story.releases(held)
    await story.state(1, "delivered")
    assert [medium["alt"] for medium in shown(story, "mastodon")[0].media] == urls[:4]


async def test_a_question_on_the_command_line_says_what_each_picture_is(story, capsys):
    await story.begins({"toot": APPROVED_TOOT})
    await arrives(
        story, "Missing: Aisha", {"url": await puts(story, "a.png", picture()), "alt": ALT}
    )
    await story.state(1, "held")
    _, (question,) = await story.asks("GET", "/questions")
    approvals.print_questions([question])
    assert f'image 1: "{ALT}", PNG, 60 × 40 pixels' in capsys.readouterr().out


async def attempts(story):
    (delivery,) = await story.deliveries()
    _, whole = await story.asks("GET", f"/deliveries/{delivery['number']}")
    return [(each["kind"], each["outcome"]) for each in whole["history"]]


async def test_each_upload_is_an_attempt_of_its_own(story):
    await story.begins({"toot": TOOTED})
    urls = [await puts(story, f"{n}.png", picture(size=(n, n))) for n in (1, 2)]
    await arrives(story, "Missing: Aisha", *({"url": url, "alt": url} for url in urls))
    await story.state(1, "delivered")
    assert await attempts(story) == [
        ("upload", "uploaded"),
        ("upload", "uploaded"),
        ("send", "delivered"),
    ]


async def test_a_platform_that_works_on_a_picture_for_a_minute_is_waited_for(story):
    await story.begins({"toot": TOOTED})
    url = await puts(story, "a.png", picture())
    story.sandbox.faults.add("mastodon", FaultName.MEDIA_SLOW, 1, 60.0)
    await arrives(story, "Missing: Aisha", {"url": url, "alt": ALT})
    await story.state(1, "delivered", passing=1.0)
    assert len(story.sandbox.media.uploads("mastodon")) == 1
    assert len(shown(story, "mastodon")) == 1
    assert len(await attempts(story)) < 15


EVERYWHERE = AT_ONCE.replace(
    "[force_x, force_facebook, force_mastodon]",
    "[force_x, force_facebook, force_mastodon, force_bluesky, newsroom]",
)
UPLOADING = ["x", "facebook", "mastodon", "bluesky", "wordpress"]


async def publishes_everywhere(story):
    """Publish a message with a picture on every platform that takes uploads."""
    await story.begins({"appeals": EVERYWHERE}, CORRECTABLE)
    return {"url": await puts(story, "a.png", picture()), "alt": ALT}


@pytest.mark.parametrize(
    "fault",
    [
        FaultName.POST_THEN_RESET,
        FaultName.HTTP_503,
        FaultName.POST_THEN_500,
        FaultName.MEDIA_CUT,
        FaultName.MEDIA_EXPIRED,
    ],
)
@pytest.mark.parametrize("platform", UPLOADING)
async def test_an_upload_that_went_wrong_is_made_again_and_the_post_goes_out_once(
    story, fault, platform
):
    image = await publishes_everywhere(story)
    story.sandbox.faults.add(platform, fault, 1, None)
    await arrives(story, "Missing: Aisha", image)
    await story.state(5, "delivered", passing=1.0)
    assert story.sandbox.faults.shown() == []
    (post,) = shown(story, platform)
    assert [medium["alt"] for medium in post.media] == [ALT]
    assert await files(story, post) == [(60, 40)]


@pytest.mark.parametrize("platform", UPLOADING)
async def test_a_picture_that_a_platform_refuses_fails_with_its_words(story, platform):
    image = await publishes_everywhere(story)
    story.sandbox.faults.add(platform, FaultName.MEDIA_REFUSED, 1, None)
    await arrives(story, "Missing: Aisha", image)
    everything = await story.state(5, "delivered", "failed")
    (failed,) = [each for each in everything if each["state"] == "failed"]
    assert "image 1" in failed["reason"]
    assert shown(story, platform) == []


@pytest.mark.parametrize("platform", ["x", "facebook", "mastodon"])
async def test_a_post_with_a_picture_whose_answer_is_lost_is_found_again(story, platform):
    await story.begins({"appeals": AT_ONCE})
    url = await puts(story, "a.png", picture())
    await arrives(story, "Missing: Aisha", {"url": url, "alt": ALT}, message="1")

    async def uploaded():
        return story.sandbox.media.uploads(platform)

    await story.until(uploaded)
    story.sandbox.faults.add(platform, FaultName.POST_THEN_RESET, 1, None)
    await story.state(3, "delivered", passing=1.0)
    (post,) = shown(story, platform)
    assert [medium["alt"] for medium in post.media] == [ALT]


async def test_photos_on_facebook_are_removed_one_by_one_when_their_post_is_withdrawn(story):
    await story.begins({"appeals": AT_ONCE})
    urls = [await puts(story, f"{n}.png", picture(size=(n, n))) for n in (1, 2)]
    await arrives(story, "APP-1", *({"url": url, "alt": url} for url in urls))
    await story.state(3, "delivered")
    assert len(story.sandbox.media.uploads("facebook")) == 2
    status, _ = await story.asks("POST", "/subjects/APP-1/withdraw?by=alice&reason=found")
    assert status == 200

    async def gone():
        return not story.sandbox.media.uploads("facebook")

    await story.until(gone, passing=1.0)
    await story.state(6, "withdrawn", "delivered", passing=1.0)
    assert story.sandbox.shelf.counts()["facebook"] == 0


async def test_a_withdrawal_between_two_uploads_leaves_nothing_behind(story):
    await story.begins({"appeals": AT_ONCE})
    urls = [await puts(story, f"{n}.png", picture(size=(n, n))) for n in (1, 2, 3)]
    story.sandbox.faults.add("facebook", FaultName.SLOW, 1, 5.0)
    await arrives(story, "APP-1", *({"url": url, "alt": url} for url in urls))

    async def uploaded():
        return len(story.sandbox.media.uploads("facebook")) == 1

    await story.until(uploaded)
    await story.asks("POST", "/subjects/APP-1/withdraw?by=alice&reason=found")
    await story.clock.passes(minutes=5)

    async def nothing():
        states = {row["state"] for row in await story.deliveries() if row["channel"]}
        return not story.sandbox.media.uploads("facebook") and not states & {
            "ready",
            "sending",
            "planned",
            "withdrawing",
        }

    await story.until(nothing, passing=30.0)


AMENDED = """
alias: A picture, corrected
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'correction' }}"
    then:
      - { action: amend, of: toot, text: "{{ event.data.text }}" }
    else:
      - action: mastodon_post
        id: toot
        channel: force_mastodon
        text: "{{ event.data.text }}"
        images: "{{ event.data.images }}"
approval: none
"""


async def test_a_correction_of_the_text_leaves_the_picture_where_it_is(story):
    await story.begins({"toot": AMENDED})
    url = await puts(story, "a.png", picture())
    data = {"type": "appeal", "subject": "APP-1", "text": "She is 14."}
    await story.is_sent(json.dumps({**data, "images": [{"url": url, "alt": ALT}]}).encode(), "1")
    await story.state(1, "delivered")
    correction = {"type": "correction", "subject": "APP-1", "text": "She is 15."}
    await story.is_sent(json.dumps(correction).encode(), "2")
    await story.state(2, "delivered", passing=1.0)
    (post,) = shown(story, "mastodon")
    assert post.text == "She is 15."
    assert [medium["alt"] for medium in post.media] == [ALT]


CARD = """
alias: A card
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: bluesky_post
    channel: force_bluesky
    text: "{{ event.data.text }}"
    link: https://www.example.police.uk/a
    link_image: "{{ event.data.images[0].url }}"
approval: none
"""


async def test_the_picture_of_a_card_goes_through_the_renderer_too(story, monkeypatch):
    # It is fetched from public addresses only; here is none.
    monkeypatch.setattr(Http, "get_outside", Http.get)
    channels = (
        f"{staging.CHANNELS}force_bluesky: {{ platform: bluesky, handle: force.police.uk }}\n"
    )
    await story.begins({"card": CARD}, channels)
    result = jpeg(drawn(), exif=exif())
    assert SECRET in result
    await arrives(story, "Missing: Aisha", {"url": await puts(story, "card.jpg", result)})
    await story.state(1, "delivered")
    (post,) = shown(story, "bluesky")
    thumb = post.more["record"]["embed"]["external"]["thumb"]
    blob = f"{story.sandbox.url}/bluesky/xrpc/com.atproto.sync.getBlob"
    query = {"cid": thumb["ref"]["$link"]}
    async with aiohttp.ClientSession() as session, session.get(blob, params=query) as answer:
        shown_to_readers = await answer.read()
    assert Drawing.open(io.BytesIO(shown_to_readers)).size == (640, 480)
    assert SECRET not in shown_to_readers


SITES = """\
force_bluesky: { platform: bluesky, handle: force.police.uk }
newsroom: { platform: wordpress, api: "https://news.example" }
"""
ON_SITES = """
alias: Appeals with pictures
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: post
    to: [force_bluesky, newsroom]
    text: "{{ event.data.text }}"
    images: "{{ event.data.images }}"
approval: none
"""


async def two_pictures(story):
    urls = [await puts(story, f"{n}.png", picture(size=(n * 10, 20))) for n in (1, 2)]
    return [{"url": url, "alt": alt} for url, alt in zip(urls, (ALT, "The station"), strict=True)]


async def files(story, post):
    """Return the size of each picture of a post as readers load it, `None` if it is not there."""
    sizes = []
    for medium in post.media:
        url = medium["url"]
        address = url if url.startswith("http") else f"{story.sandbox.url}{url}"
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            data = await answer.read()
            there = answer.status == 200
            sizes.append(Drawing.open(io.BytesIO(data)).size if there else None)
    return sizes


@pytest.mark.parametrize("platform", ["bluesky", "wordpress"])
@pytest.mark.parametrize("lost", [0, 1, 3])
async def test_two_pictures_go_out_once_with_their_alt_texts_even_if_answers_are_lost(
    story, platform, lost
):
    await story.begins({"appeals": ON_SITES}, SITES)
    if lost:
        story.sandbox.faults.add(platform, FaultName.POST_THEN_RESET, lost, None)
    await arrives(story, "Missing: Aisha", *await two_pictures(story))
    await story.state(2, "delivered", passing=1.0)
    (post,) = shown(story, platform)
    assert [medium["alt"] for medium in post.media] == [ALT, "The station"]
    assert await files(story, post) == [(10, 20), (20, 20)]


async def test_pictures_on_a_site_are_deleted_with_their_post(story):
    await story.begins({"appeals": ON_SITES}, SITES)
    await arrives(story, "APP-1", *await two_pictures(story))
    await story.state(2, "delivered")
    (post,) = shown(story, "wordpress")
    assert None not in await files(story, post)
    status, _ = await story.asks("POST", "/subjects/APP-1/withdraw?by=alice&reason=found")
    assert status == 200

    async def gone():
        return await files(story, post) == [None, None]

    await story.until(gone, passing=1.0)
    await story.state(4, "withdrawn", "delivered", passing=1.0)


MAILED = """
alias: To the press
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: email
    channel: press_office
    to: newsdesk@example-mail.example
    subject: Appeal
    text: "{{ event.data.text }}"
    BODY
    images: "{{ event.data.images }}"
approval: none
"""
OFFICE = """\
press_office:
  platform: email
  smtp: SMTP
  sender: Press Office <press@example.police.uk>
  max_size: 100000
"""


@pytest.fixture
def mails(monkeypatch):
    """Every mail as the practice mail server got it."""
    stored = []
    read = smtp.read

    def keep_and_read(content):
        stored.append(content)
        return read(content)

    monkeypatch.setattr(smtp, "read", keep_and_read)
    return stored


def photograph():
    """Draw a picture that no JPEG makes small, and say in its metadata where it was taken."""
    exif = Drawing.Exif()
    exif[0x010E] = "Secret place"
    exif.get_ifd(0x8825)[2] = (52.0, 28.0, 0.0)
    file = io.BytesIO()
    noise = Drawing.frombytes("RGB", (500, 400), random.Random(7).randbytes(500 * 400 * 3))
    noise.save(file, "JPEG", quality=95, exif=exif)
    assert b"Secret place" in file.getvalue()
    assert len(file.getvalue()) > 100_000
    return file.getvalue()


@pytest.mark.parametrize("html", ["html: <p>Missing</p>", ""], ids=["html", "text"])
async def test_a_mail_has_its_pictures_inside_without_metadata_and_within_its_size(
    story, mails, html
):
    await story.begins({"press": MAILED.replace("BODY", html)}, OFFICE)
    url = await puts(story, "a.jpg", photograph())
    images = [{"url": url, "alt": ALT}, {"url": await puts(story, "b.png", picture()), "alt": "B"}]
    await arrives(story, "Missing: Aisha", *images)
    await story.state(1, "delivered", passing=1.0)
    (content,) = mails
    assert len(content) <= 100_000
    mail = message_from_bytes(content, policy=policy.default)
    pictures = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    assert [part.get_content_disposition() for part in pictures] == [
        "inline" if html else "attachment"
    ] * 2
    for part in pictures:
        drawing = Drawing.open(io.BytesIO(part.get_content()))
        drawing.load()
        assert not drawing.getexif()
        assert b"Secret place" not in part.get_content()
    assert ALT in mail.get_body(("plain",)).get_content()
    if html:
        text = mail.get_body(("html",)).get_content()
        for part in pictures:
            assert f'src="cid:{part["Content-ID"].strip("<>")}"' in text
        assert f'alt="{ALT}"' in text


CORRECTED = """
alias: Pictures, corrected
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'correction' }}"
    then:
      - { action: amend, of: report, text: "{{ event.data.text }}", images: "{{ event.data.images }}"INSTEAD }
    else:
      - action: post
        id: report
        to: CHANNELS
        text: "{{ event.data.text }}"
        images: "{{ event.data.images }}"
approval: none
"""
CORRECTABLE = staging.CHANNELS + SITES
EDITABLE = ["facebook", "mastodon", "wordpress"]


def correcting(*channels, instead=""):
    text = CORRECTED.replace("CHANNELS", f"[{', '.join(channels)}]")
    return {"corrected": text.replace("INSTEAD", f", instead: {instead}" if instead else "")}


async def corrects(story, text, *images, message="2"):
    data = {"type": "correction", "subject": "APP-1", "text": text, "images": list(images)}
    await story.is_sent(json.dumps(data).encode(), message)


async def publishes_one(story, *channels, instead=""):
    """Publish a red picture about APP-1, and return its address."""
    await story.begins(correcting(*channels, instead=instead), CORRECTABLE)
    url = await puts(story, "a.png", picture("red"))
    data = {"type": "appeal", "subject": "APP-1", "text": "Missing: Aisha"}
    await story.is_sent(json.dumps({**data, "images": [{"url": url, "alt": ALT}]}).encode(), "1")
    await story.state(len(channels), "delivered")
    return url


async def colours(story, post):
    """Return the colour of each picture of a post as readers load it."""
    colours = []
    for medium in post.media:
        url = medium["url"]
        address = url if url.startswith("http") else f"{story.sandbox.url}{url}"
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            assert answer.status == 200
            drawing = Drawing.open(io.BytesIO(await answer.read())).convert("RGB")
            red, _, blue = drawing.getpixel((5, 5))
            colours.append("red" if red > 200 else "blue" if blue > 200 else "other")
    return colours


ALL_EDITABLE = ("force_facebook", "force_mastodon", "newsroom")


async def test_a_correction_changes_picture_and_alt_text_where_posts_can_be_edited(story):
    await publishes_one(story, *ALL_EDITABLE)
    blue = await puts(story, "b.png", picture("blue"))
    await corrects(story, "Missing: Aisha", {"url": blue, "alt": "A girl in a blue coat"})
    await story.state(6, "delivered", passing=1.0)
    for platform in EDITABLE:
        (post,) = shown(story, platform)
        assert [medium["alt"] for medium in post.media] == ["A girl in a blue coat"], platform
        assert await colours(story, post) == ["blue"], platform


async def test_a_correction_of_the_alt_text_alone_reaches_readers(story):
    url = await publishes_one(story, *ALL_EDITABLE)
    await corrects(story, "Missing: Aisha", {"url": url, "alt": "A girl in a red coat, 14"})
    await story.state(6, "delivered", passing=1.0)
    for platform in EDITABLE:
        (post,) = shown(story, platform)
        assert [medium["alt"] for medium in post.media] == ["A girl in a red coat, 14"], platform


async def test_what_a_correction_took_off_a_post_is_removed_from_the_platform(story):
    await publishes_one(story, *ALL_EDITABLE)
    (first,) = shown(story, "wordpress")
    (old,) = first.media
    (photo,) = story.sandbox.media.uploads("facebook")
    await corrects(story, "Missing: Aisha")
    await story.state(6, "delivered", passing=1.0)

    async def removed():
        async with aiohttp.ClientSession() as session, session.get(old["url"]) as answer:
            return answer.status == 404 and photo not in story.sandbox.media.uploads("facebook")

    await story.until(removed, passing=10.0)
    for platform in ("mastodon", "wordpress"):
        assert shown(story, platform)[0].media == [], platform


async def test_a_withdrawal_removes_the_pictures_of_a_correction_too(story):
    await publishes_one(story, *ALL_EDITABLE)
    blue = await puts(story, "b.png", picture("blue"))
    await corrects(story, "Missing: Aisha", {"url": blue, "alt": ALT})
    await story.state(6, "delivered", passing=1.0)
    (post,) = shown(story, "wordpress")
    await story.asks("POST", "/subjects/APP-1/withdraw?by=alice&reason=found")

    async def gone():
        return not story.sandbox.media.uploads("facebook") and await files(story, post) == [None]

    await story.until(gone, passing=10.0)


async def test_a_correction_of_the_text_keeps_the_pictures_of_the_last_correction(story):
    await publishes_one(story, *ALL_EDITABLE)
    blue = await puts(story, "b.png", picture("blue"))
    await corrects(story, "Missing: Aisha", {"url": blue, "alt": "Blue"})
    await story.state(6, "delivered", passing=1.0)
    text_only = correcting(*ALL_EDITABLE)["corrected"].replace(
        ', images: "{{ event.data.images }}" }', " }"
    )
    story.stage.recipe("corrected", text_only)
    await story.asks("POST", "/reload")
    await corrects(story, "Missing: Aisha, 14", message="3")
    await story.state(9, "delivered", passing=1.0)
    for platform in EDITABLE:
        (post,) = shown(story, platform)
        assert "Aisha, 14" in post.text, platform
        assert await colours(story, post) == ["blue"], platform


@pytest.mark.parametrize("platform", EDITABLE)
@pytest.mark.parametrize("fault", [FaultName.POST_THEN_RESET, FaultName.POST_THEN_500])
@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_an_edit_with_a_picture_whose_answers_are_lost_arrives(story, platform, fault, lost):
    channel = "newsroom" if platform == "wordpress" else f"force_{platform}"
    await publishes_one(story, channel)
    blue = await puts(story, "b.png", picture("blue"))
    story.sandbox.faults.add(platform, fault, lost, None)
    await corrects(story, "Missing: Aisha", {"url": blue, "alt": "Blue"})
    await story.state(2, "delivered", passing=2.0)
    (post,) = shown(story, platform)
    assert await colours(story, post) == ["blue"]
    assert len(post.edits) == 0


@pytest.mark.parametrize("instead", ["follow_up", "replace"])
async def test_where_posts_cannot_be_edited_the_new_picture_goes_out_instead(story, instead):
    await publishes_one(story, "force_x", "force_bluesky", instead=instead)
    blue = await puts(story, "b.png", picture("blue"))
    await corrects(story, "Missing: Aisha, 14", {"url": blue, "alt": "Blue"})
    up = {}

    async def there():
        for platform in ("x", "bluesky"):
            up[platform] = [post for post in shown(story, platform) if post.deleted_at is None]
        expected = 2 if instead == "follow_up" else 1
        texts = [posts[-1].text for posts in up.values() if len(posts) == expected]
        return texts == ["Missing: Aisha, 14"] * 2

    await story.until(there, passing=2.0)
    for posts in up.values():
        assert await colours(story, posts[-1]) == ["blue"]


@pytest.mark.parametrize("last", ["post", "picture"])
async def test_a_reply_with_a_picture_waits_for_its_post_and_for_its_picture(story, last):
    await story.begins(correcting("force_x"), CORRECTABLE)
    story.sandbox.faults.add("x", FaultName.POST_THEN_RESET, 1, None)
    data = {"type": "appeal", "subject": "APP-1", "text": "Missing: Aisha", "images": []}
    await story.is_sent(json.dumps(data).encode(), "1")
    await story.until(lambda: shown(story, "x"))
    name = "there.png" if last == "post" else "late.png"
    if last == "post":
        await puts(story, name, picture("blue"))
    url = f"{story.sandbox.url}/website/pictures/{name}"
    await corrects(story, "Missing: Aisha, 14", {"url": url, "alt": "Late"})

    async def states():
        return {each["change"]: each["state"] for each in await story.deliveries()}

    async def are(*expected):
        return await states() == dict(zip((None, "follow_up"), expected, strict=True))

    await story.until(lambda: are("unknown", "planned"))
    if last == "picture":
        await story.until(lambda: are("delivered", "planned"), passing=1.0)
        await story.clock.passes(seconds=30)
        assert [post.text for post in shown(story, "x")] == ["Missing: Aisha"]
        await puts(story, name, picture("blue"))
    await story.state(2, "delivered", passing=1.0)
    first, reply = shown(story, "x")
    assert [medium["alt"] for medium in reply.media] == ["Late"]
    assert first.media == []


async def test_the_trace_names_the_pictures_that_a_channel_does_not_take(story):
    await story.begins({"toot": TOOTED})
    urls = [await puts(story, f"{n}.png", picture(size=(n, n))) for n in range(1, 7)]
    await arrives(story, "Missing: Aisha", *({"url": url, "alt": url} for url in urls))
    (delivery,) = await story.state(1, "delivered")
    _, run = await story.asks("GET", f"/runs/{delivery['run']}")
    messages = [entry["message"] for entry in run["trace"]]
    assert [message for message in messages if "without 2 more images" in message] == [
        f"planned a delivery on force_mastodon, without 2 more images: {urls[4]}, {urls[5]}"
    ]


THREADED = TOOTED.replace("images:", "overflow: thread\n    images:")


async def test_the_first_post_of_a_thread_bears_the_pictures(story):
    await story.begins({"toot": THREADED})
    url = await puts(story, "a.png", picture())
    await arrives(story, "Missing: Aisha. " * 60, {"url": url, "alt": ALT})
    await story.until(lambda: len(shown(story, "mastodon")) == 2, passing=1.0)
    first, second = shown(story, "mastodon")
    assert [medium["alt"] for medium in first.media] == [ALT]
    assert second.media == []
    assert second.more["in_reply_to"] == first.id


async def test_a_channel_may_have_other_pictures_and_other_alt_texts(story):
    own = AT_ONCE.replace(
        "approval: none",
        """    per_channel:
      force_x: { images: [{ url: "{{ event.data.images[0].url }}", alt: Short }] }
      force_facebook: { images: [] }
approval: none""",
    )
    await story.begins({"appeals": own})
    urls = [await puts(story, f"{n}.png", picture(size=(n, n))) for n in (1, 2)]
    await arrives(story, "Missing: Aisha", *({"url": url, "alt": ALT} for url in urls))
    await story.state(3, "delivered")
    alts = {
        platform: [medium["alt"] for medium in shown(story, platform)[0].media]
        for platform in ("x", "facebook", "mastodon")
    }
    assert alts == {"x": ["Short"], "facebook": [], "mastodon": [ALT, ALT]}
    assert story.sandbox.pictures.fetched["1.png"] == 1


async def test_an_alt_text_that_is_too_long_is_never_cut(story):
    await story.begins({"appeals": AT_ONCE})
    url = await puts(story, "a.png", picture())
    await arrives(story, "Missing: Aisha", {"url": url, "alt": "x" * 1001})
    run = await story.until(lambda: failed_run(story))
    assert "1001 characters, but force_x allows 1000 for an alt text; shorten it" in run["reason"]
    assert not any(shown(story, platform) for platform in ("x", "facebook", "mastodon"))


async def failed_run(story):
    _, listed = await story.asks("GET", "/runs")
    runs = listed if isinstance(listed, list) else listed["runs"]
    return next((run for run in runs if run["state"] == "failed"), None)
