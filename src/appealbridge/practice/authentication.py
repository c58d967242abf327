"""Authenticates requests, and adds the rate limit headers that X and Mastodon send with each answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from appealbridge.clock import Clock
from appealbridge.practice.accounts import account_name
from appealbridge.practice.allowance import PostingAllowance
from appealbridge.practice.answering import ACCOUNT, Answering, Declined, Handler


class Authentication:
    """
    Hands requests on with their account's name.

    `token` finds a well-formed login in the headers. `limits` are the headers that tell of the rate
    limit, made of how many requests remain and of the Unix second in which the window of `window`
    seconds ends.
    """

    def __init__(
        self,
        answering: Answering,
        clock: Clock,
        *,
        token: Callable[[Mapping[str, str]], str | None],
        window: int,
        limits: Callable[[int, int], Mapping[str, str]],
        refuse: Callable[[], web.Response],
    ) -> None:
        self._answering = answering
        self._clock = clock
        self._token = token
        self._allowance = PostingAllowance(window)
        self._limits = limits
        self._refuse = refuse

    def __call__(self, handler: Handler) -> Handler:
        """Return the handler with authentication and the active faults."""

        async def identified(request: web.Request) -> web.StreamResponse:
            token = self._token(request.headers)
            if token is None:
                raise Declined(self._refuse())
            request[ACCOUNT] = account_name(token)
            _, remaining, reset = self._allowance.spend(request[ACCOUNT], self._clock.now())
            limits = self._limits(remaining, reset)
            try:
                response = await handler(request)
            except Declined as declined:
                declined.answer.headers.update(limits)
                raise
            response.headers.update(limits)
            return response

        return self._answering.guard(identified)
