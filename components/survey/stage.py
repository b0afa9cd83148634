"""Say what the data is: counts, sizes, what was set aside and why, with pictures."""

import sys
from dataclasses import asdict
from pathlib import Path

from components.survey import inventory, page, tables
from components.survey.parameters import Parameters
from ibid.stage import canonical
from ibid.stage.contract import ExitCode, Inputs, Params

TITLE = "The data"


def run(inputs: Inputs, output: Path, params: Params) -> ExitCode | None:
    """Write `report.json` and the same with pictures, `report.html`.

    An empty partition is a warning in both, and on stderr.
    """
    parameters = Parameters.of(params)
    found = inventory.read(inputs["ingest"], inputs["transform"])
    report = {
        "version": 1,
        "title": TITLE,
        "summary": tables.summary(found),
        "warnings": tables.warnings(found.pets),
        "tables": [asdict(table) for table in tables.count(found)],
    }
    canonical.write_json(output / "report.json", report)
    written = page.render(report, found, parameters.thumbnails, parameters.listed)
    (output / "report.html").write_text(written, encoding="utf-8", newline="\n")
    for line in (report["summary"], *tables.warnings(found.pets)):
        print(line, file=sys.stderr)
    return None
