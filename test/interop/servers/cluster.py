"""Starts real pylm servers, each in a process of its own, and prints one line of JSON once every path through them
has been proved by a message:

    python cluster.py TOPOLOGY [--workers N | --no-workers] [--db A --pull A --pub A] [--addresses JSON]
                      [--protobuf shipped|upb] [--log ERROR] [--timeout 20]

    {"topology": "pipeline", "protobuf": "python", "seconds": 0.6,
     "addresses": {"first": {"name": "first", "db": "tcp://…", "pull": "tcp://…", "pub": "tcp://…"}, …},
     "pids": {"first": 123, …},
     "entry": {"serverName": "first", "dbAddress": "tcp://…", "pushAddress": "tcp://…", "subAddress": "tcp://…"},
     "subAddresses": ["tcp://…"]}

`entry` is what a client is given: it pushes to the first server and subscribes to the last. `subAddresses` has more
than one where several servers answer the client (tee). Addresses are on free loopback ports unless given. Logs go to
stderr.

Commands are lines on stdin, each answered by one line of JSON:
    restart LABEL    ends that process if it still runs, starts it anew on its old addresses, proves the paths again
    start LABEL      the same without the proof: answers once the process has been started
All ends, children first, when stdin ends.
"""
import argparse
import json
import os
import queue
import random
import select
import socket
import subprocess
import sys
import threading
import time
import uuid

import palm_pb

HERE = os.path.dirname(os.path.abspath(__file__))
IN_USE = 98
PALM_BINDS = {
    'Server': ('db', 'pull', 'pub'),
    'Pipeline': ('db', 'pub'),
    'Sink': ('db', 'pub'),
    'Master': ('db', 'pull', 'pub', 'worker_push', 'worker_pull'),
    'Hub': ('db', 'pub', 'worker_push', 'worker_pull'),
}


def topology(name, workers):
    """Servers in the order of the stream, each with the labels of what it is connected to, and the probes that prove
    the paths: payload, function path, and the answers to see."""
    names = ['worker-{}'.format(number + 1) for number in range(workers)]
    answers = {label.encode() for label in names}

    def pool(master, kind='Worker'):
        return [{'label': label, 'kind': kind, 'name': label, 'master': master} for label in names]

    if name == 'server':
        return [{'label': 'server', 'kind': 'Server'}], [(b'', 'server.who', {b'server'})]
    if name == 'pipeline':
        return [
            {'label': 'first', 'kind': 'Server', 'pipelined': True},
            {'label': 'second', 'kind': 'Pipeline', 'from': ['first']},
        ], [(b'', 'first.same second.who', {b'second'})]
    if name == 'tee':
        return [
            {'label': 'first', 'kind': 'Server', 'pipelined': True},
            {'label': 'left', 'name': 'branch', 'kind': 'Pipeline', 'from': ['first']},
            {'label': 'right', 'name': 'branch', 'kind': 'Pipeline', 'from': ['first']},
        ], [(b'', 'first.same branch.who', {b'left', b'right'})]
    if name == 'tee-sink':
        return [
            {'label': 'first', 'kind': 'Server', 'pipelined': True},
            {'label': 'left', 'name': 'branch', 'kind': 'Pipeline', 'from': ['first'], 'pipelined': True},
            {'label': 'right', 'name': 'branch', 'kind': 'Pipeline', 'from': ['first'], 'pipelined': True},
            {'label': 'sink', 'kind': 'Sink', 'from': ['left', 'right']},
        ], [(b'', 'first.same branch.who sink.same', {b'left', b'right'})]
    if name == 'sink':
        return [
            {'label': 'first', 'kind': 'Server', 'pipelined': True, 'parity': True},
            {'label': 'odd', 'name': 'middle', 'kind': 'Pipeline', 'from': ['first'], 'topic': 'odd', 'pipelined': True},
            {'label': 'even', 'name': 'middle', 'kind': 'Pipeline', 'from': ['first'], 'topic': 'even', 'pipelined': True},
            {'label': 'sink', 'kind': 'Sink', 'from': ['odd', 'even']},
        ], [
            (b'1', 'first.same middle.who sink.same', {b'odd'}),
            (b'2', 'first.same middle.who sink.same', {b'even'}),
        ]
    if name == 'master':
        return [{'label': 'master', 'kind': 'Master'}, *pool('master')], [(b'', 'master.who', answers)]
    if name == 'master-pipeline':
        return [
            {'label': 'master', 'kind': 'Master', 'pipelined': True},
            *pool('master'),
            {'label': 'second', 'kind': 'Pipeline', 'from': ['master']},
        ], [(b'', 'master.who second.same', answers)]
    if name == 'hub':
        return [
            {'label': 'first', 'kind': 'Server', 'pipelined': True},
            {'label': 'hub', 'kind': 'Hub', 'from': ['first']},
            *pool('hub'),
        ], [(b'', 'first.same hub.who', answers)]
    if name == 'mux':
        return [{'label': 'master', 'kind': 'Master'}, *pool('master', 'MuxWorker')], [(b'', 'master.who', answers)]
    raise SystemExit('unknown topology {!r}'.format(name))


TOPOLOGIES = ('server', 'pipeline', 'tee', 'tee-sink', 'sink', 'master', 'master-pipeline', 'hub', 'mux')
WORKERS = {'master': 2, 'master-pipeline': 2, 'hub': 1, 'mux': 1}


def free_ports(count):
    """Ports below the range from which the system takes the ports of outgoing connections, so that none of those
    takes one between now and the server's bind."""
    held = []
    try:
        for _ in range(10_000):
            if len(held) == count:
                break
            candidate = socket.socket()
            try:
                candidate.bind(('127.0.0.1', random.randint(20_000, 32_000)))
                held.append(candidate)
            except OSError:
                candidate.close()
        else:
            raise SystemExit('no free ports between 20000 and 32000')
        return [candidate.getsockname()[1] for candidate in held]
    finally:
        for candidate in held:
            candidate.close()


def specs_of(servers, options, given):
    """Names, addresses and connections filled in."""
    servers = [{'name': server['label'], **server} for server in servers]
    by_label = {server['label']: server for server in servers}
    unknown = set(given) - set(by_label)
    if unknown:
        raise SystemExit('--addresses names {}, the topology has {}'.format(sorted(unknown), sorted(by_label)))
    wanted = [
        (server, key) for server in servers for key in PALM_BINDS.get(server['kind'], ())
        if key not in given.get(server['label'], {})
    ]
    for (server, key), port in zip(wanted, free_ports(len(wanted))):
        server[key] = 'tcp://127.0.0.1:{}'.format(port)
    for server in servers:
        for key, address in given.get(server['label'], {}).items():
            if key in PALM_BINDS.get(server['kind'], ()):
                server[key] = address
        server.update(protobuf=options.protobuf, log=options.log)
    for server in servers:
        if 'master' in server:
            server['db'] = by_label[server['master']]['db']
        if 'from' in server:
            server['sub'] = [by_label[label]['pub'] for label in server['from']]
            server['previous'] = [server.get('topic', by_label[label]['name']) for label in server['from']]
    return servers


class Taken(Exception):
    """A port was taken between looking and binding."""


class Cluster:
    def __init__(self, specs, probes):
        self.specs = {spec['label']: spec for spec in specs}
        self.probes = probes
        self.processes = {}
        self.made = set()
        self.lock = threading.Lock()
        self.closed = False

    def start(self, label):
        with self.lock:
            if self.closed:
                return
            self.processes[label] = subprocess.Popen(
                [sys.executable, os.path.join(HERE, 'node.py'), json.dumps(self.specs[label])],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HERE)
            self.made.discard(label)

    def kill(self, label):
        process = self.processes[label]
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()

    def close(self):
        with self.lock:
            self.closed = True
            for process in self.processes.values():
                process.kill()
            for process in self.processes.values():
                process.wait()

    def check_alive(self):
        for label, process in self.processes.items():
            code = process.poll()
            if code == IN_USE:
                raise Taken(label)
            if code is not None:
                raise SystemExit('{} ended with code {} while starting'.format(label, code))

    def prove(self, timeout):
        """Returns once every store answers with its server's name and every path has carried a message through."""
        import zmq
        deadline = time.monotonic() + timeout
        context = zmq.Context()
        context.setsockopt(zmq.LINGER, 0)
        context.setsockopt(zmq.RECONNECT_IVL, 10)
        Message = palm_pb.message_class()
        client = 'cluster-probe-' + uuid.uuid4().hex

        def waiting(what):
            self.check_alive()
            if time.monotonic() > deadline:
                raise SystemExit('not ready within {} s: waiting for {}'.format(timeout, what))

        try:
            # Each process says itself that it has come up: at a taken address somebody else would answer what follows.
            for label, process in self.processes.items():
                while label not in self.made:
                    if select.select([process.stdout], [], [], 0.05)[0]:
                        if os.read(process.stdout.fileno(), 1):
                            self.made.add(label)
                            break
                        process.wait()
                    waiting('the process of {}'.format(label))
            for spec in self.specs.values():
                if spec['kind'] not in PALM_BINDS:
                    continue
                with context.socket(zmq.REQ) as store:
                    store.connect(spec['db'])
                    store.send(Message(function=spec['name'] + '.get', payload=b'name').SerializeToString())
                    while not store.poll(50):
                        waiting('the store of {}'.format(spec['label']))
                    if store.recv() != spec['name'].encode():
                        raise SystemExit('another server answers at {}'.format(spec['db']))
                for key in ('pull', 'pub', 'worker_push', 'worker_pull'):
                    while key in spec and not accepts(spec[key]):
                        waiting('{} of {}'.format(key, spec['label']))
                        time.sleep(0.01)
            with context.socket(zmq.PUSH) as push, context.socket(zmq.SUB) as results:
                results.subscribe(client)
                for pub in self.last_addresses():
                    results.connect(pub)
                push.connect(self.first()['pull'])
                for payload, function, wanted in self.probes:
                    outstanding, missing = 0, set(wanted)
                    while missing:
                        frame = Message(client=client, pipeline=client, function=function, payload=payload)
                        push.send(frame.SerializeToString())
                        waiting('an answer to {} from {}'.format(function, sorted(missing)))
                        while missing and results.poll(50):
                            missing.discard(Message.FromString(results.recv_multipart()[1]).payload)
                # What the repeated probes still have under way is over before a test begins.
                while results.poll(60):
                    results.recv_multipart()
        finally:
            context.destroy(linger=0)

    def first(self):
        return next(iter(self.specs.values()))

    def last_addresses(self):
        """Where a client finds results: the pub of every server that no other one reads."""
        read = {label for spec in self.specs.values() for label in spec.get('from', ())}
        return [spec['pub'] for label, spec in self.specs.items() if 'pub' in spec and label not in read]

    def describe(self):
        keys = ('name', 'db', 'pull', 'pub', 'worker_push', 'worker_pull')
        first = self.first()
        return {
            'addresses': {
                label: {key: spec[key] for key in keys if key in spec}
                for label, spec in self.specs.items() if spec['kind'] in PALM_BINDS
            },
            'pids': {label: process.pid for label, process in self.processes.items()},
            'entry': {
                'serverName': first['name'], 'dbAddress': first['db'],
                'pushAddress': first['pull'], 'subAddress': self.last_addresses()[0],
            },
            'subAddresses': self.last_addresses(),
        }


def accepts(address):
    host, port = address.rsplit('://', 1)[1].rsplit(':', 1)
    try:
        socket.create_connection((host.strip('[]'), int(port)), timeout=1).close()
        return True
    except OSError:
        return False


def say(line):
    print(json.dumps(line), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('topology', choices=TOPOLOGIES)
    parser.add_argument('--workers', type=int)
    parser.add_argument('--no-workers', action='store_const', const=0, dest='workers')
    for key in ('db', 'pull', 'pub'):
        parser.add_argument('--' + key, help='address of the first server')
    parser.add_argument('--addresses', type=json.loads, default={}, help='{"<label>": {"db": "tcp://…", …}, …}')
    parser.add_argument('--protobuf', choices=palm_pb.MODES, default='shipped')
    parser.add_argument('--log', default='ERROR', choices=('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'))
    parser.add_argument('--timeout', type=float, default=20)
    options = parser.parse_args()
    palm_pb.use(options.protobuf)

    workers = options.workers if options.workers is not None else WORKERS.get(options.topology, 0)
    servers, probes = topology(options.topology, workers)
    given = dict(options.addresses)
    own = {key: getattr(options, key) for key in ('db', 'pull', 'pub') if getattr(options, key)}
    if own:
        label = servers[0]['label']
        given[label] = {**given.get(label, {}), **own}

    current = []
    commands = queue.Queue()

    def watch():
        # os.read and no file object: one that a thread holds would be in the way when Python ends.
        pending = b''
        while True:
            data = os.read(0, 65536)
            *lines, pending = (pending + data).split(b'\n')
            for line in lines:
                commands.put(line.decode().split())
            if not data:
                break
        for cluster in current:
            cluster.close()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    began = time.monotonic()
    try:
        for attempt in range(3):
            cluster = Cluster(specs_of(servers, options, given), probes)
            current.append(cluster)
            try:
                for label in cluster.specs:
                    cluster.start(label)
                cluster.prove(options.timeout)
                break
            except Taken as taken:
                cluster.close()
                if own or given or attempt == 2:
                    raise SystemExit('an address of {} is taken'.format(taken))
        say({
            'topology': options.topology,
            'protobuf': palm_pb.implementation(),
            'seconds': round(time.monotonic() - began, 3),
            **cluster.describe(),
        })
        while True:
            command = commands.get()
            if len(command) != 2 or command[0] not in ('restart', 'start') or command[1] not in cluster.specs:
                say({'error': 'no such command: {}'.format(' '.join(command))})
                continue
            verb, label = command
            cluster.kill(label)
            cluster.start(label)
            if verb == 'restart':
                try:
                    cluster.prove(options.timeout)
                except (SystemExit, Taken) as error:
                    say({'error': '{} {}: {}'.format(verb, label, error)})
                    continue
            say({'label': label, 'pid': cluster.processes[label].pid})
    finally:
        for cluster in current:
            cluster.close()


if __name__ == '__main__':
    main()
