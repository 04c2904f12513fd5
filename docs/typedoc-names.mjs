/** Gives each module of the reference the name that it is imported by. */
import { Converter, ReflectionKind } from 'typedoc';

const NAMES = new Map([
  ['src', 'frond'],
  ['src/cluster', 'frond/cluster'],
  ['src/functions', 'frond/functions'],
  ['transports/memory', 'frond/memory'],
  ['transports/zeromq', 'frond/zeromq'],
  ['transports/zmtp', 'frond/zmtp'],
  ['transports/websocket', 'frond/websocket'],
  ['transports/relay', 'frond/relay'],
  ['transports/shared', 'frond/transport'],
  ['test/conformance', 'frond/testing'],
]);

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      const name = NAMES.get(module.name);
      if (name === undefined)
        throw new Error(`${module.name} is not an entry of the package: name it in typedoc-names.mjs`);
      module.name = name;
    }
  });
}
