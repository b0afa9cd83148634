"""The command `ibid`: a thin skin that parses, calls, prints and returns an exit code.

stdout is data, stderr is the log. Whatever it does can be imported and called from the library.
"""
