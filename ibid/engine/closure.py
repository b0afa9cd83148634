"""The code closure: every file of ours that a component can reach, and no other.

What is not in the closure is not in the key, so it must not be importable when the stage runs: a
stage is started from a tree that holds these files alone. An import by a name computed at run time
is not seen, and fails there.
"""

import json
import modulefinder
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import ibid
from ibid.spec.spec import Spec
from ibid.stage.contract import UsageError

Files = Mapping[str, bytes]


def resolve(root: Path, spec: Spec) -> Files:
    """Read the closure of a spec's component: its imports, direct and not, and declared files.

    Args:
        root: the project's root; the folder that holds `ibid` is searched after it.
        spec: its `component` is resolved as `python -m` would; without one there is no code.

    Returns:
        the files' bytes by path, relative to the root that they were found in.

    Raises:
        UsageError: if the component or a declared file is not there.
    """
    if spec.component is None and not spec.files:
        return {}
    roots = _roots(root)
    finder = modulefinder.ModuleFinder([str(folder) for folder in roots])
    declared = [_declared(roots, name, spec) for name in spec.files]
    if spec.component is not None:
        _import(finder, f"{spec.component}.__main__", spec)
    if spec.differ is not None:
        _import(finder, spec.differ, spec)
    for path in declared:
        if path.suffix == ".ipynb":
            _scan_notebook(finder, path)
    paths = {*declared, *_module_files(finder, roots)}
    return {_relative(roots, path): path.read_bytes() for path in sorted(paths)}


def read_from(root: Path, files: Iterable[str]) -> Iterator[Path]:
    """List where a closure was read from: its files, and every folder that was searched."""
    for folder in _roots(root):
        yield folder
        for name in files:
            yield folder / name
            yield from (folder / name).parents[: name.count("/")]


def _roots(root: Path) -> list[Path]:
    return [root, Path(ibid.__file__).parents[1]]


def _import(finder: modulefinder.ModuleFinder, module: str, spec: Spec) -> None:
    try:
        finder.import_hook(module)
    except SyntaxError as error:
        raise UsageError(
            f"Expected Python in the code of '{spec.name}'.",
            received=f"{error.filename}, line {error.lineno}: {error.msg}",
        ) from error
    except ImportError as error:
        raise UsageError(
            f"Expected the component of '{spec.name}' as a package with a __main__.py"
            + (", and its differ as a module." if spec.differ else "."),
            received=module,
        ) from error


def _scan_notebook(finder: modulefinder.ModuleFinder, path: Path) -> None:
    """Follow the imports of a notebook's cells."""
    cells = json.loads(path.read_bytes())["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    finder.scan_code(compile(source, str(path), "exec"), finder.add_module(f"<{path.name}>"))


def _module_files(finder: modulefinder.ModuleFinder, roots: list[Path]) -> Iterator[Path]:
    for module in finder.modules.values():
        file = getattr(module, "__file__", None)
        if file and any(Path(file).is_relative_to(root) for root in roots):
            yield Path(file)


def _declared(roots: list[Path], name: str, spec: Spec) -> Path:
    for root in roots:
        if (root / name).is_file():
            return root / name
    raise UsageError(f"Expected the declared file of '{spec.name}'.", received=name)


def _relative(roots: list[Path], path: Path) -> str:
    root = next(root for root in roots if path.is_relative_to(root))
    return path.relative_to(root).as_posix()
