"""A form with a file in it, as RFC 7578 says. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from appealbridge.model.value import value

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,99}", re.ASCII)


@value
class FormFile:
    """A file in a form: the name of its field, its own name, its media type, and its bytes."""

    field: str
    name: str
    media_type: str
    data: bytes


def multipart(form: Mapping[str, str], file: FormFile) -> tuple[str, bytes]:
    """Return the media type and the bytes of a form with a file; raise `ValueError` for a name that is not plain."""
    for name in (*form, file.field, file.name, file.media_type):
        if _PLAIN.fullmatch(name) is None:
            raise ValueError("a name in a form has other characters than letters, digits and ._/+-")
    boundary = _boundary(form, file)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in form.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{file.field}"; filename="{file.name}"\r\n'
        f"Content-Type: {file.media_type}\r\n\r\n"
    )
    return f"multipart/form-data; boundary={boundary}", b"".join(
        (*parts, head.encode(), file.data, f"\r\n--{boundary}--\r\n".encode())
    )


def _boundary(form: Mapping[str, str], file: FormFile) -> str:
    """Return what separates the parts, which is in none of them: a sender's text must not become a field of its own."""
    texts = "\0".join(form.values()).encode()
    boundary = hashlib.sha256(texts + file.data[:4096]).hexdigest()
    while boundary.encode() in texts or boundary.encode() in file.data:
        boundary = hashlib.sha256(boundary.encode()).hexdigest()
    return boundary
