"""The errors of the practice WordPress, each with its code, its words and its status in the body."""

from __future__ import annotations

from aiohttp import web

from appealbridge.practice.answering import answer


def error(status: int, code: str, message: str) -> web.Response:
    """Return an error."""
    return answer(status, {"code": code, "message": message, "data": {"status": status}})


def forbidden_context(message: str, status: int) -> web.Response:
    """Say that this user may not see what only editors see."""
    return error(status, "rest_forbidden_context", message)


def wrong(name: str, reason: str, code: str, status: int | None) -> web.Response:
    """Say which parameter is wrong, and why."""
    data = None if status is None else {"status": status}
    details = {name: {"code": code, "message": reason, "data": data}}
    more = {"status": 400, "params": {name: reason}, "details": details}
    message = f"Invalid parameter(s): {name}"
    return answer(400, {"code": "rest_invalid_param", "message": message, "data": more})
