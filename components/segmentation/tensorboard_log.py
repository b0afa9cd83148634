"""The history as TensorBoard reads it, without the times and host names that it usually holds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

NAME = "events.out.tfevents.0.ibid"


def write(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write one event file of scalars; the row at index i is epoch i + 1."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("wb") as stream:
        writer = RecordWriter(stream)
        writer.write(Event(wall_time=0, file_version="brain.Event:2").SerializeToString())
        for epoch, row in enumerate(rows, start=1):
            values = [Summary.Value(tag=name, simple_value=row[name]) for name in sorted(row)]
            event = Event(wall_time=0, step=epoch, summary=Summary(value=values))
            writer.write(event.SerializeToString(deterministic=True))
        writer.flush()
