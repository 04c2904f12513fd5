"""What Python's protobuf takes frames for: one frame a line of stdin, in hex; one line of JSON for each.

Two readings of each frame, [as pylm's own message, as one that knows frond's fields too]; null for a frame that is refused.
`read_frames.py MODE` with MODE as in palm_pb.py; its implementation is the first line.
"""
import json
import sys

import palm_pb

FROND = (
    ('features', 1000, 'TYPE_INT64'),
    ('status', 1001, 'TYPE_INT64'),
    ('error', 1002, 'TYPE_STRING'),
    ('errorName', 1003, 'TYPE_STRING'),
    ('ordinal', 1004, 'TYPE_INT64'),
)


def reading(kind, names, frame):
    message = kind()
    try:
        message.ParseFromString(frame)
    except Exception:
        return None
    values = ((name, getattr(message, name)) for name in names)
    return {name: value.hex() if isinstance(value, bytes) else str(value) for name, value in values}


def main():
    palm_pb.use(sys.argv[1])
    from pylm.parts.messages_pb2 import PalmMessage
    own = [name for name, *_ in palm_pb.FIELDS]
    fields = palm_pb.FIELDS + FROND
    kinds = ((PalmMessage, own), (palm_pb.message_class(fields), [name for name, *_ in fields]))
    print(palm_pb.implementation())
    for line in sys.stdin:
        frame = bytes.fromhex(line)
        print(json.dumps([reading(kind, names, frame) for kind, names in kinds]))


main()
