import pytest
from pydantic import ValidationError

from appealbridge.plugin import Rejected, Tools
from appealbridge.plugin.images import Illustrated, Image, StoredImage, Uploaded
from appealbridge.plugin.message_images import upload_name

STORED = StoredImage(sha256="0" * 64, media_type="image/png", width=1, height=1, size=70)
PHOTO = Image(url="https://example.police.uk/a.jpg", alt="A girl in a red coat")


def test_a_message_without_images_is_stored_as_before_there_were_any():
    assert Illustrated().model_dump(mode="json") == {}


def test_an_image_is_stored_with_its_rendition_but_not_with_its_upload():
    ready = PHOTO.model_copy(update={"stored": STORED, "upload": Uploaded("7")})
    message = Illustrated(images=(ready,))
    read = Illustrated.model_validate_json(message.model_dump_json())
    assert read.images[0].stored == STORED
    assert read.images[0].upload is None
    assert "upload" not in message.model_dump_json()


@pytest.mark.parametrize(
    "wrong", [{}, {"url": "https://a.example/b", "file": "b"}, {"url": "ftp://a.example/b"}]
)
def test_an_image_comes_from_one_place(wrong):
    with pytest.raises(ValidationError):
        Image(**wrong)


def test_nothing_is_read_of_an_image_before_it_is_there():
    with pytest.raises(ValueError, match="no stored rendition"):
        PHOTO.rendition  # noqa: B018
    with pytest.raises(ValueError, match="not uploaded"):
        PHOTO.media  # noqa: B018


async def test_without_a_store_no_image_has_bytes():
    with pytest.raises(Rejected, match="not stored"):
        await Tools(None, 0.0, None).data_of(PHOTO.model_copy(update={"stored": STORED}))


def test_the_name_of_an_upload_is_the_same_each_time_and_tells_nothing():
    name = upload_name("0abcdefgh1234567.missing-child.step1", 1)
    assert name == upload_name("0abcdefgh1234567.missing-child.step1", 1)
    assert name != upload_name("0abcdefgh1234567.missing-child.step1", 2)
    assert "missing" not in name
