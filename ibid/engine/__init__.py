"""The embedded engine: plan, run, record, on one machine.

It starts stages by command, as a cluster does, and never imports one. It must not know what a stage
computes.
"""
