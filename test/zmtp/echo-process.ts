/** Answers in a process of its own. Asked to compute, it does so for a second first, without a turn of its event loop. */
import { zmtp } from '../../transports/zmtp/index.ts';
import { textOf } from '../support/bytes.ts';

const connection = await zmtp({ heartbeatInterval: 100, busyTimeout: 5_000 }).open();
const { address } = await connection.bindReply('tcp://127.0.0.1:*', (request) => {
  const end = performance.now() + 1_000;
  if (textOf(request) === 'compute') while (performance.now() < end);
  return request;
});
process.send?.(address);
