"""What the tests ask Dagster's webserver for, over the GraphQL that its pages use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from ml_platform_tests.waiting import until

LOCATION = {
    "repositoryLocationName": "ml_platform.definitions",
    "repositoryName": "__repository__",
}

ASSETS = ("raw_data", "validated_data", "trained_model", "evaluation_report", "deployed_bento")

LAUNCH = """mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""

RUNS = """query ($filter: RunsFilter) {
  runsOrError(filter: $filter) {
    ... on Runs { results {
      runId status startTime endTime assetSelection { path } tags { key value }
    } }
    ... on PythonError { message }
  }
}"""

FAILURES = """query ($id: ID!) {
  logsForRun(runId: $id) {
    ... on EventConnection { events {
      ... on ExecutionStepFailureEvent { error { message causes { message } } }
    } }
  }
}"""

ASSET_NODES = """query ($keys: [AssetKeyInput!]) {
  assetNodes(assetKeys: $keys) {
    assetKey { path }
    assetMaterializations(limit: 1) { runId }
    assetChecksOrError { ... on AssetChecks { checks {
      name
      executionForLatestMaterialization { status }
    } } }
  }
}"""

SCHEDULE = """query ($selector: ScheduleSelector!) {
  scheduleOrError(scheduleSelector: $selector) {
    ... on Schedule { id name cronSchedule executionTimezone scheduleState { id status } }
  }
}"""

STOP_SCHEDULE = """mutation ($id: String!) {
  stopRunningSchedule(id: $id) { ... on ScheduleStateResult { scheduleState { status } } }
}"""


@dataclass(frozen=True)
class Run:
    """A run as Dagster tells of it; started and ended are seconds since the epoch."""

    run_id: str
    status: str
    started: float | None
    ended: float | None
    tags: Mapping[str, str]
    assets: frozenset[tuple[str, ...]]

    @property
    def over(self) -> bool:
        return self.status in {"SUCCESS", "FAILURE", "CANCELED"}


class DagsterClient:
    """Asks the webserver at an address, over one connection: to make a client takes httpx 50 ms."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = httpx.Client(base_url=address, timeout=60)

    def close(self) -> None:
        self._client.close()

    def query(self, text: str, **variables: object) -> Any:
        asked = {"query": text, "variables": variables}
        answer = self._client.post("/graphql", json=asked).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def models(self) -> list[str]:
        """Every asset group; empty while the code location is not loaded."""
        found = self.query("{ assetNodes { groupName } }")
        return sorted({node["groupName"] for node in found["assetNodes"]})

    def launch(self, job: str, assets: Sequence[Sequence[str]]) -> str:
        """Ask for a run of a part of a job; its id."""
        selection = [{"path": list(path)} for path in assets]
        selector = {**LOCATION, "jobName": job, "assetSelection": selection}
        params = {"selector": selector, "runConfigData": {}}
        launched = self.query(LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def runs(self, **filters: object) -> list[Run]:
        """The runs that a RunsFilter lets through, the latest first."""
        found = self.query(RUNS, filter=filters)["runsOrError"]["results"]
        return [
            Run(
                run["runId"],
                run["status"],
                run["startTime"],
                run["endTime"],
                {tag["key"]: tag["value"] for tag in run["tags"]},
                frozenset(tuple(key["path"]) for key in run["assetSelection"] or ()),
            )
            for run in found
        ]

    def wait_for_run(self, run_id: str, *, seconds: float = 300) -> Run:
        """Wait until a run is over."""
        return until(
            lambda: self._if_over(run_id), f"run {run_id} to end", seconds=seconds, pause=0.5
        )

    def failure(self, run_id: str) -> str:
        """What the first failed step of a run says, with what caused it."""
        events = self.query(FAILURES, id=run_id)["logsForRun"]["events"]
        error = next(event["error"] for event in events if event.get("error"))
        return "\n".join([error["message"], *(cause["message"] for cause in error["causes"])])

    def materialized(self, model: str) -> dict[str, str | None]:
        """The run that last made each asset of a model; None where none did."""
        nodes = self._assets(model)
        return {
            name: next((event["runId"] for event in node["assetMaterializations"]), None)
            for name, node in nodes.items()
        }

    def checks(self, model: str) -> dict[str, str | None]:
        """The status of the last execution of each check of a model."""
        return {
            check["name"]: (check["executionForLatestMaterialization"] or {}).get("status")
            for node in self._assets(model).values()
            for check in node["assetChecksOrError"]["checks"]
        }

    def schedule(self, name: str) -> dict[str, Any]:
        return self.query(SCHEDULE, selector={**LOCATION, "scheduleName": name})["scheduleOrError"]

    def stop_schedule(self, name: str) -> None:
        self.query(STOP_SCHEDULE, id=self.schedule(name)["scheduleState"]["id"])

    def _if_over(self, run_id: str) -> Run | None:
        [run] = self.runs(runIds=[run_id])
        return run if run.over else None

    def _assets(self, model: str) -> dict[str, Any]:
        keys = [{"path": [model, name]} for name in ASSETS]
        nodes = self.query(ASSET_NODES, keys=keys)["assetNodes"]
        return {node["assetKey"]["path"][-1]: node for node in nodes}
