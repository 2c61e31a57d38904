"""`ml-platform approve`: a person says yes to a candidate."""

from ml_platform.cli.release_command import release_command

approve = release_command("approve", "Let a candidate go on that waits for approval.")
