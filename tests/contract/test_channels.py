"""Every built-in channel is held to the contract that third parties' channels are held to."""

from appealbridge.channels.bluesky.channel import Bluesky
from appealbridge.channels.bluesky.post import record_key
from appealbridge.channels.email.channel import Mail
from appealbridge.channels.facebook.channel import Facebook
from appealbridge.channels.mastodon.channel import Mastodon
from appealbridge.channels.wordpress.channel import WordPress
from appealbridge.channels.x.channel import X
from appealbridge.plugin import Receipt, TryAgain
from appealbridge.plugin.registry import BUILT_IN, load
from appealbridge.testing.ability_contract import EditsContract, RemovesContract
from appealbridge.testing.channel_case import (
    PLANTED,
    ChannelCase,
    PublishedCase,
    UploadsCase,
    a_delivery,
)
from appealbridge.testing.channel_contract import ChannelContract
from appealbridge.testing.http_contract import HttpChannelContract
from appealbridge.testing.image_contract import (
    ImagesContract,
    PublishedUploadsContract,
    UploadsContract,
)
from appealbridge.testing.mail_contract import MailChannelContract

NOT_ON_X = {
    "value": "1860000000000000001",
    "detail": "Could not find tweet with id: [1860000000000000001].",
    "title": "Not Found Error",
    "resource_type": "tweet",
    "parameter": "id",
    "resource_id": "1860000000000000001",
    "type": "https://api.twitter.com/2/problems/resource-not-found",
}
PAGE = (200, {"id": "123456", "name": "Force"})
NOT_ON_FACEBOOK = (
    400,
    {"error": {"message": "Unsupported request.", "code": 100, "error_subcode": 33}},
)
ON_MASTODON = {"id": "42", "acct": "force", "url": "https://mastodon.example/@force"}
INSTANCE = {"configuration": {"statuses": {"max_characters": 500}}}
TOOT = {
    "id": "112233",
    "url": "https://mastodon.example/@force/112233",
    "account": ON_MASTODON,
}

POST = {"id": 17, "status": "publish"}
ON_THE_SITE = {"id": 31, "source_url": "https://news.example/wp-content/uploads/ab.jpg"}
NOT_ON_WORDPRESS = (
    404,
    {"code": "rest_post_invalid_id", "message": "Invalid post ID.", "data": {"status": 404}},
)


def on_wordpress(text):
    """The post as an editor of the site gets it, with this title and text."""
    title, _, rest = text.partition("\n")
    return {
        **POST,
        "title": {"raw": title},
        "content": {"raw": f"<p>{rest or title}</p>"},
    }


def beside_the_post(request):
    """Where the API is, and that there is no such post yet."""
    if request.method == "HEAD" and not request.query:
        return 200, "<html>", {"Link": '</wp-json/>; rel="https://api.w.org/"'}
    return (200, []) if (request.method, request.path) == ("GET", "/wp-json/wp/v2/posts") else None


class TestX(HttpChannelContract, RemovesContract, UploadsContract):
    case = ChannelCase(
        channel=X(),
        options={"user_id": "2244994945", "daily_cap": 60},
        secrets={
            "credentials": {
                "consumer_key": PLANTED,
                "consumer_secret": PLANTED,
                "access_token": PLANTED,
                "access_token_secret": PLANTED,
            }
        },
        message={"text": "MISSING from Digbeth: Aisha, 14 https://example.police.uk/a/412"},
        receipt=(201, {"data": {"id": "1860000000000000001", "text": "MISSING …"}}),
        special={402: TryAgain},
        published=PublishedCase(
            receipt=Receipt("1860000000000000001", "https://x.com/i/status/1860000000000000001"),
            check=[(200, {"data": {"id": "2244994945", "username": "force"}})],
            standing=lambda text: [(200, {"data": {"id": "1860000000000000001", "text": text}})],
            absent=[(200, {"errors": [NOT_ON_X]})],
            removed=(200, {"data": {"deleted": True}}),
            gone=None,
            refused=(403, {"title": "Forbidden", "detail": "You are not permitted to do this."}),
            swapped=(403, {"detail": "You are not authorized to delete this Tweet."}),
            swapped_check=[(200, {"data": {"id": "7", "username": "other"}})],
            swapped_options={"user_id": "7"},
        ),
        uploads=UploadsCase(
            uploaded=[
                (200, {"data": {"id": "18600000", "expires_after_secs": 86400}}),
                (200, {"data": {"id": "18600000"}}),
            ],
            media="18600000",
            other="18600001",
            refused=(400, {"title": "Invalid Request", "detail": "media type unrecognized."}),
            refused_because="media type unrecognized",
            expired=[(400, {"errors": [{"message": "Your media IDs are invalid."}]})],
        ),
    )


class TestFacebook(HttpChannelContract, RemovesContract, EditsContract, PublishedUploadsContract):
    case = ChannelCase(
        channel=Facebook(),
        options={"page_id": "123456"},
        secrets={"credentials": {"page_token": PLANTED, "app_secret": PLANTED}},
        message={"text": "MISSING: Aisha, 14", "link": "https://example.police.uk/a/412"},
        receipt=(200, {"id": "123456_789"}),
        published=PublishedCase(
            receipt=Receipt("123456_789", "https://www.facebook.com/123456_789"),
            check=[PAGE, (200, {"can_post": True})],
            standing=lambda text: [(200, {"id": "123456_789", "message": text})],
            absent=[NOT_ON_FACEBOOK, PAGE, (200, {"can_post": True})],
            removed=(200, {"success": True}),
            gone=NOT_ON_FACEBOOK,
            refused=(403, {"error": {"message": "(#200) Permissions error", "code": 200}}),
            swapped=NOT_ON_FACEBOOK,
            swapped_check=[(200, {"id": "654321", "name": "Other"}), (200, {"can_post": True})],
            swapped_options={"page_id": "654321"},
            edited=(200, {"success": True}),
        ),
        uploads=UploadsCase(
            uploaded=[(200, {"id": "5550001"})],
            media="5550001",
            other="5550002",
            refused=(400, {"error": {"message": "Your photos couldn't be uploaded.", "code": 324}}),
            refused_because="couldn't be uploaded",
            expired=[
                (400, {"error": {"message": "Invalid: media_fbid 5550001", "code": 100}}),
            ],
            removed=(200, {"success": True}),
            gone=NOT_ON_FACEBOOK,
            standing=[(200, {"id": "5550001"})],
            absent=[NOT_ON_FACEBOOK, PAGE, (200, {"can_post": True})],
        ),
    )


class TestMastodon(HttpChannelContract, RemovesContract, EditsContract, UploadsContract):
    case = ChannelCase(
        channel=Mastodon(),
        options={"max_characters": 500},
        secrets={"credentials": {"access_token": PLANTED}},
        message={"text": "MISSING: Aisha, 14", "language": "en"},
        receipt=(200, TOOT),
        published=PublishedCase(
            receipt=Receipt("112233", "https://mastodon.example/@force/112233"),
            check=[(200, ON_MASTODON), (200, {"scopes": ["read", "write"]}), (200, INSTANCE)],
            standing=lambda text: [
                (200, {**TOOT, "content": f"<p>{text}</p>"}),
                (200, {"id": "112233", "text": text, "spoiler_text": ""}),
            ],
            absent=[(404, {"error": "Record not found"})],
            removed=(200, TOOT),
            gone=(404, {"error": "Record not found"}),
            refused=(403, {"error": "This action is not allowed"}),
            swapped=(404, {"error": "Record not found"}),
            swapped_check=[
                (200, {**ON_MASTODON, "url": "https://other.example/@force"}),
                (404, {}),
                (404, {}),
            ],
            edited=(200, TOOT),
        ),
        uploads=UploadsCase(
            uploaded=[(200, {"id": "110001", "type": "image"})],
            media="110001",
            other="110002",
            refused=(422, {"error": "Validation failed: File content type is invalid"}),
            refused_because="content type is invalid",
            expired=[(422, {"error": "Media 110001 not found"})],
            slow=(202, {"id": "110001", "url": None}),
            working=[(206, {"id": "110001", "url": None})],
            finished=[(200, {"id": "110001", "url": "https://mastodon.example/a.png"})],
            refused_later=[(422, {"error": "Could not process the file"})],
            gone_while_working=[(404, {"error": "Record not found"})],
        ),
    )


DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
ON_BLUESKY = f"at://{DID}/app.bsky.feed.post/{record_key(a_delivery())}"
RECORD = {"uri": ON_BLUESKY, "cid": "bafyreietfxfayoig3nfhc5vtybddgmnaiueueq6hyr6kgpvliybwznlmji"}
NOT_ON_BLUESKY = (400, {"error": "RecordNotFound", "message": "Could not locate record"})


class TestBluesky(HttpChannelContract, RemovesContract, UploadsContract):
    case = ChannelCase(
        channel=Bluesky(),
        options={"handle": "force.police.uk"},
        secrets={"credentials": {"app_password": PLANTED}},
        message={"text": "MISSING: Aisha, 14 #Missing", "language": "en"},
        receipt=(200, {**RECORD, "commit": {"cid": "bafy", "rev": "3n"}}),
        login={"access": f"access-{PLANTED}", "refresh": f"refresh-{PLANTED}"},
        login_about={"did": DID, "handle": "force.police.uk"},
        published=PublishedCase(
            receipt=Receipt(ON_BLUESKY, f"https://bsky.app/profile/{DID}"),
            check=[(200, {"did": DID, "handle": "force.police.uk", "active": True})],
            standing=lambda text: [(200, {**RECORD, "value": {"text": text}})],
            absent=[NOT_ON_BLUESKY],
            removed=(200, {"commit": {"cid": "bafy", "rev": "3n"}}),
            gone=None,
            refused=(403, {"error": "ScopeMissingError", "message": "Missing required scope"}),
            swapped=(
                401,
                {"error": "AuthenticationRequired", "message": "Authentication Required"},
            ),
            swapped_check=[(200, {"did": "did:plc:b", "handle": "other.police.uk"})],
            swapped_options={"handle": "other.police.uk"},
        ),
        uploads=UploadsCase(
            uploaded=[(200, {"blob": {"$type": "blob", "ref": {"$link": "bafkreia"}}})],
            media="bafkreia",
            other="bafkreib",
            refused=(400, {"error": "InvalidRequest", "message": "Wrong mimetype"}),
            refused_because="Wrong mimetype",
            expired=[(400, {"error": "BlobNotFound", "message": "Could not find blob: bafkreia"})],
        ),
    )


class TestWordPress(HttpChannelContract, RemovesContract, EditsContract, PublishedUploadsContract):
    case = ChannelCase(
        channel=WordPress(),
        options={},
        secrets={"credentials": {"username": "bridge", "application_password": PLANTED}},
        message={"text": "MISSING: Aisha, 14"},
        receipt=(201, POST),
        aside=beside_the_post,
        published=PublishedCase(
            receipt=Receipt("17"),
            check=[(200, {"username": "bridge"})],
            standing=lambda text: [(200, on_wordpress(text))],
            absent=[NOT_ON_WORDPRESS, (404, "<html>Page not found</html>")],
            removed=(200, {**POST, "status": "trash"}),
            gone=(410, {"code": "rest_already_trashed", "message": "…", "data": {"status": 410}}),
            refused=(403, {"code": "rest_cannot_delete", "message": "…", "data": {"status": 403}}),
            swapped=(403, {"code": "rest_cannot_delete", "message": "…", "data": {"status": 403}}),
            swapped_check=[(200, {"username": "other"})],
            swapped_options={"credentials": {"username": "other", "application_password": PLANTED}},
            edited=(200, POST),
        ),
        uploads=UploadsCase(
            uploaded=[(201, ON_THE_SITE)],
            media="31",
            other="32",
            refused=(
                500,
                {
                    "code": "rest_upload_unknown_error",
                    "message": "Sorry, you are not allowed",
                    "data": {},
                },
            ),
            refused_because="you are not allowed",
            before=[(200, [{"id": 31}, {"id": 32}])],
            expired=[(200, [{"id": 32}])],
            found=[(200, [ON_THE_SITE])],
            not_found=[(200, [])],
            removed=(200, {"deleted": True}),
            gone=NOT_ON_WORDPRESS,
            standing=[(200, {"id": 31})],
            absent=[NOT_ON_WORDPRESS, (404, "<html>Page not found</html>")],
        ),
    )


class TestEmail(MailChannelContract, ImagesContract):
    case = ChannelCase(
        channel=Mail(),
        options={"sender": "Press Office <press@example.police.uk>"},
        secrets={"credentials": {"username": "press", "password": PLANTED}},
        message={"to": "desk@example.org", "subject": "Appeal: Aisha, 14", "text": "Last seen …"},
        address="smtp",
    )


def test_no_built_in_channel_escapes():
    built_in = load([name for name in BUILT_IN if ".channels." in name], third_party=False)
    suites = [*HttpChannelContract.__subclasses__(), *MailChannelContract.__subclasses__()]
    assert set(built_in.channels) == {suite.case.channel.platform for suite in suites}
    assert ChannelContract.__subclasses__() == [HttpChannelContract, MailChannelContract]
