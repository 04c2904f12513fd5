/** An account at NATS whose users come with credentials: what an operator signs. */
import { createRequire } from 'node:module';

interface KeyPair {
  getPublicKey(): string;
  getSeed(): Uint8Array;
  sign(input: Uint8Array): Uint8Array;
}
interface Keys {
  createOperator(): KeyPair;
  createAccount(): KeyPair;
  createUser(): KeyPair;
}

// A dependency of nats.js, whose own declarations do not hold where optional properties are exact.
const keys: Keys = createRequire(createRequire(import.meta.url).resolve('@nats-io/transport-node'))(
  '@nats-io/nkeys',
);

/** A claim about a key, signed. */
function signed(by: KeyPair, about: KeyPair, name: string, nats: object): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    jti: name,
    iat: 1_700_000_000,
    iss: by.getPublicKey(),
    name,
    sub: about.getPublicKey(),
    nats,
  };
  const text = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(claims)}`;
  return `${text}.${Buffer.from(by.sign(Buffer.from(text))).toString('base64url')}`;
}

/** The lines of a configuration that knows the account, and the text of a credentials file of one of its users. */
export function accountWithUser(): { readonly config: string; readonly creds: string } {
  const [operator, account, user] = [keys.createOperator(), keys.createAccount(), keys.createUser()];
  const unlimited = {
    subs: -1,
    conn: -1,
    leaf: -1,
    imports: -1,
    exports: -1,
    data: -1,
    payload: -1,
    wildcards: true,
  };
  const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const limits = { ...unlimited, ...storage };
  const operatorToken = signed(operator, operator, 'operator', { type: 'operator', version: 2 });
  const accountToken = signed(operator, account, 'account', { type: 'account', version: 2, limits });
  // JetStream wants an account of the system beside it.
  const system = keys.createAccount();
  const systemToken = signed(operator, system, 'system', { type: 'account', version: 2, limits: unlimited });
  const userToken = signed(account, user, 'user', {
    type: 'user',
    version: 2,
    subs: -1,
    data: -1,
    payload: -1,
  });
  const [own, systems] = [account.getPublicKey(), system.getPublicKey()];
  const preload = `system_account: ${systems}\nresolver_preload: { ${own}: ${accountToken}, ${systems}: ${systemToken} }`;
  const part = (what: string, text: string) => `-----BEGIN ${what}-----\n${text}\n------END ${what}------\n`;
  const seed = Buffer.from(user.getSeed()).toString();
  return {
    config: `operator: ${operatorToken}\nresolver: MEMORY\n${preload}`,
    creds: `${part('NATS USER JWT', userToken)}\n${part('USER NKEY SEED', seed)}`,
  };
}
