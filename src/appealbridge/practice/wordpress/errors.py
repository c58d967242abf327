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


class WordPressErrors:
    """What a WordPress site, its host or a plug-in for security says when a fault is on."""

    def throttled(self, seconds: float | None) -> web.Response:
        """Say that there were too many requests, as a plug-in for security does."""
        headers = None if seconds is None else {"Retry-After": str(int(seconds))}
        page = "<html><body><h1>Too many requests</h1></body></html>"
        return web.Response(status=429, text=page, content_type="text/html", headers=headers)

    def read_only(self) -> web.Response:
        """Say that the user may not publish."""
        return error(
            403,
            "rest_cannot_publish",
            "Sorry, you are not allowed to publish posts in this post type.",
        )

    def suspended(self) -> web.Response:
        """Say that the user may do nothing on this site any more."""
        return error(403, "rest_forbidden", "Sorry, you are not allowed to do that.")

    def unavailable(self) -> web.Response:
        """Say that the site is being updated."""
        page = "<html><body>Briefly unavailable for scheduled maintenance. Check back in a minute.</body></html>"
        return web.Response(
            status=503, text=page, content_type="text/html", headers={"Retry-After": "60"}
        )

    def expired(self) -> web.Response:
        """Say that the login does not count."""
        return error(401, "rest_not_logged_in", "You are not currently logged in.")

    def out_of_credits(self) -> web.Response:
        """Say that the site's host has closed it."""
        page = "<html><body><h1>This site's plan is over</h1></body></html>"
        return web.Response(status=402, text=page, content_type="text/html")

    def crashed(self) -> web.Response:
        """Say that something went wrong inside."""
        return error(
            500, "internal_server_error", "There has been a critical error on this website."
        )

    def forbidden(self) -> web.Response:
        """Say that the user may not delete this post."""
        return error(403, "rest_cannot_delete", "Sorry, you are not allowed to delete this post.")
