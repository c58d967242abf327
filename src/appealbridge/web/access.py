"""
Who may use which route and which command: one table for all of them.

Every route that the daemon serves has its line in `ROUTES`, and every command in `COMMANDS`, with the
routes that it uses. A route without a line cannot be served.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appealbridge.model.actor import Actor
from appealbridge.model.people import Role, TokenScope

EVERYBODY = frozenset(Role)
SEES_RECIPIENTS = EVERYBODY - {Role.VIEWER}
"""The roles that see to whom a mail goes."""

_AUTHOR, _APPROVER, _OPERATOR, _ADMIN = Role.AUTHOR, Role.APPROVER, Role.OPERATOR, Role.ADMIN


@dataclass(frozen=True, slots=True)
class Access:
    """
    Who may use a route: the roles, the scope of a token, and whether nobody in particular may.

    `open` routes ask for nothing, because they prove it themselves or have nothing to hide. `nobody` may be root, a
    user of the machine who is no person of the settings, or the daemon's own token.
    """

    roles: frozenset[Role] = frozenset()
    scope: TokenScope | None = None
    nobody: bool = False
    open: bool = False

    def allows(self, caller: Caller) -> bool:
        """Return whether somebody may use the route."""
        if self.open or caller.desk:
            return True
        if caller.scopes is not None:
            return self.scope is not None and self.scope in caller.scopes
        return bool(self.roles & caller.roles) or (self.nobody and caller.actor is None)


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Who asks. `actor` is `None` for nobody in particular; `scopes` are those of a token, `None` without one.

    `desk` is true where the settings give nobody a role: then everybody who gets this far may do everything. `why` says
    of nobody why they are nobody.
    """

    actor: Actor | None = None
    roles: frozenset[Role] = frozenset()
    scopes: frozenset[TokenScope] | None = None
    desk: bool = False
    why: str = ""

    @property
    def sees_recipients(self) -> bool:
        """Whether answers show to whom a mail goes."""
        return self.desk or bool(self.roles & SEES_RECIPIENTS)


def _of(*roles: Role, scope: TokenScope | None = None) -> Access:
    return Access(frozenset(roles), scope)


READ = Access(EVERYBODY, TokenScope.READ, nobody=True)
OPEN = Access(open=True)
LOGGED_IN = Access(EVERYBODY)

ROUTES: Mapping[str, Access] = {
    "GET /healthz": OPEN,
    "GET /readyz": OPEN,
    "GET /metrics": OPEN,
    "* /hooks/{name}": OPEN,
    "GET /": LOGGED_IN,
    "GET /log-in": OPEN,
    "POST /log-in": OPEN,
    "GET /code": OPEN,
    "POST /code": OPEN,
    "POST /log-out": LOGGED_IN,
    "GET /style.css": OPEN,
    "GET /waiting": LOGGED_IN,
    "GET /questions/{number}": LOGGED_IN,
    # Authors may reject what they wrote; the engine refuses them everything else.
    "POST /questions/{number}/answer": _of(_AUTHOR, _APPROVER),
    "POST /deliveries/{id}/answer": _of(_AUTHOR, _APPROVER),
    "POST /deliveries/{id}/take-back": _of(_APPROVER, _OPERATOR),
    "GET /deliveries/{id}/edit": _of(_AUTHOR, _APPROVER),
    "POST /deliveries/{id}/edit": _of(_AUTHOR, _APPROVER),
    "GET /held": LOGGED_IN,
    "GET /deliveries": LOGGED_IN,
    "GET /deliveries/{id}": LOGGED_IN,
    "GET /deliveries/{id}/images/{number}": LOGGED_IN,
    "POST /deliveries/{id}/release": _of(_OPERATOR),
    "POST /deliveries/{id}/retry": _of(_OPERATOR),
    "POST /deliveries/{id}/cancel": _of(_OPERATOR),
    "POST /deliveries/{id}/confirm": _of(_OPERATOR),
    "POST /deliveries/{id}/withdraw": _of(_APPROVER, _OPERATOR),
    "GET /recipes": _of(_ADMIN, _AUTHOR),
    "GET /recipes/{name}": _of(_ADMIN, _AUTHOR),
    "POST /recipes/{name}/accept": _of(_ADMIN),
    "GET /stop": LOGGED_IN,
    "POST /stop": LOGGED_IN,
    "POST /start": _of(_OPERATOR),
    "GET /api/v1/recipes": READ,
    "GET /api/v1/recipes/{name}": _of(_ADMIN, _AUTHOR, _APPROVER, _OPERATOR),
    "POST /api/v1/recipes/{name}/accept": _of(_ADMIN),
    "GET /api/v1/mode": READ,
    "GET /api/v1/status": READ,
    "GET /api/v1/channels": READ,
    "GET /api/v1/{path:(deliveries|runs|events|traces|withdrawals|audit)(/.+)?}": READ,
    "GET /api/v1/deliveries/{id}/images/{number}": READ,
    "POST /api/v1/deliveries/{id}/release": _of(_OPERATOR),
    "POST /api/v1/deliveries/{id}/retry": _of(_OPERATOR),
    "GET /api/v1/questions": READ,
    "GET /api/v1/questions/{number}": READ,
    "GET /api/v1/deliveries/{id}/question": READ,
    "POST /api/v1/deliveries/{id}/approve": _of(_APPROVER),
    "POST /api/v1/deliveries/{id}/reject": _of(_AUTHOR, _APPROVER),
    "POST /api/v1/deliveries/{id}/changes": _of(_APPROVER),
    "POST /api/v1/deliveries/{id}/edit": _of(_AUTHOR, _APPROVER),
    "POST /api/v1/deliveries/{id}/take-back": _of(_APPROVER, _OPERATOR),
    "POST /api/v1/questions/{number}/approve": _of(_APPROVER),
    "POST /api/v1/questions/{number}/reject": _of(_AUTHOR, _APPROVER),
    "POST /api/v1/questions/{number}/changes": _of(_APPROVER),
    "POST /api/v1/deliveries/{id}/confirm": _of(_OPERATOR),
    "POST /api/v1/deliveries/{id}/cancel": _of(_OPERATOR),
    "POST /api/v1/release": _of(_OPERATOR),
    "POST /api/v1/cancel": _of(_OPERATOR),
    "POST /api/v1/retry": _of(_OPERATOR),
    "POST /api/v1/events/{id}/replay": _of(_AUTHOR, _OPERATOR),
    "POST /api/v1/reload": _of(_AUTHOR, _ADMIN),
    "POST /api/v1/subjects/{subject:.+}/withdraw": _of(
        _APPROVER, _OPERATOR, scope=TokenScope.WITHDRAW
    ),
    "POST /api/v1/deliveries/{id}/withdraw": _of(_APPROVER, _OPERATOR, scope=TokenScope.WITHDRAW),
    "POST /api/v1/withdrawals/{number}/lift": _of(_OPERATOR),
    "GET /api/v1/stop": READ,
    "POST /api/v1/stop": Access(EVERYBODY, TokenScope.STOP),
    "POST /api/v1/start": _of(_OPERATOR),
    "GET /api/v1/duty": READ,
    "POST /api/v1/duty": _of(_APPROVER),
    "POST /api/v1/duty/end": _of(_APPROVER),
    "GET /api/v1/people": _of(_ADMIN),
    "POST /api/v1/people/{id}/invite": _of(_ADMIN),
    "POST /api/v1/people/{id}/reset": _of(_ADMIN),
    "GET /api/v1/tokens": _of(_ADMIN),
    "POST /api/v1/tokens/{name}": _of(_ADMIN),
    "POST /api/v1/tokens/{name}/revoke": _of(_ADMIN),
}
"""Every route: its method and its address as it is registered."""

_LIST = "GET /api/v1/{path:(deliveries|runs|events|traces|withdrawals|audit)(/.+)?}"
_MODE = "GET /api/v1/mode"
_ANSWERED = (_MODE, "GET /api/v1/deliveries/{id}/question")

COMMANDS: Mapping[str, Sequence[str]] = {
    # These use no daemon: the permissions of the files decide.
    **dict.fromkeys(
        (
            "run",
            "demo",
            "sandbox",
            "check",
            "test",
            "preview",
            "backtest",
            "new",
            "schema",
            "db",
            "completion",
        ),
        (),
    ),
    "send": ("* /hooks/{name}",),
    "reload": ("POST /api/v1/reload",),
    "deliveries": (_LIST, _MODE),
    "runs": (_LIST, _MODE),
    "events": (_LIST, _MODE),
    "trace": (_LIST, _MODE),
    "withdrawals": (_LIST,),
    "channels": ("GET /api/v1/channels",),
    "release": ("POST /api/v1/deliveries/{id}/release", "POST /api/v1/release", _MODE),
    "retry": ("POST /api/v1/deliveries/{id}/retry", "POST /api/v1/retry", _MODE),
    "confirm": ("POST /api/v1/deliveries/{id}/confirm", _MODE),
    "questions": ("GET /api/v1/questions", "GET /api/v1/questions/{number}", _MODE),
    "approve": (*_ANSWERED, "POST /api/v1/deliveries/{id}/approve"),
    "recipes": (
        "GET /api/v1/recipes",
        "GET /api/v1/recipes/{name}",
        "POST /api/v1/recipes/{name}/accept",
        _MODE,
    ),
    "reject": (
        *_ANSWERED,
        "POST /api/v1/deliveries/{id}/reject",
        "POST /api/v1/deliveries/{id}/changes",
    ),
    "edit": (*_ANSWERED, "POST /api/v1/deliveries/{id}/edit"),
    "take-back": ("POST /api/v1/deliveries/{id}/take-back", _MODE),
    "cancel": ("POST /api/v1/deliveries/{id}/cancel", "POST /api/v1/cancel", _MODE),
    "replay": ("POST /api/v1/events/{id}/replay", _MODE),
    "withdraw": (
        "POST /api/v1/subjects/{subject:.+}/withdraw",
        "POST /api/v1/deliveries/{id}/withdraw",
        _MODE,
    ),
    "audit": (_LIST,),
    "lift": ("POST /api/v1/withdrawals/{number}/lift", _MODE),
    "status": ("GET /api/v1/status",),
    "stop": ("POST /api/v1/stop", _MODE),
    "start": ("GET /api/v1/stop", "POST /api/v1/start", _MODE),
    "duty": ("GET /api/v1/duty", "POST /api/v1/duty", "POST /api/v1/duty/end", _MODE),
    "people": (
        "GET /api/v1/people",
        "POST /api/v1/people/{id}/invite",
        "POST /api/v1/people/{id}/reset",
    ),
    "tokens": (
        "GET /api/v1/tokens",
        "POST /api/v1/tokens/{name}",
        "POST /api/v1/tokens/{name}/revoke",
    ),
}
"""Every command, with the routes that it uses."""


def refusal(access: Access, caller: Caller) -> str:
    """Return why somebody may not use a route, and who may."""
    needed = " or ".join(sorted(access.roles)) or "nobody's"
    if caller.scopes is not None:
        scope = f"needs the scope {access.scope}" if access.scope else "is not for tokens"
        return f"token {caller.actor}: this {scope}"
    if caller.actor is None:
        return f"{caller.why}: this needs a person with the role {needed}"
    return f"{caller.actor}: this needs the role {needed}; you have {', '.join(sorted(caller.roles)) or 'none'}"
