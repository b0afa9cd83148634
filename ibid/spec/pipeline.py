"""`pipeline.yaml`: the DAG as people write it, checked by name and line."""

import graphlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from ibid.spec import document, secret
from ibid.spec.complaint import MisplacedError, explain
from ibid.spec.input import Input, Name, Part
from ibid.spec.near import did_you_mean
from ibid.spec.quantity import parse_bytes
from ibid.spec.sources import cron_repo
from ibid.stage.contract import UsageError


class Repo(Part):
    """An input repo, filled by people: whole uploads, each in a folder of its own, or files."""

    description: str
    layout: Literal["uploads", "files"] = "files"
    initial: str | None = Field(default=None, description="A folder: the first commit.")


class Environment(Part):
    """What a component runs in: an extra of the project, and whether its numbers need the machine.

    `machine` puts interpreter, instruction set and threads into the key of every datum.
    """

    extra: str | None = None
    machine: bool = False


class Service(Part):
    """A page that is served from an output, never run by `ibid run`."""

    internal_port: int = Field(ge=1, le=65535, strict=True)
    external_port: int = Field(ge=30000, le=32767, strict=True)


def _is_amount(amount: str) -> str:
    try:
        parse_bytes(amount)
    except UsageError as error:
        raise ValueError(error.message.removesuffix(".").replace("E", "e", 1)) from error
    return amount


Amount = Annotated[str, AfterValidator(_is_amount)]


class Resources(Part):
    """What one worker asks for."""

    cpu: float = Field(default=1, gt=0)
    memory: Amount = "1G"


class Limits(Part):
    """What one worker may take: its processes together, and the folders that they write to."""

    memory: Amount | None = None
    disk: Amount | None = None


class Secret(Part):
    """A secret that the stage is given: an environment variable, a folder of files, or both."""

    name: Name
    key: str | None = Field(default=None, min_length=1)
    env_var: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    mount_path: str | None = Field(default=None, pattern=r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$")

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if fault := secret.fault_of(self.model_dump()):
            raise ValueError(f"expected env_var with key, or mount_path, received {fault}")
        return self


class Pipeline(Part):
    """One pipeline: its output is the repo of its name."""

    name: Name
    description: str
    component: str | None = Field(default=None, description="Import name of the stage's package.")
    cmd: tuple[str, ...] | None = Field(default=None, description="A foreign command instead.")
    environment: str
    input: Input
    files: tuple[str, ...] = Field(
        (), description="Files that the component reads beside its code."
    )
    differ: str | None = Field(
        default=None, description="Module that says where two outputs of the component differ."
    )
    env: dict[str, str] = Field(default={})
    secrets: tuple[Secret, ...] = ()
    stdin: tuple[str, ...] = ()
    err_cmd: tuple[str, ...] = Field((), description="Run after a datum has failed for good.")
    err_stdin: tuple[str, ...] = ()
    effect: bool = False
    batch: bool = Field(default=False, description="Many datums through one process.")
    parallelism: int = Field(default=1, ge=1, le=8, strict=True)
    resources: Resources = Resources()
    limits: Limits | None = None
    network: bool = Field(default=False, description="A stage has none unless this says so.")
    accept_return_code: tuple[int, ...] = ()
    tries: int = Field(default=1, ge=1, strict=True)
    timeout: str | None = Field(default=None, pattern=r"^[1-9]\d*s$")
    job_timeout: str | None = Field(default=None, pattern=r"^[1-9]\d*s$")
    service: Service | None = None
    metrics: tuple[str, ...] = Field(
        default=(), description="JSON files of numbers, for `compare`."
    )

    @model_validator(mode="after")
    def _one_program(self) -> Self:
        if (self.component is None) == (self.cmd is None):
            received = "both" if self.cmd else "neither"
            raise ValueError(f"expected exactly one of component, cmd, received {received}")
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.differ and not self.component:
            raise ValueError("expected differ beside component, received it beside cmd")
        if self.err_stdin and not self.err_cmd:
            raise ValueError("expected err_cmd beside err_stdin, received none")
        if self.service and self.secrets:
            raise ValueError("expected a service without secrets: nothing masks what it shows")
        return self


class Parameters(Part):
    """Where parameters come from: a folder for Hydra, and `module:Class`, the pydantic model."""

    conf: str = "conf"
    model: str = Field(pattern=r"^[\w.]+:\w+$")


class Summary(Part):
    """The table that a run ends with: a CSV file of an output."""

    pipeline: Name
    file: str


class Report(Part):
    """What `ibid report` shows of an output: a page, and JSON with its summary and tables."""

    pipeline: Name
    page: str
    data: str


class Workflow(Part):
    """The whole of pipeline.yaml."""

    version: Literal[1]
    name: Name
    description: str
    image: str
    inputs: dict[Name, Repo]
    environments: dict[str, Environment]
    pipelines: tuple[Pipeline, ...] = Field(min_length=1)
    parameters: Parameters | None = None
    sample: str | None = Field(default=None, description="Module that draws a data set.")
    datasets: dict[Name, str] = Field(
        default={}, description="Modules that fetch real data sets, by name."
    )
    summary: Summary | None = None
    report: Report | None = None
    next: tuple[str, ...] = Field(default=(), description="What to do after a run, for people.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        self._names_are_unique()
        self._references_exist()
        for number, pipeline in enumerate(self.pipelines):
            self._inputs_have_places(number, pipeline)
        self.order()
        return self

    def _names_are_unique(self) -> None:
        seen = {*self.inputs}
        for number, pipeline in enumerate(self.pipelines):
            crons = [cron_repo(pipeline.name, c.name, c.repo) for c in pipeline.input.crons()]
            places = [(pipeline.name, "name"), *((repo, "input") for repo in crons)]
            for name, place in places:
                if name in seen:
                    raise MisplacedError(
                        f"expected one repo of each name, '{name}' stands there already",
                        *("pipelines", number, place),
                    )
                seen.add(name)

    def _references_exist(self) -> None:
        names = [pipeline.name for pipeline in self.pipelines]
        repos = {*self.inputs, *names, *self.cron_repos()}
        for number, pipeline in enumerate(self.pipelines):
            for leaf in pipeline.input.leaves():
                _known("input", leaf.repo, repos, "pipelines", number, "input")
            _known(
                *("environment", pipeline.environment, self.environments),
                *("pipelines", number, "environment"),
            )
        if self.summary:
            _known("pipeline", self.summary.pipeline, names, "summary", "pipeline")
        if self.report:
            _known("pipeline", self.report.pipeline, names, "report", "pipeline")
        if self.parameters:
            _known("input", "params", self.inputs, "parameters")

    def _inputs_have_places(self, number: int, pipeline: Pipeline) -> None:
        """Each input is a folder of its own, beside `out` and, for a component, `params`."""
        taken = {"out"} | ({"params"} if self.parameters and pipeline.component else set())
        for name in pipeline.input.clashes(taken):
            raise MisplacedError(
                f"expected inputs of different names, '{name}' is taken; give it a `name`",
                *("pipelines", number, "input"),
            )

    def cron_repos(self) -> dict[str, str]:
        """Name the repos that crons tick into, each with its pipeline."""
        return {
            repo: pipeline.name
            for pipeline in self.pipelines
            for repo in pipeline.input.cron_repos(pipeline.name)
        }

    def order(self) -> list[str]:
        """List the pipelines, each after what it depends on; raises ValueError on a cycle."""
        names = [pipeline.name for pipeline in self.pipelines]
        graph = {
            pipeline.name: [leaf.repo for leaf in pipeline.input.leaves() if leaf.repo in names]
            for pipeline in self.pipelines
        }
        try:
            return list(graphlib.TopologicalSorter(graph).static_order())
        except graphlib.CycleError as error:
            cycle = error.args[1]
            raise MisplacedError(
                f"expected no cycle, received {' -> '.join(cycle)}",
                *("pipelines", names.index(cycle[0]), "input"),
            ) from error


def _known(kind: str, name: str, known: Iterable[str], *at: int | str) -> None:
    """Refuse a name that nothing has."""
    if name not in (listed := sorted(known)):
        near = did_you_mean(name, listed)
        raise MisplacedError(
            f"unknown {kind} '{name}', expected one of {', '.join(listed) or 'none'}"
            + (f"; did you mean {near}?" if near else ""),
            *at,
        )


def read(path: Path) -> Workflow:
    """Read and check a pipeline.yaml; raises UsageError with file, line and what was expected."""
    text, value = document.read(path)
    try:
        return Workflow.model_validate(value)
    except ValidationError as error:
        known = sorted({name for part in Part.__subclasses__() for name in part.model_fields})
        raise UsageError(
            f"Expected a pipeline as the reference describes it in {path}.",
            received="\n".join(explain(error, text, known)),
            hint="docs/reference/pipeline.md",
        ) from error
