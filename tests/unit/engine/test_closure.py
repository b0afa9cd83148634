"""The code closure holds what a component can reach, and nothing else."""

import json

import pytest

from ibid.engine import closure
from ibid.engine.project import load
from ibid.stage.contract import UsageError


def paths(project, name):
    return set(closure.resolve(project.root, project.specs[name]))


def test_a_component_brings_its_package_and_the_kit_that_it_imports(words):
    assert paths(words.project(), "count") == {
        "ibid/__init__.py",
        "ibid/stage/__init__.py",
        "ibid/stage/contract.py",
        "ibid/stage/determinism.py",
        "ibid/stage/processor.py",
        "ibid/stage/witness.py",
        "ibid/stage/worker.py",
        "words/__init__.py",
        "words/count/__init__.py",
        "words/count/__main__.py",
    }


def test_imports_inside_functions_count(words):
    (words.root / "words" / "late.py").write_text("x = 1\n")
    words.edit(
        "words/count/__main__.py", "    for text in", "    from words import late\n    for text in"
    )
    assert "words/late.py" in paths(words.project(), "count")


def test_a_foreign_command_has_no_code(words):
    assert paths(words.project(), "shout") == set()


def test_a_declared_notebook_is_in_it_with_what_its_cells_import(words):
    cells = [
        {"cell_type": "markdown", "source": ["import nothing"]},
        {"cell_type": "code", "source": ["from words ", "import pictures\n", "pictures"]},
    ]
    (words.root / "words" / "pictures.py").write_text("x = 1\n")
    (words.root / "words" / "report.ipynb").write_text(json.dumps({"cells": cells}))
    words.edit(
        "pipelines/words/pipeline.yaml",
        "component: words.total",
        "component: words.total\n    files: [words/report.ipynb]",
    )
    words.compile()
    assert {"words/report.ipynb", "words/pictures.py"} <= paths(words.project(), "total")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("component: words.total", "component: words.nothing", "words.nothing.__main__"),
        ("component: words.total", "component: words.total\n    files: [a.csv]", "a.csv"),
    ],
)
def test_what_is_not_there_is_refused_by_name(words, old, new, message):
    words.edit("pipelines/words/pipeline.yaml", old, new)
    words.compile()
    with pytest.raises(UsageError) as refused:
        paths(words.project(), "total")
    assert message in str(refused.value)


def test_one_stage_of_the_pets_is_in_no_other_ones_closure(request):
    project = load(request.config.rootpath, "pets")
    for name, spec in project.specs.items():
        if spec.component:
            others = {s.component.replace(".", "/") for s in project.specs.values() if s.component}
            others.discard(spec.component.replace(".", "/"))
            foreign = [
                p for p in paths(project, name) if any(p.startswith(f"{o}/") for o in others)
            ]
            assert foreign == [], name
            assert "components/parameters.py" not in paths(project, name)
