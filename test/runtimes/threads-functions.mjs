/** The functions of threads.mjs. */
const text = (payload) => new TextDecoder().decode(payload);
const bytes = (value) => new TextEncoder().encode(String(value));
export default {
  upper: (payload) => bytes(text(payload).toUpperCase()),
  size: (payload) => new Uint8Array(payload.length),
  *count(payload) {
    for (let i = 0; i < Number(text(payload)); i++) yield bytes(i);
  },
  compute(payload) {
    const end = performance.now() + Number(text(payload));
    while (performance.now() < end);
    return payload;
  },
  async keep(payload, { cache }) {
    await cache.set(payload, 'key');
    return (await cache.get('key')) ?? bytes('nothing');
  },
  throws() {
    throw new RangeError('too far');
  },
  exits() {
    (globalThis.Deno?.exit ?? globalThis.process.exit)(3);
  },
};
