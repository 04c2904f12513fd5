/** The options of a page's transport: each default, each refusal, and what a URL becomes. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { resolveOptions, type WebSocketConstructor } from '../../../../transports/websocket/options.ts';
import { FakeSocket } from '../../../relay/life/fake-socket.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

const Own = FakeSocket as unknown as WebSocketConstructor;
const Other = class extends FakeSocket {} as unknown as WebSocketConstructor;
const URL_ = 'ws://relay.example/';

describe('options that are left out', () => {
  it('have their defaults', async () => {
    const settings = resolveOptions(URL_, {}, Own);
    expect(settings).toEqual({
      url: URL_,
      token: expect.any(Function),
      isTokenFresh: false,
      connectTimeout: 10_000,
      maxDelay: 30_000,
      WebSocket: Own,
    });
    expect(await settings.token()).toBeUndefined();
  });
});

describe('options that are given', () => {
  it('count', async () => {
    const fixed = resolveOptions(
      URL_,
      { token: 'secret', connectTimeout: 5, maxDelay: Number.POSITIVE_INFINITY, WebSocket: Other },
      Own,
    );
    expect(fixed).toMatchObject({
      connectTimeout: 5,
      maxDelay: Number.POSITIVE_INFINITY,
      isTokenFresh: false,
    });
    expect(fixed.WebSocket).toBe(Other);
    expect(await fixed.token()).toBe('secret');
    const token = () => 'fresh';
    const asked = resolveOptions(URL_, { token }, Own);
    expect([asked.token, asked.isTokenFresh]).toEqual([token, true]);
  });

  it.each([
    [{ token: 5 }, 'token must be a string or a function that returns one, not 5'],
    [{ token: null }, 'token must be a string or a function that returns one, not null'],
    [{ connectTimeout: 0 }, 'connectTimeout must be milliseconds above 0'],
    [{ connectTimeout: '1' }, 'connectTimeout must be milliseconds above 0'],
    [{ maxDelay: -1 }, 'maxDelay must be milliseconds above 0'],
    [{ maxDelay: Number.NaN }, 'maxDelay must be milliseconds above 0'],
  ])('as %j are refused', (options, message) => {
    expect(() => resolveOptions(URL_, options as never, Own)).toThrow(
      expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(message) }),
    );
  });

  it('need a WebSocket', () => {
    expect(() => resolveOptions(URL_, {}, undefined)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: 'this platform has no WebSocket: give the option WebSocket',
      }),
    );
    expect(resolveOptions(URL_, { WebSocket: Other }, undefined).WebSocket).toBe(Other);
  });
});

describe('a URL', () => {
  it.each([
    ['ws://relay.example', 'ws://relay.example/'],
    ['wss://relay.example/a?b=c#d', 'wss://relay.example/a?b=c'],
    ['http://relay.example/a', 'ws://relay.example/a'],
    ['https://relay.example/http', 'wss://relay.example/http'],
  ])('%j is dialled as %j', (given, url) => {
    expect(resolveOptions(given, {}, Own).url).toBe(url);
    expect(resolveOptions(new URL(given), {}, Own).url).toBe(url);
  });

  it('may be relative in a page', () => {
    for (const url of ['/relay', '', 'relay.example'])
      expect(() => resolveOptions(url, {}, Own)).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: `the relay's URL must be ws://… or wss://…, not ${JSON.stringify(url)}`,
        }),
      );
    vi.stubGlobal('location', { href: 'https://page.example/a/b' });
    expect(resolveOptions('/relay', {}, Own).url).toBe('wss://page.example/relay');
    expect(resolveOptions('c', {}, Own).url).toBe('wss://page.example/a/c');
    expect(resolveOptions('ws://other.example/', {}, Own).url).toBe('ws://other.example/');
  });

  it.each(['ftp://relay.example/', 'tcp://127.0.0.1:5', 'file:///x'])('as %j is refused', (url) => {
    expect(() => resolveOptions(url, {}, Own)).toThrow(/must be ws:\/\/… or wss:\/\/…/);
  });

  it.each(['ws://me@relay.example/', 'ws://:secret@relay.example/', 'ws://relay.example/?token=x'])(
    'with a secret, %j, is refused: it would show in logs',
    (url) => {
      expect(() => resolveOptions(url, {}, Own)).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: 'a token in a URL would show in logs: give the option token',
        }),
      );
    },
  );
});
