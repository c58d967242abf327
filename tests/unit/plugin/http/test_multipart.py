import hashlib
from email.parser import BytesParser
from email.policy import HTTP

import pytest

from appealbridge.plugin.http import FormFile
from appealbridge.plugin.http.multipart import multipart

PICTURE = FormFile("file", "a.jpg", "image/jpeg", b"\xff\xd8\r\n--\x00" * 3)


def parsed(media_type, body):
    head = f"Content-Type: {media_type}\r\n\r\n".encode()
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()
    ]


def test_a_form_with_a_file_is_read_back_as_it_was():
    alt = 'A girl in a red coat, "Aisha"\nat the station £'
    assert parsed(*multipart({"description": alt}, PICTURE)) == [
        ("description", None, alt.encode()),
        ("file", "a.jpg", PICTURE.data),
    ]


def test_an_alt_text_that_was_made_for_it_does_not_become_a_field():
    """The boundary can be computed from the picture alone only if the texts are not part of it."""
    digest = hashlib.sha256(PICTURE.data).hexdigest()
    guess, _ = multipart({"description": "x"}, PICTURE)
    for boundary in (digest, guess.partition("boundary=")[2]):
        text = f'x\r\n--{boundary}\r\nContent-Disposition: form-data; name="focus"\r\n\r\n0,1'
        parts = parsed(*multipart({"description": text}, PICTURE))
        assert [name for name, _, _ in parts] == ["description", "file"]


def test_a_boundary_that_is_in_the_file_is_not_used():
    """Of a short file everything is known beforehand."""
    texts = b"x"
    boundary = hashlib.sha256(texts + b"").hexdigest()
    media_type, body = multipart({"description": "x"}, FormFile("file", "a", "image/png", b""))
    assert boundary in media_type
    later = FormFile("file", "a", "image/png", b"y" * 4096 + b"z")
    first = multipart({"description": "x"}, later)[0].partition("boundary=")[2]
    later = FormFile("file", "a", "image/png", b"y" * 4096 + f"\r\n--{first}--".encode())
    media_type, body = multipart({"description": "x"}, later)
    assert first not in media_type
    assert parsed(media_type, body)[1][2] == later.data


@pytest.mark.parametrize("name", ["", "a\r\nb", 'a"b', "é", "a" * 101])
def test_a_name_with_a_line_end_or_a_quote_is_not_written(name):
    with pytest.raises(ValueError, match="name in a form"):
        multipart({}, FormFile("file", name, "image/png", b""))
