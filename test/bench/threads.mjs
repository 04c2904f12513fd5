/** The functions of threads.ts. */
export default {
  same: (payload) => payload,
  compute: (payload) => {
    const end = performance.now() + Number(new TextDecoder().decode(payload));
    while (performance.now() < end);
    return payload;
  },
};
