"""How a run looks on a terminal."""

from ibid.cli.progress import Bars
from ibid.engine.events import DatumDone, JobStarted


def test_a_datum_that_is_made_again_without_a_job_moves_no_bar(tmp_path):
    with Bars() as bars:
        bars(JobStarted("count", ("new",), 2, 0, tmp_path))
        bars(DatumDone("shout", "a", 0))
        bars(DatumDone("count", "a", 0))
        assert [task.completed for task in bars._progress.tasks] == [1]
