"""Keep a store as this version of ibid makes it: `python tests/data/make_store.py`.

It writes `store-format-N.tar` beside itself, N being the format of today. Run it once a format,
before the format goes up: afterwards only an older ibid can make that file.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
TEXTS = ({"one": "to be or not to be", "two": "be"}, {"two": "let it be", "three": "or not"})


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        shutil.copytree(HERE.parent / "conformance" / "words", root)
        (root / "texts").mkdir()
        ibid(root, "specs")
        for texts in TEXTS:
            for name, text in texts.items():
                (root / "texts" / name).write_text(text)
            ibid(root, "put", "texts", "texts")
        home = root / ".ibid"
        with sqlite3.connect(home / "ibid.db") as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
        database.close()
        pack(home, HERE / f"store-format-{version}.tar")


def ibid(root: Path, *arguments: str) -> None:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("IBID_")}
    command = [sys.executable, "-m", "ibid.cli", *arguments]
    subprocess.run(command, cwd=root, env=environment, check=True)


def pack(home: Path, target: Path) -> None:
    with tarfile.open(target, "x", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(home.rglob("*")):
            if path.is_file():
                member = tarfile.TarInfo(path.relative_to(home).as_posix())
                member.size = path.stat().st_size
                with path.open("rb") as stream:
                    archive.addfile(member, stream)


if __name__ == "__main__":
    main()
