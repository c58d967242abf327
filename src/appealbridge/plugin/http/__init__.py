"""HTTP for plug-ins: the client in `Tools.http`, the meaning of answers, and rate limits."""

import appealbridge.plugin.http.authorities  # noqa: F401 - before anything imports aiohttp
from appealbridge.plugin.egress import check_host
from appealbridge.plugin.http.api import Api
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.failures import failure_reason
from appealbridge.plugin.http.logins import Login, Logins, StaleLogin, login_name
from appealbridge.plugin.http.multipart import FormFile
from appealbridge.plugin.http.rate_headers import Allowance
from appealbridge.plugin.http.reply import (
    PAGE_SAYS_NO,
    Effect,
    Reply,
    basic_login,
    failure,
    readable,
)

__all__ = [
    "PAGE_SAYS_NO",
    "Allowance",
    "Api",
    "Effect",
    "FormFile",
    "Http",
    "Login",
    "Logins",
    "Reply",
    "StaleLogin",
    "basic_login",
    "check_host",
    "failure",
    "failure_reason",
    "login_name",
    "readable",
]
