"""The drawing of the errors against the errors themselves."""

import re
from importlib import import_module
from pkgutil import walk_packages

import appealbridge
from appealbridge.model import errors


def drawn():
    """Return the drawn tree as a mapping from each class's name to its parent's."""
    tree, above = {}, {}
    for line in errors.__doc__.splitlines():
        match = re.match(r"( {4}(?:[│ ] {3})*(?:[├└]── )?)([A-Z]\w+) ", line)
        if match:
            depth = len(match[1]) // 4
            above[depth] = match[2]
            tree[match[2]] = above.get(depth - 1)
    return tree


def descendants(parent):
    for child in parent.__subclasses__():
        if child.__module__.startswith("appealbridge."):
            yield child.__name__, parent.__name__
            yield from descendants(child)


def test_the_drawing_shows_every_error_under_its_parent():
    for module in walk_packages(appealbridge.__path__, "appealbridge."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    root = errors.AppealBridgeError
    assert drawn() == {root.__name__: None, **dict(descendants(root))}


def test_a_render_error_names_its_place():
    assert str(errors.RenderError("actions[2].text", "appeal.area is missing")) == (
        "actions[2].text: appeal.area is missing"
    )
