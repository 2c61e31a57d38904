"""`ml-platform hold`: a candidate goes no further for now."""

from ml_platform.cli.release_command import release_command

hold = release_command("hold", "Keep the candidate where it is; harm still takes it back.")
