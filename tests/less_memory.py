"""The process that reads pictures, with less memory than it usually has."""

from appealbridge.media import renderer

renderer.MEMORY = 200 * 1024 * 1024

import appealbridge.media.__main__  # noqa: E402, F401 - it serves
