import { text } from 'frond';

const { encode, decode } = text();

/**
 * A function over texts, as the function over bytes that a server offers.
 * @param {(text: string) => string} run
 * @returns {(payload: Uint8Array<ArrayBuffer>) => Uint8Array}
 */
const overText = (run) => (payload) => encode(run(decode(payload)));

/**
 * To the next stage of the call, where there is one, and else back to the client.
 * @type {import('frond/cluster').HandleStream}
 */
const onward = (message, { name }) => {
  const stages = message.function.split(' ').length;
  if (message.stage + 1 >= stages) return { topic: message.client, message };
  message.stage++;
  return { topic: name, message };
};

export { decode, encode, onward, overText };
