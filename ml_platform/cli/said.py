"""What a person must say in words: who orders something, and why."""

import click


def text(value: str) -> str:
    """Return it without space around it; a type of an option. Raises BadParameter when blank."""
    said = value.strip()
    if not said:
        raise click.BadParameter(
            "it is empty; it stands in the history for those who read it later"
        )
    return said
