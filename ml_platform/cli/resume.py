"""`ml-platform resume`: a held candidate goes on."""

from ml_platform.cli.release_command import release_command

resume = release_command("resume", "Let a held candidate go on.")
