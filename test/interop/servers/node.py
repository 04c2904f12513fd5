"""One pylm server or worker in a process of its own, started by cluster.py: python node.py '<spec as JSON>'.

Writes one byte to stdout once its addresses were free and its server is made; all that pylm prints goes to stderr.
Ends when its stdin ends, whatever its threads do. Exit code 98: an address to bind is taken.
"""
import errno
import json
import logging
import os
import socket
import sys
import threading

import palm_pb

IN_USE = 98


def end_with_stdin():
    while os.read(0, 65536):
        pass
    os._exit(0)


def refuse_taken(spec):
    """A Master binds in its threads, where a taken port would only be logged: look first."""
    for key in ('db', 'pull', 'pub', 'worker_push', 'worker_pull'):
        if key not in spec or (spec['kind'] in ('Worker', 'MuxWorker')):
            continue
        host, port = spec[key].rsplit('://', 1)[1].rsplit(':', 1)
        host = host.strip('[]')
        with socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(port)))
            except OSError as error:
                print('{}: cannot bind {}: {}'.format(spec['label'], spec[key], error), file=sys.stderr)
                os._exit(IN_USE if error.errno == errno.EADDRINUSE else 1)


def make(spec):
    from pylm import servers
    import functions

    kind, name, level = spec['kind'], spec['name'], getattr(logging, spec['log'])
    logging_options = {'log_level': level}

    class Labelled:
        label = spec['label']

    if kind == 'Server':
        class Server(Labelled, functions.ServerFunctions, servers.Server):
            pass

        class ParityServer(Server):
            """Sends payloads that are even numbers to the topic 'even', all others to 'odd'."""

            def handle_stream(self, message):
                message.stage += 1
                digits = message.payload
                even = digits.isdigit() and int(digits) % 2 == 0
                return ('even' if even else 'odd'), message

        return (ParityServer if spec.get('parity') else Server)(
            name, db_address=spec['db'], pull_address=spec['pull'], pub_address=spec['pub'],
            pipelined=spec.get('pipelined', False), **logging_options)

    if kind == 'Pipeline':
        class Pipeline(Labelled, functions.ServerFunctions, servers.Pipeline):
            pass
        return Pipeline(
            name, db_address=spec['db'], sub_address=spec['sub'][0], pub_address=spec['pub'],
            previous=spec['previous'][0], to_client=not spec.get('pipelined', False), **logging_options)

    if kind == 'Sink':
        class Sink(Labelled, functions.ServerFunctions, servers.Sink):
            pass
        return Sink(
            name, db_address=spec['db'], sub_addresses=spec['sub'], pub_address=spec['pub'],
            previous=spec['previous'], to_client=not spec.get('pipelined', False), **logging_options)

    if kind in ('Master', 'Hub'):
        from masters import ScatterGather
        if kind == 'Master':
            class Master(Labelled, ScatterGather, servers.Master):
                pass
            return Master(
                name, pull_address=spec['pull'], pub_address=spec['pub'], db_address=spec['db'],
                worker_pull_address=spec['worker_pull'], worker_push_address=spec['worker_push'],
                pipelined=spec.get('pipelined', False), **logging_options)
        return servers.Hub(
            name, sub_address=spec['sub'][0], pub_address=spec['pub'], db_address=spec['db'],
            worker_pull_address=spec['worker_pull'], worker_push_address=spec['worker_push'],
            previous=spec['previous'][0], pipelined=spec.get('pipelined', False), **logging_options)

    if kind == 'Worker':
        class Worker(Labelled, functions.MasterFunctions, servers.Worker):
            pass
        return Worker(name, db_address=spec['db'], **logging_options)

    if kind == 'MuxWorker':
        class MuxWorker(Labelled, functions.MuxFunctions, servers.MuxWorker):
            pass
        return MuxWorker(name, db_address=spec['db'], **logging_options)

    raise SystemExit('unknown kind {!r}'.format(kind))


def main():
    threading.Thread(target=end_with_stdin, daemon=True).start()
    made = os.dup(1)
    os.dup2(2, 1)
    spec = json.loads(sys.argv[1])
    refuse_taken(spec)
    palm_pb.use(spec['protobuf'])
    server = make(spec)
    os.write(made, b'.')
    os.close(made)
    server.start()
    # start() comes back when every thread of a server has died: stay, as a silent server would.
    threading.Event().wait()


if __name__ == '__main__':
    main()
