"""`python -m ml_platform` is the command `ml-platform`."""

from ml_platform.cli.main import main

main(prog_name="ml-platform")
