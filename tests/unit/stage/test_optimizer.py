"""What TensorFlow makes of a graph is no matter of how busy the machine is."""

import subprocess
import sys

PROGRAM = """
import sys
from ibid.stage import determinism
params = {"seed": 1, "determinism": {"level": "strict", "threads": 1}}
determinism.enter(params)
import tensorflow
from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.python.eager import context

def deadline():
    told = context.context().function_call_options.config_proto_serialized
    return ConfigProto.FromString(told).graph_options.rewrite_options.meta_optimizer_timeout_ms

before = deadline()  # something has run already
determinism.framework(params)
print(before, deadline(), float(tensorflow.function(lambda x: x + 1)(tensorflow.constant(1.0))))
"""


def test_the_optimizer_of_graphs_has_no_deadline_by_the_clock():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0 -1 2.0\n"
