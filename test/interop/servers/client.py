"""pylm's own Client, unmodified, against any PALM server. Prints one line of JSON.

    python client.py [--protobuf shipped|upb] --server NAME --db ADDRESS [--push A] [--sub A] [--session S]
                     [--timeout 10] COMMAND …

    eval FUNCTION… --payload P [--messages N] [--cache C] [--attempts 1] [--at-once]
                                                                             {"results": [hex, …], "attempts": 1}
    job FUNCTION… (--payloads JSON | --count N [--size B]) [--messages N] [--cache C]   {"results": [hex, …]}
        [--pause S]   seconds after the first result
    set VALUE [KEY]                                                          {"result": hex, "key": text}
    get KEY        delete KEY                                                {"result": hex}
    calls JSON     a list of the above, each a list of words, by one client: {"answers": [{…}, …]}
    bench connect FUNCTION…                   import + connect + first eval
    bench job FUNCTION… --count N --size B    one job of small payloads
    bench set --count N --size B              sets, one after another
    bench get --count N --size B              gets, one after another
    bench evals FUNCTION… --count N           evals, one after another, until one is lost

    python client.py raw req ADDRESS HEX…                         each HEX is a request     {"replies": [[hex], …]}
    python client.py raw push ADDRESS HEX… [--multipart]          {"sent": N}
    python client.py raw exchange --push A --sub A --topic T --expect N HEX… [--multipart]
                                                                  {"deliveries": [[hex, hex], …]}

A payload, value or HEX argument is text unless it begins with 'hex:'. pylm's Client waits for ever for what was
lost, so every receive here ends after --timeout: {"error": "timeout", …} and exit code 3. pylm's `eval` pushes
without waiting for its subscription and loses four results in ten by itself: here its push is held back for a moment,
unless --at-once says not to. `bench` never holds an eval back, and says how many were lost; a job waits a moment
before its first payload, outside the time that is measured.
"""
import argparse
import json
import logging
import os
import resource
import sys
import time

import palm_pb

TIMEOUT_EXIT = 3
# How long a job's subscription gets before its first payload goes out.
SETTLE = 0.25


class Stopwatch:
    """Wall clock and this process's CPU time, all threads of it, since it was made."""

    def __init__(self):
        self.wall, self.cpu, self.usage = time.perf_counter(), time.process_time(), resource.getrusage(resource.RUSAGE_SELF)

    def read(self):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            'seconds': time.perf_counter() - self.wall,
            'cpuSeconds': time.process_time() - self.cpu,
            'userSeconds': usage.ru_utime - self.usage.ru_utime,
            'systemSeconds': usage.ru_stime - self.usage.ru_stime,
            'maxRssKilobytes': usage.ru_maxrss,
        }


def binary(text):
    return bytes.fromhex(text[4:]) if text.startswith('hex:') else text.encode()


class Lost(Exception):
    """Nothing came in time; the first argument is the line to print."""


def finish(line, code=0):
    """Ends at once: pylm leaves sockets and threads behind that an ordinary exit would wait for."""
    print(json.dumps(line), flush=True)
    os._exit(code)


def wait_limit(context, seconds):
    """Makes every socket that is opened from here on give up instead of waiting for ever."""
    import zmq
    context.setsockopt(zmq.RCVTIMEO, int(seconds * 1000))
    context.setsockopt(zmq.SNDTIMEO, int(seconds * 1000))
    context.setsockopt(zmq.LINGER, 1000)


class SettledContext:
    """Stands in for pylm's ZeroMQ context: PUSH sockets made from it wait a moment before their first send. pylm's
    `eval` opens its subscription and pushes at once, and four results in ten are gone before it has arrived."""

    def __init__(self, context):
        import zmq

        class SettledPush(zmq.Socket):
            def send(self, *arguments, **keywords):
                time.sleep(SETTLE)
                return super().send(*arguments, **keywords)

        self.context, self.push = context, SettledPush

    def socket(self, kind):
        import zmq
        return self.context.socket(kind, socket_class=self.push if kind == zmq.PUSH else None)


def connect(options):
    """The client of all `calls`, or a new one."""
    if getattr(options, 'client', None) is not None:
        return options.client
    import pylm.clients
    wait_limit(pylm.clients.zmq_context, options.timeout)
    return pylm.clients.Client(
        options.server, options.db, push_address=options.push, sub_address=options.sub, session=options.session,
        logging_level=logging.CRITICAL)


def path(functions):
    return functions[0] if len(functions) == 1 else functions


def run_eval(options):
    import zmq
    import pylm.clients
    client = connect(options)
    context = pylm.clients.zmq_context
    if not options.at_once:
        pylm.clients.zmq_context = SettledContext(context)
    try:
        for attempt in range(options.attempts):
            try:
                result = client.eval(path(options.function), binary(options.payload), options.messages, options.cache)
            except zmq.Again:
                continue
            results = [result] if options.messages == 1 else result
            return {'results': [entry.hex() for entry in results], 'attempts': attempt + 1, 'client': client.uuid,
                    'pipeline': client.pipeline}
        raise Lost({'error': 'timeout', 'attempts': options.attempts})
    finally:
        pylm.clients.zmq_context = context


def run_job(options):
    import zmq
    client = connect(options)
    payloads = [binary(text) for text in options.payloads] if options.payloads is not None else None
    if payloads is None:
        payloads = [(b'%d' % number).ljust(options.size, b'.') for number in range(options.count)]
    messages = len(payloads) if options.messages is None else options.messages

    def settled():
        time.sleep(SETTLE)
        yield from payloads

    results = []
    try:
        for result in client.job(path(options.function), settled(), messages, options.cache):
            if not results:
                time.sleep(options.pause)
            results.append(result.hex())
    except zmq.Again:
        raise Lost({'error': 'timeout', 'results': results})
    return {'results': results, 'client': client.uuid, 'pipeline': client.pipeline}


def run_set(options):
    key = connect(options).set(binary(options.value), options.key)
    return {'result': key.encode().hex(), 'key': key}


def run_get(options):
    return {'result': connect(options).get(options.key).hex()}


def run_delete(options):
    return {'result': connect(options).delete(options.key).encode().hex()}


def run_calls(options):
    import zmq
    client = connect(options)
    answers = []
    for words in options.calls:
        own = arguments(['--server', options.server, '--db', options.db, *words])
        own.client = client
        try:
            answers.append(own.run(own))
        except Lost as lost:
            answers.append(lost.args[0])
        except zmq.Again:
            answers.append({'error': 'timeout'})
            break
    return {'answers': answers}


def bench_connect(options):
    """Times from before the import of pylm on."""
    watch = options.watch
    import zmq
    import pylm.clients  # noqa: F401
    imported = watch.read()['seconds']
    options.timeout = min(options.timeout, 2)
    client = connect(options)
    connected = watch.read()['seconds']
    lost = 0
    while True:
        attempt = time.perf_counter()
        try:
            client.eval(path(options.function), b'x')
            break
        except zmq.Again:
            # The clock goes on from here as if the lost attempt had not been.
            lost += 1
            watch.wall += time.perf_counter() - attempt
            if lost == options.attempts:
                raise Lost({'error': 'timeout', 'lost': lost})
    total = watch.read()
    return {
        **total, 'importSeconds': imported, 'connectSeconds': connected - imported,
        'evalSeconds': total['seconds'] - connected, 'lost': lost,
    }


def bench_job(options):
    import zmq
    client = connect(options)
    payload = b'x' * options.size
    began = []

    def payloads():
        time.sleep(SETTLE)
        began.append(Stopwatch())
        for _ in range(options.count):
            yield payload

    received, last = 0, None
    try:
        for _ in client.job(path(options.function), payloads(), options.count):
            received += 1
            # Read now and then, for the case that the last ones have been lost.
            if received % 1000 == 0 or received == options.count:
                last = (received, began[0].read())
    except zmq.Again:
        pass
    if last is None:
        raise Lost({'error': 'timeout', 'received': received})
    return {**last[1], 'count': options.count, 'received': received, 'lost': options.count - received,
            'perSecond': last[0] / last[1]['seconds'], 'cpuMicrosecondsEach': last[1]['cpuSeconds'] / last[0] * 1e6}


def repeated(watch, count, completed):
    measured = watch.read()
    return {**measured, 'count': count, 'completed': completed, 'perSecond': completed / measured['seconds'],
            'cpuMicrosecondsEach': measured['cpuSeconds'] / max(completed, 1) * 1e6}


def bench_set(options):
    client = connect(options)
    value = b'x' * options.size
    watch = Stopwatch()
    for number in range(options.count):
        client.set(value, 'bench-%d' % (number % 1000))
    return repeated(watch, options.count, options.count)


def bench_get(options):
    client = connect(options)
    client.set(b'x' * options.size, 'bench')
    watch = Stopwatch()
    for _ in range(options.count):
        client.get('bench')
    return repeated(watch, options.count, options.count)


def bench_evals(options):
    import zmq
    client = connect(options)
    watch = Stopwatch()
    for number in range(options.count):
        try:
            client.eval(path(options.function), b'x')
        except zmq.Again:
            return {**repeated(watch, options.count, number), 'hung': True}
    return {**repeated(watch, options.count, options.count), 'hung': False}


def raw(options):
    import zmq
    context = zmq.Context()
    wait_limit(context, options.timeout)
    frames = [bytes.fromhex(text.removeprefix('hex:')) for text in options.frames]

    def push_all(socket):
        if options.multipart:
            socket.send_multipart(frames)
        else:
            for frame in frames:
                socket.send(frame)

    received = []
    try:
        if options.raw == 'req':
            socket = context.socket(zmq.REQ)
            socket.connect(options.address)
            for frame in frames:
                socket.send(frame)
                received.append([part.hex() for part in socket.recv_multipart()])
            return {'replies': received}
        if options.raw == 'push':
            socket = context.socket(zmq.PUSH)
            socket.connect(options.address)
            push_all(socket)
            # Closing waits up to the linger time for what has not been handed to the peer yet.
            socket.close()
            context.term()
            return {'sent': len(frames)}
        subscriber, socket = context.socket(zmq.SUB), context.socket(zmq.PUSH)
        subscriber.subscribe(binary(options.topic))
        subscriber.connect(options.sub)
        socket.connect(options.push)
        time.sleep(SETTLE)
        push_all(socket)
        while len(received) < options.expect:
            received.append([part.hex() for part in subscriber.recv_multipart()])
        # Deliveries beyond those expected count too.
        while subscriber.poll(100):
            received.append([part.hex() for part in subscriber.recv_multipart()])
        return {'deliveries': received}
    except zmq.Again:
        raise Lost({'error': 'timeout', 'received': received})


def arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--protobuf', choices=palm_pb.MODES, default='shipped')
    parser.add_argument('--server')
    parser.add_argument('--db')
    parser.add_argument('--push')
    parser.add_argument('--sub')
    parser.add_argument('--session')
    parser.add_argument('--timeout', type=float, default=10)
    commands = parser.add_subparsers(dest='command', required=True)

    def command(group, name, run):
        sub = group.add_parser(name)
        sub.set_defaults(run=run)
        return sub

    sub = command(commands, 'eval', run_eval)
    sub.add_argument('function', nargs='+')
    sub.add_argument('--payload', default='')
    sub.add_argument('--messages', type=int, default=1)
    sub.add_argument('--cache', default='')
    sub.add_argument('--attempts', type=int, default=1)
    sub.add_argument('--at-once', action='store_true')

    sub = command(commands, 'job', run_job)
    sub.add_argument('function', nargs='+')
    sub.add_argument('--payloads', type=json.loads)
    sub.add_argument('--count', type=int, default=10)
    sub.add_argument('--size', type=int, default=0)
    sub.add_argument('--pause', type=float, default=0)
    sub.add_argument('--messages', type=int)
    sub.add_argument('--cache', default='')

    sub = command(commands, 'set', run_set)
    sub.add_argument('value')
    sub.add_argument('key', nargs='?')
    for name, run in (('get', run_get), ('delete', run_delete)):
        command(commands, name, run).add_argument('key')

    command(commands, 'calls', run_calls).add_argument('calls', type=json.loads)

    bench = commands.add_parser('bench').add_subparsers(dest='bench', required=True)
    for name, run, count in (
        ('connect', bench_connect, 1), ('job', bench_job, 100_000), ('set', bench_set, 10_000),
        ('get', bench_get, 10_000), ('evals', bench_evals, 10_000),
    ):
        sub = command(bench, name, run)
        sub.add_argument('function', nargs='*')
        sub.add_argument('--count', type=int, default=count)
        sub.add_argument('--size', type=int, default=20)
        sub.add_argument('--attempts', type=int, default=5)

    sub = command(commands, 'raw', raw)
    kinds = sub.add_subparsers(dest='raw', required=True)
    for name in ('req', 'push'):
        sub = kinds.add_parser(name)
        sub.add_argument('address')
        sub.add_argument('frames', nargs='+')
        sub.add_argument('--multipart', action='store_true')
    sub = kinds.add_parser('exchange')
    sub.add_argument('--push', required=True)
    sub.add_argument('--sub', required=True)
    sub.add_argument('--topic', default='')
    sub.add_argument('--expect', type=int, default=1)
    sub.add_argument('frames', nargs='+')
    sub.add_argument('--multipart', action='store_true')

    options = parser.parse_args(words)
    if options.command != 'raw' and not (options.server and options.db):
        parser.error('--server and --db are needed')
    if options.command in ('eval', 'job') or getattr(options, 'bench', None) in ('connect', 'job', 'evals'):
        if not options.function:
            parser.error('a function is needed')
    return options


def main():
    options = arguments()
    options.watch = Stopwatch()
    if options.command != 'raw':
        palm_pb.use(options.protobuf)
    try:
        line = options.run(options)
    except Lost as lost:
        finish(lost.args[0], TIMEOUT_EXIT)
    except Exception as error:
        if type(error).__name__ == 'Again':
            finish({'error': 'timeout'}, TIMEOUT_EXIT)
        raise
    if options.command == 'bench':
        line['protobuf'] = palm_pb.implementation()
    finish(line)


if __name__ == '__main__':
    main()
