import { expect, it } from 'vitest';
import { jobId, randomId } from '../../../src/protocol/ids.ts';
import { jobCalls, readJobId, shownJob } from '../../../src/protocol/job-id.ts';

const SECRET = 'V1StGXR8_Z5jdHi6B-myT';

it.each(['client', 'relay/7', 'a/b/c'])('an id of a job of client %s is read as it was made', (client) => {
  const secret = randomId();
  const id = jobId('server', client, secret);
  expect(readJobId(id, 'server')).toEqual({ client, secret, shown: shownJob('server', client, secret) });
});

it('errors do not show the secret', () => {
  expect(shownJob('server', 'client', SECRET)).toBe('server/client/V1St…');
});

it.each([
  undefined,
  5,
  '',
  SECRET,
  `server/${SECRET}`,
  'server/client/1',
  `server/client/${SECRET}x`,
  `server/client/${SECRET.slice(1)}`,
  `server/client/${SECRET.slice(0, -1)}*`,
  `server/client/${SECRET}\n`,
  `/client/${SECRET}`,
])('%j is not an id of a job', (id) => {
  expect(() => readJobId(id, 'server')).toThrow(
    expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringMatching(/^the id of a job is/) }),
  );
});

it('a job of another server is refused by its name', () => {
  expect(() => readJobId(jobId('other', 'client', SECRET), 'server')).toThrow(
    expect.objectContaining({
      code: 'WRONG_SERVER',
      sent: false,
      message: 'the job is one of server "other", and this client is connected to "server"',
    }),
  );
});

it('results and records of a job are beside each other, and no short number of a call', () => {
  expect(jobCalls(SECRET)).toEqual({ results: `job-${SECRET}`, records: `log-${SECRET}` });
});
