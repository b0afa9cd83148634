"""A project of one pipeline, for measuring the engine and nothing else."""

import subprocess
from pathlib import Path

from bench.timing import ibid

YAML = """
version: 1
name: plain
description: One pipeline.
image: example/plain:1
inputs:
  uploads: {{description: Folders., layout: uploads}}
  files: {{description: Files., layout: files}}
environments:
  plain: {{}}
pipelines:
  - name: {name}
    description: What is measured.
    environment: plain
    input: {{pfs: {{repo: files, glob: "{glob}"}}}}
    {program}
"""


def make(root: Path, name: str, glob: str, program: str) -> None:
    """Make the project.

    Args:
        root: a new folder.
        name: the pipeline's name.
        glob: how the repo `files` is cut into datums.
        program: the lines of pipeline.yaml that say what is run.
    """
    folder = root / "pipelines" / "plain"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(YAML.format(name=name, glob=glob, program=program))
    subprocess.run(ibid("specs"), cwd=root, check=True, capture_output=True)
