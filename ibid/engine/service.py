"""A service: a page over an output, in the foreground, until it is interrupted."""

import signal
from collections.abc import Callable

from ibid.engine import layout, scratch, secrets
from ibid.engine.inputs import commit_initial
from ibid.engine.process import Process, stage_environment
from ibid.engine.project import Project
from ibid.engine.sandbox import OWN, WEAKER, Sandbox
from ibid.engine.work import gather
from ibid.spec.sources import missing
from ibid.stage.contract import BadInputError, UsageError
from ibid.store.commits import Store


def serve(
    project: Project, store: Store, name: str, port: int | None, say: Callable[[str], None]
) -> int:
    """Run a service over the newest commits of its inputs; returns its exit code.

    Args:
        project: the project.
        store: its store.
        name: the service.
        port: where it listens on this machine; default: the port of its spec.
        say: is told the address.

    Raises:
        UsageError: if there is no service of that name.
        BadInputError: if an input has no commit yet.
    """
    services = [spec.name for spec in project.specs.values() if spec.port is not None]
    if name not in services:
        raise UsageError(
            f"Expected a service: {', '.join(services) or 'there is none'}.", received=name
        )
    spec = project.specs[name]
    if spec.secrets:
        raise UsageError(f"Expected a service without secrets: nothing masks what {name} shows.")
    with store.lock.shared():
        commit_initial(project, store)
    heads = {source.repo: store.head(source.repo) for source in spec.sources}
    heads = {repo: None if head and head.gone else head for repo, head in heads.items()}
    if lacking := missing(spec.input, heads):
        raise BadInputError(
            f"Expected outputs for {name} to show.",
            received=f"nothing is committed to {', '.join(lacking)}",
            hint="ibid run",
        )
    with scratch.of_service(project.home) as folder:
        pfs = folder / "pfs"
        variables = {"SERVICE_HOST": "127.0.0.1", "SERVICE_PORT": str(port or spec.port)}
        with store.lock.shared():  # the code goes into the store, and nothing cites it
            work = gather(project, store, spec, {r: head for r, head in heads.items() if head})
            for item in (item for datum in work.datums for item in datum.items):
                layout.lay_out(store.trees, item, pfs)
                variables[item.input] = str(pfs / item.input / item.path.strip("/"))
            store.trees.checkout(work.code, folder / "code")
        own = tuple(folder / name for name in OWN)
        for path in own:
            path.mkdir()
        environment = (
            stage_environment(spec, work.modules, folder / "code", folder, pfs) | variables
        )
        say(f"{name}: http://127.0.0.1:{port or spec.port}/  (Ctrl-C ends it)")
        hidden = (secrets.place(project.home), project.home.scratch)
        sandbox = Sandbox(folder / "work", (folder / "code", pfs), own, (), hidden, network=True)
        return _until_interrupted(sandbox, list(spec.cmd), environment, say)


def _until_interrupted(
    sandbox: Sandbox, command: list[str], environment: dict[str, str], say: Callable[[str], None]
) -> int:
    """Run a command until it ends or somebody ends it, with SIGINT or SIGTERM."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    process = Process(sandbox, command, environment)
    try:
        process.wait(lambda part, why: say(f"Weaker here ({part}: {why}): {WEAKER[part]}."))
        code, error = process.describe()
        if error:
            say(f"{command[0]}: {error}")
        return code
    except KeyboardInterrupt:
        return 0
    finally:
        process.close()
        signal.signal(signal.SIGTERM, before)
