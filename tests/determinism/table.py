"""What a proof has found: rows to print, and what is wrong among them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title; `wrong` says in words what was not as promised, one line each."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    wrong: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        cells = (
            "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True))
            for line in lines
        )
        verdict = [f"WRONG: {reason}" for reason in self.wrong] or ["as promised"]
        return "\n".join([f"\n{self.title}", *(line.rstrip() for line in cells), *verdict])
