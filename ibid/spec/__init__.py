"""What a pipeline is: `pipeline.yaml` and Pachyderm specs, parsed and checked.

It must not know how anything is run or stored.
"""
