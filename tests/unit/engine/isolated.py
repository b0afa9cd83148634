"""A project of one foreign command, run as one user or another, where something may be missing."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import Words

WITHOUT, DRIVE = (Path(__file__).parent / name for name in ("without.py", "drive.py"))
YAML = """\
version: 1
name: words
description: One command.
image: example/words:1
inputs:
  texts: {{description: One file a text.}}
environments:
  plain: {{}}
pipelines:
  - name: try
    description: What is tried.
    cmd: {command}
    environment: plain
    input: {{pfs: {{repo: texts, glob: "/*"}}}}
{lines}
  - name: other
    description: Another branch.
    cmd: [sh, -c, 'cp "$texts" "$PFS_ROOT/out/"']
    environment: plain
    input: {{pfs: {{repo: texts, glob: "/*"}}}}
"""
PROBE = """
from pathlib import Path
from ibid.engine.process import Process
from ibid.engine.sandbox import Sandbox
process = Process(Sandbox(Path("/"), (), ()), ["true"], {"PATH": "/usr/bin:/bin"})
process.wait()
process.close()
print("; ".join(f"{part}: {reason}" for part, reason in process.weaker.items()))
"""


def processes(mark):
    """List the processes that carry a mark in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


class Person:
    """Whoever runs `ibid` in a project of his own; `missing` are parts of `without.py`."""

    def __init__(self, root: Path, user: tuple[str, ...]) -> None:
        self.words, self.user = Words(root), user
        self.words.texts.chmod(0o755)

    def give(self, command, lines=(), **texts):
        """Say what the stage does, in Python or, as one line of text, in the shell."""
        kind = ["sh", "-c"] if "\n" not in command else ["python", "-c"]
        text = YAML.format(
            command=json.dumps([*kind, command]), lines="\n".join(f"    {line}" for line in lines)
        )
        folder = self.words.root / "pipelines" / "words"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pipeline.yaml").write_text(text)
        self.words.compile()
        self.words.write(**(texts or {"one": "a"}))

    def refusals(self):
        """Ask the kernel which parts of the sandbox it refuses this user."""
        running = self.start(sys.executable, "-c", PROBE, stdout=subprocess.PIPE)
        out, _ = running.communicate()
        return out.strip() if running.returncode == 0 else "the interpreter is out of reach"

    def start(self, *arguments, missing=(), **more):
        parts = ",".join((*self.user, *missing))
        prefix = [sys.executable, str(WITHOUT), parts, "--"] if parts else []
        return subprocess.Popen(
            [*prefix, *map(str, arguments)],
            cwd=self.words.root,
            env={"PATH": os.environ["PATH"], "IBID_HOME": str(self.home), "COLUMNS": "200"},
            text=True,
            **more,
        )

    def run(self, missing=()):
        """Put the texts and run; returns the ends of the jobs, and what was told of the sandbox."""
        pipe = subprocess.PIPE
        running = self.start(sys.executable, str(DRIVE), missing=missing, stdout=pipe, stderr=pipe)
        out, errors = running.communicate()
        assert running.returncode == 0, errors
        answer = json.loads(out)
        self.outputs, self.provenance = answer["outputs"], answer["provenance"]
        return answer["jobs"], answer["told"]

    def ibid(self, *arguments):
        running = self.start(sys.executable, "-m", "ibid.cli", *arguments, stdout=subprocess.PIPE)
        out, _ = running.communicate()
        assert running.returncode == 0
        return out

    @property
    def home(self):
        return self.words.root / ".ibid"
