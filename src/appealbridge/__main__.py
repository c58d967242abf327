"""`python -m appealbridge`."""

from appealbridge.cli import main

main(prog_name="appealbridge")
