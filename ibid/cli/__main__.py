"""`python -m ibid.cli` is the command `ibid`."""

from ibid.cli.main import main

if __name__ == "__main__":
    main()
