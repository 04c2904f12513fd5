/** How values of a function with types are written down, and checked before they are sent. A page loads it with the first call. */
import type { Client } from '../client/client.ts';
import { inspectValue, invalidCall, PalmError } from '../protocol/errors.ts';
import { bytes, json, type PayloadCodec, text } from '../protocol/payload.ts';
import { arrayCodecNamed } from '../protocol/typed-arrays.ts';
import type { Definitions } from './contract/definition.ts';
import { FUNCTIONS_KEY, type FunctionDescription } from './contract/description.ts';
import {
  type Checked,
  check,
  codecOf,
  isSchema,
  issuesText,
  isThenable,
  type Shape,
} from './contract/shape.ts';

/** What is used of a client, whatever its codec. */
export type AnyClient = Pick<Client, 'serverName' | 'with'>;

/** Whose functions they are, and what is known of them. */
export interface Source {
  readonly client: AnyClient;
  readonly server: string;
  readonly definitions: Definitions | undefined;
  /** What the server says, once it was asked. */
  described: Promise<readonly FunctionDescription[]> | undefined;
}

/** A function of a server. */
export interface OneFunction {
  readonly source: Source;
  readonly name: string;
}

/** How a function takes and gives values. */
interface Ends {
  /** Undefined when nobody says it. */
  readonly kind: 'one' | 'many' | undefined;
  readonly input: Shape;
  readonly output: Shape;
}

/** A client of the function's codecs, and what is checked before an input is sent. */
export interface RemoteCalls {
  readonly kind: Ends['kind'];
  /** Sends what was checked. */
  readonly client: Client<unknown, unknown>;
  /** Checks what it sends. */
  readonly checking: Client<unknown, unknown>;
  /** @throws PalmError `INVALID_CALL` with the issues; rejects with it when the schema takes its time. */
  check(value: unknown): Promise<void> | undefined;
}

/**
 * Finds out how values are written down.
 * @param path - the functions, one for each server.
 * @param first - says how the first takes values.
 * @param last - says what the last gives.
 */
export async function openCalls(
  client: AnyClient,
  path: readonly string[],
  first: OneFunction,
  last: OneFunction,
): Promise<RemoteCalls> {
  const [{ kind, input }, { output }] = [await endsOf(first), await endsOf(last)];
  const [writer, reader] = [codecOf(input), codecOf(output)];
  const refuse = (checked: Checked) => {
    if (!('issues' in checked)) return;
    const { issues } = checked;
    const text = `the input of ${path[0]} is not right: ${issuesText(issues)}`;
    throw new PalmError('INVALID_CALL', text, { sent: false, issues });
  };
  const checkNow = (value: unknown): Promise<void> | undefined => {
    if (!isSchema(input)) return undefined;
    const checked = check(input, value);
    if (isThenable(checked)) return Promise.resolve(checked).then(refuse);
    refuse(checked);
    return undefined;
  };
  const codec: PayloadCodec<unknown, unknown> = {
    name: reader.name,
    encode: (value) => writer.encode(value),
    decode: (payload) => reader.decode(payload),
  };
  const encode = (value: unknown) => {
    // What a schema cannot say at once is left to the server.
    checkNow(value)?.catch(() => {});
    return writer.encode(value);
  };
  return { kind, client: client.with(codec), checking: client.with({ ...codec, encode }), check: checkNow };
}

function endsOf({ source, name }: OneFunction): Ends | Promise<Ends> {
  const { definitions } = source;
  if (definitions === undefined) return endsSaid(source, name);
  const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (definition === undefined) throw invalidCall(`the definitions have no function ${inspectValue(name)}`);
  return definition;
}

async function endsSaid(source: Source, name: string): Promise<Ends> {
  const { client, server } = source;
  // A client can ask its own server alone.
  if (server === client.serverName) {
    source.described ??= client
      .with(json<unknown, readonly FunctionDescription[]>())
      .get(FUNCTIONS_KEY)
      .then((list) => list ?? []);
  }
  let list: readonly FunctionDescription[] = [];
  try {
    list = (await source.described) ?? [];
  } catch (error) {
    // The next call asks again.
    source.described = undefined;
    if (!(error instanceof PalmError && error.code === 'FORBIDDEN')) throw error;
  }
  const said = list.find((own) => own.name === name);
  const input = codecNamed(`${server}.${name}`, said?.input?.codec);
  return { kind: said?.kind, input, output: codecNamed(`${server}.${name}`, said?.output?.codec) };
}

function codecNamed(path: string, name = 'JSON'): Shape {
  const usual: Shape[] = [json(), text(), bytes()];
  const codec = usual.find((own) => 'name' in own && own.name === name) ?? arrayCodecNamed(name);
  if (codec !== undefined) return codec;
  // MessagePack is one of those: its code is larger than all the rest of a client, so a page says by definitions that it wants it.
  throw invalidCall(`${path} has the codec ${inspectValue(name)}: give remote(…) its definitions`);
}
