"""TensorFlow's optimizer of graphs has to come to its end, however long that takes.

It has a deadline by the clock, five minutes by default, and after it the graph quietly runs as it
was, which rounds otherwise: on a machine that is busy enough, the same training gave other bits.
"""


def has_no_deadline() -> None:
    """Take the deadline away, for the functions of this process that have not run yet.

    TensorFlow has no public way to set this once it is imported.
    """
    from tensorflow.core.protobuf.config_pb2 import ConfigProto
    from tensorflow.python.eager import context

    config = ConfigProto()
    config.graph_options.rewrite_options.meta_optimizer_timeout_ms = -1
    context.context()._config = config
    context.context().function_call_options = None  # else it would not look again
