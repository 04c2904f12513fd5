import type { Command } from '../command.ts';
import { COMMON_OPTIONS, OPTIONS } from '../options.ts';

export const relayCommand: Command = {
  name: 'relay',
  summary: 'let pages and scripts use servers over WebSocket',
  synopsis: ['--server NAME=ADDRESS --allow PATTERN', '--server NAME=ADDRESS --tokens FILE', '--config FILE'],
  about: [
    'Clients connect with a WebSocket to the relay, name a server, and never see an address. Nobody may do anything that is not granted: --allow says what anybody may call, --tokens who may do what. Pages may connect from the origins that --origin lists, and scripts from everywhere; without --origin, pages of the very host that the relay is reached at, which it cannot tell behind a proxy.',
    'The token file: { "tokens": [{ "name": "alice", "sha256": …, "servers": ["demo"], "functions": ["demo.*"], "cache": "session" }] }. A token has 16 characters or more, and stands in the file as its sha256 or, less well, as it is: "token": …. In functions * stands for any part; cache is none, read, session (keys of one\'s own) or all; "work": true lets one be a worker; "expires": "2027-01-01T00:00:00Z" ends it. The file is read again when it changes.',
    'The config file: { "listen": "127.0.0.1:7766", "servers": { "demo": "tcp://127.0.0.1:5555" }, "origins": […], "path": "/", "metrics": "127.0.0.1:9464", "tokens": FILE, "anonymous": { "servers": […], "functions": […], "cache": … }, "limits": { "maxFrame": … }, "trustProxy": 1, "tls": { "cert": FILE, "key": FILE }, "serverKey": … }. trustProxy is for a relay behind proxies: how many there are (true is one), or a list of the networks that they are in, such as ["10.0.0.0/8", "loopback"]. The visitor\'s address is then the last in X-Forwarded-For that is not such a proxy\'s.',
    'A stock pylm server stops for good at a function that it does not have. So one needs the list of those it has, in the config file: "servers": { "demo": { "dbAddress": "tcp://…", "functions": ["demo.upper"] } }.',
    'SIGHUP has the config file, the certificate and its key read again, and so does a change of theirs. Origins, what anybody may do, more servers and the certificate count from then on, and nobody is dropped; of what else has changed a warning says that it needs a restart. Files at fault are named, and what was read before counts on.',
    'The same port answers /healthz, which says that the relay lives, and /readyz, which says with 503 that no server answers or that the relay is about to end; both also below the path. /metrics is answered where --metrics says, and nowhere else, and there /readyz names the servers.',
    'Runs until Ctrl-C or SIGTERM, lets calls that are under way be answered, and ends with exit code 0. A second Ctrl-C ends it at once.',
  ],
  examples: [
    {
      line: "frond relay --server demo=tcp://127.0.0.1:5555 --allow 'demo.*'",
      does: 'every function of a server, for anybody on this machine',
    },
    {
      line: "frond eval demo.upper 'hello' --relay ws://127.0.0.1:7766",
      does: 'through it',
    },
    {
      line: 'token=$(openssl rand -hex 16); printf %s "$token" | sha256sum',
      does: 'a token, and its hash for the token file',
    },
    { line: 'frond relay --config relay.json', does: 'all that there is to say, in a file' },
  ],
  options: [
    'server',
    'origin',
    'allow',
    'cache',
    'tokens',
    'config',
    'listen',
    'metrics',
    'server-key',
    'drain',
    ...COMMON_OPTIONS,
  ],
  own: {
    server: {
      kind: 'texts',
      value: 'NAME=ADDRESS',
      help: 'a server: the name that clients use, which is its own, and its db_address; once for each',
    },
    cache: {
      kind: 'text',
      value: 'SCOPE',
      help: 'what anybody may do with keys: none, read, session (those under anonymous/) or all',
      default: 'none',
    },
    'server-key': {
      ...OPTIONS['server-key'],
      help: 'encrypt the way to the servers with CURVE: their public key, 40 characters',
    },
    json: {
      kind: 'flag',
      help: 'one JSON object: {"url": …, "servers": …, "origins": …, "anonymous": …, "identities": …}, null for what is not said; errors on stderr as {"error": …}',
    },
    verbose: { kind: 'flag', short: 'v', help: 'log connections that come and go too, on stderr' },
  },
  arity: [0, 0],
  isService: true,
  // What it needs is loaded for it alone.
  run: async (context) => (await import('../relay/run.ts')).runRelay(context),
};
