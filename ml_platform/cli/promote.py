"""`ml-platform promote`: a person makes the candidate champion."""

from ml_platform.cli.release_command import release_command

promote = release_command("promote", "Make the candidate champion at once, whatever step it is at.")
