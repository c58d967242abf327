"""`python -m appealbridge`."""

from appealbridge.cli.main import main

main(prog_name="appealbridge")
