"""One socket of pyzmq with CURVE: `curve.py KIND bind|connect ADDRESS SERVER_PUBLIC SERVER_SECRET PUBLIC SECRET COUNT`.

It prints the address that it bound, then one line of JSON for each message that it received. What answers, echoes.
"""
import json
import sys

import zmq

KINDS = {
    'push': zmq.PUSH, 'pull': zmq.PULL, 'pub': zmq.XPUB, 'sub': zmq.SUB,
    'req': zmq.REQ, 'dealer': zmq.DEALER, 'rep': zmq.REP, 'router': zmq.ROUTER,
}


def say(value):
    print(json.dumps(value), flush=True)


def heard(socket):
    return [part.decode('latin1') for part in socket.recv_multipart()]


def main():
    kind, way, address, server_public, server_secret, public, secret, count = sys.argv[1:]
    count = int(count)
    socket = zmq.Context().socket(KINDS[kind])
    socket.linger = 3000
    socket.rcvtimeo = socket.sndtimeo = 20000
    if way == 'bind':
        socket.curve_server = True
        socket.curve_secretkey = server_secret.encode()
        socket.bind(address)
    else:
        socket.curve_serverkey = server_public.encode()
        socket.curve_publickey = public.encode()
        socket.curve_secretkey = secret.encode()
        if kind == 'sub':
            socket.subscribe(b'me/')
        socket.connect(address)
    say(socket.last_endpoint.decode())
    if kind == 'pub':
        say(heard(socket))
    for i in range(count):
        text = f'message {i}'.encode()
        if kind == 'push':
            socket.send(text)
        elif kind == 'pub':
            socket.send_multipart([b'other', text])
            socket.send_multipart([b'me/1', text])
        elif kind == 'req':
            socket.send(text)
            say(heard(socket))
        elif kind == 'dealer':
            socket.send_multipart([b'id', b'', text])
            say(heard(socket))
        elif kind in ('rep', 'router'):
            parts = socket.recv_multipart()
            say([part.decode('latin1') for part in parts[-1:]])
            socket.send_multipart(parts)
        else:
            say(heard(socket))
    # Until the other end has all of it.
    sys.stdin.read()
    socket.close()


main()
