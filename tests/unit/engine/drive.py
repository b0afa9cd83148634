"""Put the texts of the project here and run it, in one process; tells in JSON what came of it."""

import contextlib
import dataclasses
import json
from pathlib import Path

from ibid.cli.progress import sentence
from ibid.engine import inputs
from ibid.engine import run as engine
from ibid.engine.events import Weaker
from ibid.engine.project import load
from ibid.store.trees import FILE


def main():
    project, events = load(Path.cwd()), []
    with contextlib.closing(project.home.open(project.name)) as store:
        inputs.put(project, store, "texts", Path("texts"), replace=True)
        done = engine.run(project, store, events.append, print).done
        heads = {name: head for name in done if (head := store.head(name))}
        answer = {
            "jobs": {name: dataclasses.asdict(job) for name, job in done.items()},
            "told": [sentence(event) for event in events if isinstance(event, Weaker)],
            "outputs": {name: texts(store, head.tree) for name, head in heads.items()},
            "provenance": {name: json.loads(head.provenance) for name, head in heads.items()},
        }
    print(json.dumps(answer))


def texts(store, tree):
    files = [(path, entry) for path, entry in store.trees.walk(tree) if entry.kind == FILE]
    return {
        path.strip("/"): store.objects.read(entry.digest).decode()
        for path, entry in files
        if entry.size < 1000
    }


if __name__ == "__main__":
    main()
