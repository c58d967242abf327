"""The page about people shows the table that the daemon uses."""

from appealbridge.web.access import COMMANDS, ROUTES
from tests.docs.pages import part

ALL = "GET /api/v1/mode"
"""The route that nearly every command asks first."""


def row(key, access):
    """Return the line of the page for a route."""
    commands = ", ".join(f"`{name}`" for name, used in sorted(COMMANDS.items()) if key in used)
    roles = ", ".join(f"`{role}`" for role in sorted(access.roles))
    if access.open:
        roles = "everybody, without proof"
    elif access.nobody:
        roles = "everybody; nobody in particular"
    shown = key.replace("|", "\\|")
    scope = f"`{access.scope}`" if access.scope else ""
    return f"| `{shown}` | {'all' if key == ALL else commands} | {roles} | {scope} |"


def test_the_page_says_who_may_use_which_route_and_which_command():
    lines = part("people.md", "Roles").partition("|---|---|---|---|")[2].strip().splitlines()
    assert [line for line in lines if line] == [row(key, access) for key, access in ROUTES.items()]
