"""Add the counts of all texts up."""

import sys
from collections import Counter

from ibid.stage import contract
from ibid.stage.canonical import write_json


def run(inputs, output, params):
    total = Counter()
    for counts in inputs["count"].iterdir():
        for line in counts.read_text().splitlines():
            word, _, count = line.partition(" ")
            total[word] += int(count)
    write_json(output / "total.json", dict(total))


if __name__ == "__main__":
    sys.exit(contract.main(run))
