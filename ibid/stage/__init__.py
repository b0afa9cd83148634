"""The stage kit: the only part of Ibid that is copied into images.

It must not know of stores, engines or pipelines; a stage sees folders and one JSON file.
"""
