"""One socket of pyzmq: pyzmq.py KIND bind|connect ADDRESS COUNT.

Prints its address, and then what it receives, one line of JSON for each message. PUSH and PUB send COUNT messages, REQ and DEALER as many
requests, and REP and ROUTER answer as many.
"""
import json
import sys

import zmq

kind, way, address, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
socket = zmq.Context().socket(getattr(zmq, kind.upper()))
socket.linger = 5000
socket.rcvtimeo = 20000
socket.sndtimeo = 20000
if kind == 'sub':
    socket.subscribe(b'me/')
getattr(socket, way)(address)


def say(what):
    print(json.dumps(what), flush=True)


def receive():
    parts = socket.recv_multipart()
    say([part.decode('latin1') for part in parts])
    return parts


say(socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b'\0').decode())
if kind == 'pub':
    # Until the test has all that it waits for.
    while not sys.stdin.readline().startswith('over'):
        for i in range(count):
            socket.send_multipart([b'me/', b'message %d' % i])
else:
    for i in range(count):
        if kind == 'push':
            socket.send(b'message %d' % i)
        elif kind == 'req':
            socket.send(b'message %d' % i)
            receive()
        elif kind == 'dealer':
            socket.send_multipart([b'', b'message %d' % i])
            receive()
        elif kind in ('rep', 'router'):
            parts = receive()
            socket.send_multipart(parts[:-1] + [b're:' + parts[-1]])
        else:
            # The empty confirmation of a subscription is none of the messages.
            while not receive()[-1]:
                pass
socket.close()
