"""From pipeline to files: pure functions, one module a target.

It must not know of stores, and nothing here looks at a clock or a cluster.
"""
