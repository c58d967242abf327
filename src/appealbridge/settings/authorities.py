"""Reads the file of `ca_file:`, the certificates of authorities that are trusted besides those of the system."""

from __future__ import annotations

import ssl
from pathlib import Path

from appealbridge.documents import Document, Problem
from appealbridge.files import READ_LIMIT, read_file

_BEGIN = b"-----BEGIN CERTIFICATE-----"


def authorities_of(
    document: Document, file: Path | None, *, offline: bool
) -> tuple[str, list[Problem]]:
    """
    Return the certificates in PEM, and what is wrong with the file.

    If it is missing and `offline`, this is only a note: the settings may be checked on another machine.
    """
    if file is None:
        return "", []
    try:
        content = read_file(file)
        return _certificates(content), []
    except FileNotFoundError:
        message = f"no file {file}"
        cure = "create it, or fix its path; the daemon does not start without it"
        if offline:
            return "", [document.problem(("ca_file",), message, cure, level="note")]
    except OSError as error:
        message = f"cannot read {file}: {error.strerror}"
        cure = "name a file that the daemon's user may read"
    except ValueError as error:
        message, _, cure = str(error).partition("; ")
    return "", [document.problem(("ca_file",), message, cure)]


def _certificates(content: bytes) -> str:
    """Return the certificates of a file; raise `ValueError` with how to fix it if they cannot be used."""
    if len(content) > READ_LIMIT:
        raise ValueError("the file is longer than 1 MiB; put only your own authorities into it")
    begin = content.find(_BEGIN)
    if begin < 0:
        raise ValueError(
            "the file has no certificate in PEM; it must have a line -----BEGIN CERTIFICATE-----, "
            "which this command makes of a binary one: openssl x509 -inform der -in FILE -out FILE.pem"
        )
    # What stands before and between the certificates, such as their names, may be in any encoding.
    text = content[begin:].decode("ascii", "replace").replace("\ufffd", "?")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise ValueError(
            "the file has a certificate that cannot be read; export it again, whole"
        ) from None
    return text
