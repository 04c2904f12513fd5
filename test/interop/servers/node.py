"""One pylm server or worker in a process of its own, started by cluster.py: python node.py '<spec as JSON>'.

Writes one byte to stdout once all its addresses are bound; all that pylm prints goes to stderr. Ends when its stdin
ends, whatever its threads do. Exit code 98: an address to bind is taken.
"""
import errno
import json
import logging
import os
import sys
import threading

import palm_pb

IN_USE = 98
ADDRESSES = ('db', 'pull', 'pub', 'worker_push', 'worker_pull')


def end_with_stdin():
    while os.read(0, 65536):
        pass
    os._exit(0)


def watch_binds(addresses, ready):
    """Calls `ready` once every address is bound, and ends the process when one is taken. pylm binds in its threads,
    where a taken port would only be logged: whoever has it would then be taken for this server."""
    import zmq

    missing, lock, bind = set(addresses), threading.Lock(), zmq.Socket.bind

    def bind_and_tell(self, address):
        try:
            result = bind(self, address)
        except zmq.ZMQError as error:
            print('cannot bind {}: {}'.format(address, error), file=sys.stderr, flush=True)
            os._exit(IN_USE if error.errno == errno.EADDRINUSE else 1)
        with lock:
            if address in missing:
                missing.discard(address)
                if not missing:
                    ready()
        return result

    zmq.Socket.bind = bind_and_tell
    if not missing:
        ready()


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
    told = os.dup(1)
    os.dup2(2, 1)
    spec = json.loads(sys.argv[1])
    palm_pb.use(spec['protobuf'])
    binds = [] if spec['kind'] in ('Worker', 'MuxWorker') else ADDRESSES

    def ready():
        os.write(told, b'.')
        os.close(told)

    watch_binds([spec[key] for key in binds if key in spec], ready)
    server = make(spec)
    server.start()
    # start() comes back when every thread of a server has died: stay, as a silent server would.
    threading.Event().wait()


if __name__ == '__main__':
    main()
