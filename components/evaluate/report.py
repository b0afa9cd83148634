"""The notebook run, and the page made from it, without a trace of where and when.

It must not know what the notebook says.
"""

from pathlib import Path
from string import Template
from typing import Any

from components.segmentation import scratch
from ibid.stage.contract import BadInputError

NOTEBOOK = Path(__file__).with_name("report.ipynb")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}

PAGE = Template("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #222 }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #ddd }
img { max-width: 100% }
</style>
<body>
$body
</body>
</html>
""")


def execute(folder: Path) -> Any:
    """Run the notebook by papermill, in a kernel whose working folder is `folder`.

    Nothing is injected into the notebook: what is injected stands in its bytes, and neither a path
    nor a number of threads may.

    Returns:
        The notebook with its outputs, canonical.

    Raises:
        BadInputError: a cell raised one.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    with scratch.homes() as homes:
        try:
            notebook = papermill.execute_notebook(
                str(NOTEBOOK),
                str(homes / NOTEBOOK.name),
                cwd=str(folder),
                kernel_name=KERNEL["name"],
                progress_bar=False,
            )
        except PapermillExecutionError as error:
            if error.ename == BadInputError.__name__:
                raise BadInputError(error.evalue) from error
            raise
    return canonical(notebook)


def canonical(notebook: Any) -> Any:
    """Keep what was said and shown: no time, path, version, random id or log line.

    Of outputs the log (a stream `stderr`) goes, the order of the cells' ids and counts stays.
    """
    import nbformat

    cells = [_cell(cell, number) for number, cell in enumerate(notebook.cells)]
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return nbformat.from_dict(
        {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    )


def _cell(cell: Any, number: int) -> dict[str, Any]:
    kept = {
        "cell_type": cell.cell_type,
        "id": f"cell-{number}",
        "metadata": {},
        "source": cell.source,
    }
    if cell.cell_type == "code":
        shown = [output for output in cell.outputs if output.get("name") != "stderr"]
        kept |= {"execution_count": cell.execution_count, "outputs": shown}
    return kept


def html(notebook: Any) -> str:
    """Make a page of a canonical notebook, without its code, that opens without a network."""
    from nbconvert import HTMLExporter

    with scratch.homes():
        exporter = HTMLExporter(
            template_name="basic", exclude_input=True, exclude_anchor_links=True
        )
        exporter.exclude_output_prompt = True
        body, _ = exporter.from_notebook_node(notebook)
    heading = notebook.cells[0].source.splitlines()[0]
    return PAGE.substitute(title=heading.removeprefix("# "), body=body)
