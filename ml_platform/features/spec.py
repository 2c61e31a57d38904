"""Which columns a model sees, and how they come to be."""

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator, model_validator

from ml_platform.plugins import Strict

Column = Annotated[str, StringConstraints(min_length=1)]


class FeatureSpec(Strict):
    """One definition for training and serving.

    numeric: columns taken as numbers; null stays null.
    categorical: columns turned into one 0/1 column a category seen in training. A value that was
        never seen, and null, is 0 in all of them.
    transform: `module:function` that turns a frame of the raw columns into one with (at least)
        the columns named above, row by row. The module is a file beside the declaration: it
        travels with the model. What it imports must be installed where the model is served.
    max_categories: a column with more categories keeps this many, the most frequent; its other
        values, those never seen included, share one column more.
    """

    numeric: tuple[Column, ...] = ()
    categorical: tuple[Column, ...] = ()
    transform: Annotated[str, StringConstraints(pattern=r"^[\w.]+:\w+$")] | None = None
    max_categories: int = Field(default=100, ge=1)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every feature, numeric first; after the transform, where there is one."""
        return self.numeric + self.categorical

    @property
    def code_file(self) -> str | None:
        """Name of the file that the transform lies in, None where there is none."""
        return None if self.transform is None else f"{self.transform.partition(':')[0]}.py"

    @field_validator("transform")
    @classmethod
    def _beside_the_declaration(cls, value: str | None) -> str | None:
        if value is not None and "." in value:
            raise ValueError(
                f"{value!r} is of a package, and only a file beside the declaration travels with "
                "the model (valid: features:build, for `build` in features.py)"
            )
        return value

    @model_validator(mode="after")
    def _named_once(self) -> "FeatureSpec":
        if not self.columns:
            raise ValueError("no features; name at least one column in numeric or categorical")
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise ValueError(f"named more than once: {', '.join(twice)}; a column is one feature")
        return self
