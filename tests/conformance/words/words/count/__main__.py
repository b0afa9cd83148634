"""Count the words of each text: `<name>` holds one `word count` a line."""

import sys
from collections import Counter

from ibid.stage import contract
from ibid.stage.contract import BadInputError, TemporaryError


def run(inputs, output, params):
    for text in sorted(inputs["texts"].iterdir()):
        words = text.read_text().split()
        print("counting", text.name)
        if "UNREADABLE" in words:
            raise BadInputError("Expected words.", received=text.name)
        if "BUSY" in words:
            raise TemporaryError("The dictionary is being printed.")
        lines = [f"{word} {count}\n" for word, count in sorted(Counter(words).items())]
        (output / text.name).write_text("".join(lines))


if __name__ == "__main__":
    sys.exit(contract.main(run))
