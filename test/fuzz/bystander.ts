/** A server and a client over zmtp that mind their own business while others are attacked in the same process. */
import type { BindingConnection } from '../../src/transport.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';

/** Seconds for one call, whatever else the machine does. Time in which this process was stopped counts as one. */
const PATIENCE = 20;

export class Bystander implements AsyncDisposable {
  readonly #server: BindingConnection;
  readonly #client: BindingConnection;
  readonly #address: string;

  private constructor(server: BindingConnection, client: BindingConnection, address: string) {
    this.#server = server;
    this.#client = client;
    this.#address = address;
  }

  static async start(): Promise<Bystander> {
    const [server, client] = [await zmtp().open(), await zmtp().open()];
    const { address } = await server.bindReply('tcp://127.0.0.1:*', (request) => request);
    return new Bystander(server, client, address);
  }

  /**
   * Calls one time after another until the attack is over.
   * @returns what the attack resolved with, and the number of calls. Rejects when a call is not answered as it should be.
   */
  async callsWhile<T>(attack: Promise<T>): Promise<readonly [outcome: T, calls: number]> {
    let isOver = false;
    const attacking = attack.finally(() => {
      isOver = true;
    });
    const calling = async () => {
      let calls = 0;
      for (; !isOver || calls === 0; calls++) {
        const { reply } = this.#client.request(this.#address, bytes(String(calls)));
        const answer = textOf(await patiently(reply));
        if (answer !== String(calls)) throw new Error(`the answer to ${calls} was ${answer}`);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return calls;
    };
    return Promise.all([attacking, calling()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close({ timeout: 0 });
    await this.#server.close({ timeout: 0 });
  }
}

/** Fails when the reply has not come within {@link PATIENCE}. */
async function patiently(reply: Promise<Uint8Array>): Promise<Uint8Array> {
  let timer: ReturnType<typeof setInterval> | undefined;
  const late = new Promise<never>((_, reject) => {
    let seconds = 0;
    timer = setInterval(() => {
      if (++seconds === PATIENCE) reject(new Error(`a bystander's call took longer than ${PATIENCE} s`));
    }, 1_000);
  });
  try {
    return await Promise.race([reply, late]);
  } finally {
    clearInterval(timer);
  }
}
