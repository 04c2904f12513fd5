"""What our pylm servers and workers can do when called. Each function gets the payload and returns bytes.

`same`, not `echo`: pylm's Server brings an `echo` of its own and its Worker has none, and both stay that way here.
"""
import json
import time


class Functions:
    """For Server, Pipeline, Sink and Worker. `label` tells processes apart that share a PALM name."""

    label = ''

    def same(self, payload):
        return payload

    def upper(self, payload):
        return payload.upper()

    def reverse(self, payload):
        return payload[::-1]

    def area(self, payload):
        """JSON in, JSON out: a function with types, as Python serves it."""
        size = json.loads(payload)
        return json.dumps({'area': size['w'] * size['h'], 'name': size.get('name', 'none')}).encode()

    def size(self, payload):
        """The number of bytes, as text."""
        return b'%d' % len(payload)

    def big(self, payload):
        """As many bytes as the payload says, counting 0 to 255 over and over."""
        count = int(payload)
        return (bytes(range(256)) * (count // 256 + 1))[:count]

    def empty(self, payload):
        return b''

    def slow(self, payload):
        """Sleeps for as many seconds as the payload says (before a ':' if there is one)."""
        time.sleep(float(payload.split(b':')[0]))
        return payload

    def nap(self, payload):
        """Sleeps for as many milliseconds as the payload says, and leaves a trace: payload|label."""
        time.sleep(float(payload) / 1000)
        return payload + b'|' + self.label.encode()

    def tag(self, payload):
        """Leaves a trace of the way: payload|label."""
        return payload + b'|' + self.label.encode()

    def who(self, payload):
        return self.label.encode()

    def left_only(self, payload):
        """None, so no answer, from the process with the label 'right'."""
        return None if self.label == 'right' else payload

    def even(self, payload):
        """None, so no answer, for odd numbers."""
        return payload if int(payload) % 2 == 0 else None

    def boom(self, payload):
        raise ValueError('boom was called')

    def none(self, payload):
        """No answer from a Pipeline or Sink. A plain Server's execution thread dies of it, and so does a Worker."""
        return None

    def wrong(self, payload):
        """No bytes: whoever runs this stops for ever, as with `none`."""
        return 7

    def envelope(self, payload):
        """The envelope as it arrived, as JSON."""
        message = self.message
        fields = {name: getattr(message, name) for name in ('pipeline', 'client', 'stage', 'function', 'cache')}
        seen = {**fields, 'payload': payload.hex()}
        return json.dumps(seen, separators=(',', ':'), ensure_ascii=False).encode()


class MasterFunctions(Functions):
    """For the workers of the Master that scatters and gathers."""

    def cached(self, payload):
        """The value that the master's store holds under the key given as payload."""
        return self.get(payload.decode())

    def store(self, payload):
        """Stores 'key=value' in the master's store, and returns the key."""
        key, value = payload.split(b'=', 1)
        return self.set(value, key.decode()).encode()

    def forget(self, payload):
        """Deletes a key. A missing one ends the cache of a pylm master."""
        return self.delete(payload.decode()).encode()

    def triple(self, payload):
        return payload.upper()

    def words(self, payload):
        return payload.upper()

    def joined(self, payload):
        header, body = payload.split(b':', 1)
        return header + b':' + body.upper()

    def dropped(self, payload):
        return payload

    def silent(self, payload):
        return payload


class MuxFunctions:
    """For the MuxWorker: each function gives an iterator. One that returned plain bytes would end the worker."""

    label = ''

    def same(self, payload):
        yield payload

    def who(self, payload):
        yield self.label.encode()

    def letters(self, payload):
        for letter in payload.decode():
            yield letter.encode()

    def count(self, payload):
        """As many results as the payload says: b'0', b'1', …"""
        for number in range(int(payload)):
            yield b'%d' % number

    def none(self, payload):
        return iter(())


class ServerFunctions(Functions):
    """For Server, Pipeline and Sink, whose store is in the same process."""

    def cached(self, payload):
        return self.cache.get(payload.decode()) or b''

    def store(self, payload):
        key, value = payload.split(b'=', 1)
        self.cache.set(key.decode(), value)
        return key
