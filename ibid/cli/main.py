"""The command line's one entry: every command by its name, every error by its exit code."""

import sys

import typer

from ibid.cli import copies, data, jobs, proofs, report, running, show, store, workload
from ibid.stage.contract import IbidError
from ibid.store.disk import explain

app = typer.Typer(
    name="ibid",
    help="A bit-for-bit reproducible ML pipeline: every output cites what made it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    data.put,
    running.run,
    running.plan,
    running.status,
    data.repos,
    data.commits,
    data.ls,
    data.get,
    data.cat,
    store.doctor,
    store.rm,
    store.delete,
    store.gc,
    store.size,
    copies.export,
    copies.push,
    copies.pull,
    jobs.jobs,
    jobs.logs,
    jobs.stop,
    running.service,
    report.report,
    proofs.lineage,
    proofs.compare,
    proofs.verify,
    proofs.why,
    workload.params,
    workload.specs,
):
    app.command()(command)
app.command("import")(copies.import_)
app.command(
    add_help_option=False,  # --help too is the sampler's
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(workload.sample)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    workload.fetch
)


def main() -> None:
    """Run the command line; an error that users can mend is a message, not a trace."""
    try:
        app()
    except IbidError as error:
        show.say(f"error: {error}")
        sys.exit(int(error.code))
    except OSError as error:
        told = explain(error)
        show.say(f"error: {told}")
        sys.exit(int(told.code))
