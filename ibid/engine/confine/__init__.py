"""What stands between the engine and a stage: a small program that confines itself, then execs.

Standard library only, and little of it: this is paid at every start of a stage.
"""
