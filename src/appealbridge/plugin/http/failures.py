"""Says in plain words why a connection could not be made, or was lost."""

from __future__ import annotations

import errno
import os
import socket
import ssl

NO_ANSWER = "no answer in time"

_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ETIMEDOUT: NO_ANSWER,
    errno.EHOSTUNREACH: "this host cannot be reached from here",
    errno.ENETUNREACH: "there is no way from here into its network",
    errno.ECONNRESET: "the connection was broken off",
    errno.ECONNABORTED: "the connection was broken off",
    errno.EPIPE: "the connection was broken off",
    errno.EACCES: "this machine's firewall does not allow it",
    errno.EPERM: "this machine's firewall does not allow it",
    errno.EMFILE: "the program has too many open files",
    errno.ENFILE: "this machine has too many open files",
}
_NO_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


class Unreachable(OSError):
    """No connection could be made; the message is for people."""


def unreachable(place: str, error: BaseException) -> Unreachable:
    """Return the error that says why a place could not be connected to."""
    return Unreachable(f"cannot connect to {place}: {failure_reason(error)}")


def failure_reason(error: BaseException) -> str:
    """Return why a connection could not be made, or was lost, without what the library adds."""
    match error:
        case Unreachable():
            return str(error)
        case ssl.SSLCertVerificationError():
            return (
                f"its certificate is not trusted ({error.verify_message}); give the server one that this machine "
                "trusts, or name the certificate of its authority in ca_file: in appealbridge.yaml"
            )
        case ssl.SSLError():
            reason = (error.reason or "no handshake").lower().replace("_", " ")
            return f"TLS does not work there ({reason})"
        case socket.gaierror() if error.errno in _NO_NAME:
            return "there is no such name"
        case socket.gaierror():
            return "its name cannot be looked up, because the name servers do not answer"
        case TimeoutError():
            return NO_ANSWER
        case OSError() if error.errno in _WORDS:
            return _WORDS[error.errno]
        case OSError() if error.errno:
            return os.strerror(error.errno).lower()
    return "none of its addresses can be reached"
