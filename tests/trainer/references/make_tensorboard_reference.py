"""Writes the records that TensorBoard's own writer makes for four scalars, as hexadecimal lines.

Run with Python and `pip install tensorboard` (made with 2.21.0): python make_tensorboard_reference.py > tensorboard.hex
"""
import io

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

POINTS = [("loss", 0, 7.625, 1700000000.25), ("loss", 1, 0.1, 1700000001.5), ("lr", 300, 3e-4, 1700000002.0),
          ("validation/general", 10_000_000_000, -1.5, 1700000003.0)]

for tag, step, value, wall_time in POINTS:
    out = io.BytesIO()
    event = Event(wall_time=wall_time, step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))
    RecordWriter(out).write(event.SerializeToString())
    print(out.getvalue().hex())
