"""What Prefect's own database holds of a case: runs and artifacts, known by the case id."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter, FlowRunFilterName


def erase_traces(case_id: str) -> dict[str, int]:
    """Delete every artifact and run of a case; returns how many of each."""
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(like_=f"%{case_id}")))
        for artifact in artifacts:
            client.delete_artifact(artifact.id)
        named = FlowRunFilter(name=FlowRunFilterName(like_=case_id))
        runs = client.read_flow_runs(flow_run_filter=named)
        for run in runs:
            client.delete_flow_run(run.id)
    return {"artifacts": len(artifacts), "runs": len(runs)}
