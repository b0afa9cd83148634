"""Bytes at an address, then trees of them, then commits and branches.

It must not know of pipelines, stages or how a commit came about: provenance is a text to it.
"""
