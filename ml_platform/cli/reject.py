"""`ml-platform reject`: a person says no to a candidate."""

from ml_platform.cli.release_command import release_command

reject = release_command("reject", "Take the candidate out; the champion answers everything.")
