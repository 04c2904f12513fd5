"""A Master that scatters and gathers where the function's name asks for it, and passes on everything else.

| function  | scatter                                | gather                               | results per input |
|-----------|----------------------------------------|--------------------------------------|-------------------|
| `triple`  | three messages, `payload#0` … `#2`     | each as it comes                     | 3                 |
| `words`   | one message for each word              | each as it comes                     | as many as words  |
| `joined`  | three messages as in `triple`          | waits for the three and joins them by ',' in order | 1   |
| `dropped` | none                                   |                                      | 0                 |
| `silent`  | one                                    | none                                 | 0                 |

pylm sends the message it handed to gather, whatever gather yields, so both change the message in place.
"""


class ScatterGather:
    def __init__(self, *args, **kwargs):
        self.groups = 0
        self.waiting = {}
        super().__init__(*args, **kwargs)

    @staticmethod
    def function_of(message):
        # A pipelined Master counts the stage up after gather, so the stage is its own in both.
        paths = message.function.split()
        path = paths[message.stage] if message.stage < len(paths) else ''
        return path.partition('.')[2]

    def scatter(self, message):
        function = self.function_of(message)
        payload = message.payload
        if function == 'triple':
            parts = [payload + b'#%d' % index for index in range(3)]
        elif function == 'words':
            parts = payload.split()
        elif function == 'joined':
            self.groups += 1
            parts = [b'%d/%d:%s#%d' % (self.groups, index, payload, index) for index in range(3)]
        elif function == 'dropped':
            parts = []
        else:
            parts = [payload]
        for part in parts:
            yield self.change_payload(message, part)

    def gather(self, message):
        function = self.function_of(message)
        if function == 'silent':
            return
        if function == 'joined':
            header, body = message.payload.split(b':', 1)
            group, index = header.split(b'/')
            parts = self.waiting.setdefault(group, {})
            parts[int(index)] = body
            if len(parts) < 3:
                return
            del self.waiting[group]
            message = self.change_payload(message, b','.join(parts[index] for index in sorted(parts)))
        yield message
