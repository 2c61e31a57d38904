"""Proposed numbers as a change of the file that declares the model."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ml_platform.exceptions import DeclarationError, StoreError
from ml_platform.spec.edit import number_at, with_numbers
from ml_platform.spec.load import load_declaration

if TYPE_CHECKING:
    from ml_platform.gates.proposals import Proposal
    from ml_platform.spec.source_map import Path as Place


@dataclass(frozen=True)
class Edit:
    """The text of a declaration before and after; line ends stay as they are.

    not_edited: proposals that the file has no plain number for, for people.
    """

    file: Path
    before: str
    after: str
    not_edited: list[str]

    @staticmethod
    def read(file: Path) -> str:
        """The text, with the line ends that it has."""
        return file.read_bytes().decode("utf-8")

    @classmethod
    def of(cls, file: Path, text: str, proposals: "Sequence[Proposal]") -> Self:
        """Put the numbers that change at their places. Raises DeclarationError."""
        numbers: dict[Place, str] = {}
        not_edited: list[str] = []
        for each in proposals:
            place = ("attributes", "gates", each.place, each.field)
            if not each.changes:
                continue
            if number_at(text, place, name=str(file)):
                numbers[place] = each.proposed
            else:
                not_edited.append(
                    f"{each.check}: {each.field} is no plain number in the file; "
                    f"{each.proposed} is proposed"
                )
        return cls(file, text, with_numbers(text, numbers, name=str(file)), not_edited)

    @property
    def diff(self) -> str:
        """Unified diff; "" where nothing changes."""
        name = f"{self.file.parent.name}/{self.file.name}"
        before, after = (
            text.replace("\r\n", "\n").splitlines(keepends=True)
            for text in (self.before, self.after)
        )
        return "".join(unified_diff(before, after, f"a/{name}", f"b/{name}"))

    def apply(self) -> None:
        """Replace the file at once, so that nobody reads half of it.

        Raises DeclarationError when somebody else changed it meanwhile or the result does not
        load, and StoreError when it cannot be written; the file is then as it was.
        """
        if self.before == self.after:
            return
        file = self.file.resolve()
        beside = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            if self.read(file) != self.before:
                raise DeclarationError(f"{file}:1: it was changed meanwhile; calibrate again")
            beside.write_bytes(self.after.encode("utf-8"))
            shutil.copymode(file, beside)
            load_declaration(beside)
            beside.replace(file)
        except OSError as error:
            raise StoreError(f"{file} cannot be written: {error}") from error
        finally:
            beside.unlink(missing_ok=True)
