"""What Pachyderm says to a datum by its environment: for foreign code, ours must not read it."""

from pathlib import Path

from ibid.engine.datums import Datum
from ibid.engine.work import Work
from ibid.store.commits import CommitId
from ibid.store.home import Home


def of_datum(home: Home, work: Work, job: CommitId, datum: Datum, pfs: Path) -> dict[str, str]:
    """Say where the inputs of a datum lie, of which commits they are, and of which job it is."""
    paths = {item.input: str(pfs / item.input / item.path.strip("/")) for item in datum.items}
    commits = {f"{item.input}_COMMIT": work.heads[item.repo].id for item in datum.items}
    values = {f"PACH_DATUM_{i.input}_JOIN_ON": i.join_on for i in datum.items if i.join_on}
    values |= {f"PACH_DATUM_{i.input}_GROUP_BY": i.group_by for i in datum.items if i.group_by}
    told = {
        "PACH_JOB_ID": job,
        "PACH_OUTPUT_COMMIT_ID": job,
        "PACH_DATUM_ID": datum.id,
        "PPS_PIPELINE_NAME": work.spec.name,
    }
    if work.spec.effect:
        told["DEPLOY_FOLDER"] = str(home.deployed)
    return paths | commits | values | told
