import { describe, expect, test } from 'vitest';
import { parseHostPort } from '../../../cli/host-port.ts';

describe('where a command listens', () => {
  test.each([
    ['127.0.0.1:7766', { host: '127.0.0.1', port: 7766 }],
    ['[::1]:*', { host: '::1', port: 0 }],
    ['*:0', { host: undefined, port: 0 }],
    ['relay.example:65535', { host: 'relay.example', port: 65_535 }],
  ])('is %s', (text, place) => {
    expect(parseHostPort(text)).toEqual(place);
  });

  test.each(['', '7766', ':7766', 'a:', 'a:b', 'a:65536', '::1:80', 'ws://a:1', 'a b:1'])(
    'is not %j, and the option is named',
    (text) => {
      for (const option of ['--listen', '--metrics'])
        expect(() => parseHostPort(text, option)).toThrow(
          new RegExp(`^${option} must be host:port, such as 127\\.0\\.0\\.1:7766, not `),
        );
    },
  );
});
