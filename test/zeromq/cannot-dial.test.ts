/** An address that libzmq itself refuses, when it is dialled. */
import { expect, it } from 'vitest';
import { zeromq } from '../../transports/zeromq/index.ts';

it('a path that is too long for a Unix socket is refused at once, with the reason and nothing sent', async () => {
  const connection = await zeromq().open();
  const address = `ipc:///tmp/${'x'.repeat(200)}`;
  try {
    for (const dial of [
      () => connection.push(address),
      () => connection.pull(address),
      () => connection.subscribe(address, 't/'),
    ])
      expect(dial).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: expect.stringMatching(/^cannot dial ipc:\/\/\/tmp\/x+: \S/),
          sent: false,
          cause: expect.any(Error),
        }),
      );
  } finally {
    await connection.close({ timeout: 0 });
  }
});
