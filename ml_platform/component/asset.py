"""One asset of a model, made without the decorator's introspection.

`dg.asset` reads the signature and the hints of its function sixteen times over. With hundreds of
models that is most of what loading costs, and all there is to find is known here.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from ml_platform.component.blocking import check_specs
from ml_platform.component.metadata import Metadata
from ml_platform.gates.gate import Stage
from ml_platform.spec.load import Declaration

Results = Iterator[Any]
"""Materialization, observations and check results, as Dagster takes them from a step."""

Compute = Callable[..., Results]
"""A generator function `(context, platform, **upstream)`; upstream is annotated by its handle."""

_HANDLE, _VERDICT, _ORDER = dg.Out(io_manager_key="handles"), dg.Out(dg.Nothing), dg.In(dg.Nothing)
"""What goes into and out of steps: immutable, and made once for thousands of them."""


@dataclass(frozen=True, kw_only=True)
class AssetOf:
    """What an asset of a model is, before what it does: decorate the function that does it.

    stage: its gates become checks of the asset. checks: names and descriptions of others;
        blocking: the names of those that block.
    shown: what its page shows before any run.
    upstream: the asset that each argument of the decorated function reads.
    after: assets that it comes after and reads no handle of; they need not be materialized.
    partitions: of time, one run each.
    in_production: whether it belongs to no release: it has a group of its own, so that a click
        materializes a release whole, and need not wait for a training.
    """

    declaration: Declaration
    name: str
    about: str
    kind: str
    stage: Stage | None = None
    shown: Metadata = field(default_factory=dict[str, Any])
    upstream: Mapping[str, str] = field(default_factory=dict[str, str])
    after: Sequence[str] = ()
    checks: Mapping[str, str] = field(default_factory=dict[str, str])
    blocking: Collection[str] = ()
    partitions: dg.PartitionsDefinition[str] | None = None
    in_production: bool = False

    def __call__(self, compute: Compute) -> dg.AssetsDefinition:
        """The asset: key, group, owner, checks, and one run of the model at a time."""
        key, reads = self._key(self.name), self._reads()
        checks = [*(check_specs(self.declaration, key, self.stage) if self.stage else ())]
        checks += [
            dg.AssetCheckSpec(name, asset=key, blocking=name in self.blocking, description=about)
            for name, about in self.checks.items()
        ]
        by_output = {check.get_python_identifier(): check for check in checks}
        return dg.AssetsDefinition(
            keys_by_input_name=reads,
            keys_by_output_name={"result": key},
            node_def=self._op(compute, key, tuple(by_output)),
            specs=[self._spec(key, tuple(reads.values()))],
            check_specs_by_output_name=by_output,
        )

    def _key(self, name: str) -> dg.AssetKey:
        return dg.AssetKey([self.declaration.spec.name, name])

    def _reads(self) -> dict[str, dg.AssetKey]:
        named = {argument: self._key(asset) for argument, asset in self.upstream.items()}
        return named | {asset: self._key(asset) for asset in self.after}

    def _spec(self, key: dg.AssetKey, reads: Sequence[dg.AssetKey]) -> dg.AssetSpec:
        spec = self.declaration.spec
        return dg.AssetSpec(
            key,
            deps=reads,
            group_name=f"{spec.name}_production" if self.in_production else spec.name,
            description=self.about,
            kinds={self.kind},
            metadata=self.shown,
            owners=[spec.owner],
            tags={"ml_platform/task": spec.task.value},
            partitions_def=self.partitions,
        )

    def _op(self, compute: Compute, key: dg.AssetKey, checks: Sequence[str]) -> dg.OpDefinition:
        def step(context: dg.AssetExecutionContext, inputs: Mapping[str, Any]) -> Results:
            return compute(context, context.resources.platform, **inputs)

        hints, name = compute.__annotations__, self.declaration.spec.name
        reads = {name: dg.In(hints[name], input_manager_key="handles") for name in self.upstream}
        return dg.OpDefinition(
            step,
            key.to_python_identifier(),
            ins=reads | dict.fromkeys(self.after, _ORDER),
            outs={"result": _HANDLE, **dict.fromkeys(checks, _VERDICT)},
            required_resource_keys={"platform"},
            pool=f"production_{name}" if self.in_production else f"model_{name}",
        )
