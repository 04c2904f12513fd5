/**
 * The transport, with addresses that are free: what is bound is bound at `any`, where the port is chosen by the
 * system, and who dials the address that is written in an example finds it there. Roles must start before who dials them.
 */
export function elsewhere(transport, any) {
  const places = new Map();
  const scheme = any.slice(0, any.indexOf('://'));
  const at = (address) => places.get(address) ?? address.replace(/^tcp:/, `${scheme}:`);

  return {
    name: transport.name,
    checkAddress: (address) => transport.checkAddress(at(address)),
    resolveAddress: (advertised, via) => transport.resolveAddress?.(advertised, at(via)) ?? advertised,
    async open() {
      const connection = await transport.open();
      const dial =
        (verb) =>
        (address, ...rest) =>
          connection[verb](at(address), ...rest);
      const bind =
        (verb) =>
        async (address, ...rest) => {
          const binding = await connection[verb](any, ...rest);
          places.set(address, binding.address);
          return binding;
        };
      return {
        identify: (wished) => connection.identify(wished),
        get id() {
          return connection.id;
        },
        get keyPrefix() {
          return connection.keyPrefix;
        },
        request: dial('request'),
        push: dial('push'),
        subscribe: dial('subscribe'),
        pull: dial('pull'),
        bindReply: bind('bindReply'),
        bindPull: bind('bindPull'),
        bindPush: bind('bindPush'),
        bindPublish: bind('bindPublish'),
        status: () => connection.status(),
        closed: connection.closed,
        close: (options) => connection.close(options),
        [Symbol.asyncDispose]: () => connection.close(),
      };
    },
  };
}
