import type { CommandDetails } from '../command.ts';
import { COMMON_OPTIONS, NATS_OPTIONS, OPTIONS } from '../options.ts';

/** `frond relay`. */
export const relayCommand: CommandDetails = {
  synopsis: ['--server NAME=ADDRESS --allow PATTERN', '--server NAME=ADDRESS --tokens FILE', '--config FILE'],
  about: [
    "Clients connect to the relay with a WebSocket and name a server; they never see its address. A client may do only what is granted: --allow lists what anybody may call, --tokens what the bearer of each token may do. Pages may connect from the origins that --origin lists, and without --origin from the relay's own host; behind a proxy the relay does not know that host, so give --origin. Scripts outside of browsers may connect from anywhere.",
    'The token file: { "tokens": [{ "name": "alice", "sha256": …, "servers": ["demo"], "functions": ["demo.*"], "cache": "session" }] }. A token has at least 16 characters. The file holds its sha256 or, less safely, the token itself as "token": …. In functions, * stands for any part of a name. cache is none, read, session (keys of the client\'s own) or all. "work": true lets the client be a worker. "expires": "2027-01-01T00:00:00Z" ends the token. The relay reads the file again when it changes.',
    'The config file: { "listen": "127.0.0.1:7766", "servers": { "demo": "tcp://127.0.0.1:5555" }, "origins": […], "path": "/", "http": true, "checkInput": true, "metrics": "127.0.0.1:9464", "tokens": FILE, "anonymous": { "servers": […], "functions": […], "cache": … }, "limits": { "maxFrame": … }, "trustProxy": 1, "tls": { "cert": FILE, "key": FILE }, "serverKey": …, "clientKey": …, "nats": { "url": …, "cluster": …, "creds": FILE, "ca": FILE, "cert": FILE, "key": FILE } }. Set trustProxy for a relay behind proxies: to their number (true means one), or to a list of their networks, such as ["10.0.0.0/8", "loopback"]. The address of a client is then the last one in X-Forwarded-For that does not belong to such a proxy.',
    'A pylm server stops for good when a function is called that it does not have. List the functions of such a server in the config file, and the relay refuses all others: "servers": { "demo": { "dbAddress": "tcp://…", "functions": ["demo.upper"] } }.',
    'The relay reads the config file, the certificate and its key again at SIGHUP and whenever they change. New origins, new grants for anybody, additional servers and a new certificate take effect at once, and no client is disconnected. For other changes a warning says that they need a restart. If a file has an error, the relay logs it and keeps its settings.',
    'The same port serves /healthz, which says that the relay is alive, and /readyz, whose status is 503 while no server answers or the relay is shutting down; both are also served below the path. /metrics is served only at the address of --metrics; /readyz at that address names the servers.',
    'Several relays may stand behind one balancer. A client that comes back to another of them is passed on to the one that has its session, and misses nothing: give each an --id, the URLs of the others with --peer, and the same key, in a file or in FROND_PEER_KEY. In the config file: "peers": { "id": "a", "keyFile": FILE, "urls": { "b": "ws://10.0.0.2:7766/" } }. All of them need the same tokens, grants, origins and limits.',
    'Runs until Ctrl-C or SIGTERM, waits for the answers of calls that are under way, and exits with code 0. A second Ctrl-C ends it at once.',
  ],
  examples: [
    {
      line: "frond relay --server demo=tcp://127.0.0.1:5555 --allow 'demo.*'",
      does: 'let anybody on this machine call every function of a server',
    },
    {
      line: "frond eval demo.upper 'hello' --relay ws://127.0.0.1:7766",
      does: 'call a function through it',
    },
    {
      line: 'token=$(openssl rand -hex 16); printf %s "$token" | sha256sum',
      does: 'make a token, and its hash for the token file',
    },
    {
      line: "frond relay --server demo=tcp://127.0.0.1:5555 --allow 'demo.*' --http",
      does: 'take calls over HTTP: curl -d hello http://127.0.0.1:7766/call/demo.upper',
    },
    {
      line: 'openssl rand -hex 32 > peers.key',
      does: 'make the key that relays side by side share',
    },
    { line: 'frond relay --config relay.json', does: 'take all settings from a file' },
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
    'log',
    'http',
    'check-input',
    'id',
    'peer',
    'peer-key-file',
    'server-key',
    'client-key',
    'native',
    ...NATS_OPTIONS,
    'drain',
    ...COMMON_OPTIONS,
  ],
  own: {
    server: {
      kind: 'texts',
      value: 'NAME=ADDRESS',
      help: 'a server: its own name, which clients use too, and its db_address, with --nats as nats:NAME; may be given several times',
    },
    cache: {
      kind: 'text',
      value: 'SCOPE',
      help: 'which keys anybody may use: none, read (all, read-only), session (those under anonymous/) or all',
      default: 'none',
    },
    'server-key': {
      ...OPTIONS['server-key'],
      help: 'encrypt connections to the servers with CURVE; KEY is their public key, 40 characters',
    },
    'client-key': {
      ...OPTIONS['client-key'],
      help: 'with --server-key: the secret key of the relay, 40 characters, for servers that let in listed keys alone',
    },
    json: {
      kind: 'flag',
      help: 'print one JSON object: {"url": …, "servers": …, "origins": …, "anonymous": …, "identities": …}, null for what is not set; errors on stderr as {"error": …}',
    },
    verbose: { kind: 'flag', short: 'v', help: 'also log connections that open and close, on stderr' },
  },
  arity: [0, 0],
  // Loaded only for this command, which needs much code.
  run: async (context) => (await import('../relay/run.ts')).runRelay(context),
};
