/** Ways to change `threads()`: most break a promise of the contract, and the suite must notice each of those. */

export type Patch = readonly [file: string, before: string, after: string];

export interface Mutant {
  readonly name: string;
  /** What the change does. */
  readonly does: string;
  /** The contract allows it: the suite must pass. */
  readonly isLegal?: boolean;
  readonly patches: readonly Patch[];
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'onGone-never',
    does: 'never calls the listeners of a request whose link is gone',
    patches: [
      ['bound.ts', 'onGone: (listener: () => void) => link.onGone(listener)', 'onGone: () => () => {}'],
    ],
  },
  {
    name: 'onGone-cannot-end',
    does: 'calls listeners that were ended',
    patches: [['link.ts', 'return () => this.#gone.delete(own);', 'return () => {};']],
  },
  {
    name: 'onGone-late-never',
    does: 'does not call a listener that comes when the link is gone already',
    patches: [['link.ts', 'if (this.#isClosed) queueMicrotask(own);', 'if (this.#isClosed) void own;']],
  },
  {
    name: 'link-differs',
    does: 'gives each request a link of its own',
    patches: [['bound.ts', 'const origin = { link,', 'const origin = { link: {},']],
  },
  {
    name: 'stop-does-nothing',
    does: 'goes on taking frames after stop()',
    patches: [['bound.ts', '    this.#isStopped = true;\n    this.#queue.end();', '    void 0;']],
  },
  {
    name: 'stop-disconnects',
    does: 'lets the pushers go at stop()',
    patches: [
      [
        'bound.ts',
        '    this.#isStopped = true;\n    this.#queue.end();',
        '    this.#isStopped = true;\n    this.#queue.end();\n    for (const link of [...this.links]) link.close();',
      ],
    ],
  },
  {
    name: 'identify-ignores-wish',
    does: 'takes a random id in place of the one that was wished for',
    patches: [
      [
        'threads.ts',
        '  protected checkAddress(',
        '  override async identify(): Promise<void> {\n    await super.identify();\n  }\n\n  protected checkAddress(',
      ],
    ],
  },
  {
    name: 'identify-again',
    does: 'changes the id when it is identified again',
    patches: [
      [
        'threads.ts',
        '  protected checkAddress(',
        '  #again = "";\n  override get id(): string {\n    return this.#again;\n  }\n  override async identify(wished = Math.random().toString(36).slice(2)): Promise<void> {\n    this.#again = wished;\n  }\n\n  protected checkAddress(',
      ],
    ],
  },
  {
    name: 'id-is-empty',
    does: 'has no id',
    patches: [
      [
        'threads.ts',
        '  protected checkAddress(',
        '  override get id(): string {\n    return "";\n  }\n\n  protected checkAddress(',
      ],
    ],
  },
  {
    name: 'key-prefix',
    does: 'puts a prefix in front of keys that nobody gave',
    patches: [
      [
        'threads.ts',
        '  protected checkAddress(',
        '  override get keyPrefix(): string {\n    return "x/";\n  }\n\n  protected checkAddress(',
      ],
    ],
  },
  {
    name: 'resolves-to-nowhere',
    does: 'resolves an advertised address to another one',
    patches: [
      ['threads.ts', "name: 'threads',", "name: 'threads',\n    resolveAddress: () => 'thread://nowhere',"],
    ],
  },
  {
    name: 'cancel-only-before-sending',
    does: 'leaves a request waiting that is given up after it was sent',
    patches: [
      [
        'dialled.ts',
        '      this.#unsent.delete(id);\n      this.#replies.fail(id, reason);',
        '      if (this.#unsent.delete(id)) this.#replies.fail(id, reason);',
      ],
    ],
  },
  {
    name: 'cancel-sends-all-the-same',
    does: 'sends a request that was given up before its server came',
    patches: [['dialled.ts', '      this.#unsent.delete(id);\n      this.#replies', '      this.#replies']],
  },
  {
    name: 'closing-ignores-its-time-out',
    does: 'waits for what cannot leave longer than close() says',
    patches: [['dialled.ts', 'await this.#outlet.drained(timeout);', 'await this.#outlet.drained(1e9);']],
  },
  {
    name: 'closing-gives-no-time',
    does: 'drops what was accepted when close() is given no time-out',
    patches: [
      ['dialled.ts', 'options.timeout ?? 1_000', 'options.timeout ?? 0'],
      [
        'threads.ts',
        '  protected checkAddress(',
        '  override async close(options: { timeout?: number } = {}): Promise<void> {\n    await this.end(undefined, options.timeout ?? 0);\n  }\n\n  protected checkAddress(',
      ],
    ],
  },
  {
    name: 'bound-send-is-not-drained',
    does: 'does not wait for sends of a bound end that is closed',
    patches: [['bound.ts', 'if (this.links.size > 0) await this.#outlet.drained(timeout);', 'void timeout;']],
  },
  {
    name: 'bound-send-hangs-when-closed',
    does: 'never settles sends that wait for a puller when the end is closed',
    patches: [['bound.ts', '    this.#outlet.fail(this.closedError());', '']],
  },
  {
    name: 'sends-live-through-a-break',
    does: 'keeps sends that wait at a break for the next server',
    patches: [
      [
        'dialled.ts',
        '  protected override failed(error: PalmError): void {\n    this.#outlet.fail(error);',
        "  protected override failed(error: PalmError): void {\n    if (error.code !== 'DISCONNECTED') this.#outlet.fail(error);",
      ],
    ],
  },
  {
    name: 'rejected-sends-come-later',
    does: 'rejects sends that wait at a break, and gives their frames to the next server all the same',
    patches: [
      [
        'outlet.ts',
        '    for (const { sent } of this.#waiting.splice(0)) sent.reject(error);',
        "    for (const { sent } of this.#waiting) sent.reject(error);\n    if (error.code !== 'DISCONNECTED') this.#waiting.length = 0;",
      ],
    ],
  },
  {
    name: 'break-loses-sends-silently',
    does: 'resolves sends that wait at a break, and loses them',
    patches: [
      [
        'outlet.ts',
        'splice(0)) sent.reject(error);',
        "splice(0)) error.code === 'DISCONNECTED' ? sent.resolve() : sent.reject(error);",
      ],
    ],
  },
  {
    name: 'requests-live-through-a-break',
    does: 'leaves requests waiting whose server is gone',
    patches: [
      [
        'dialled.ts',
        '    this.#replies.failAll(',
        "    if (error.code !== 'DISCONNECTED') this.#replies.failAll(",
      ],
    ],
  },
  {
    name: 'closed-requests-were-not-sent',
    does: 'says of requests that have left that they were not sent',
    patches: [['dialled.ts', "new PalmError(error.code, error.message, { sent: 'unknown' })", 'error']],
  },
  {
    name: 'broken-requests-say-nothing',
    does: 'does not say whether a request may have arrived that a break ended',
    patches: [
      [
        'dialled.ts',
        "new PalmError(error.code, error.message, { sent: 'unknown' })",
        'new PalmError(error.code, error.message)',
      ],
    ],
  },
  {
    name: 'pusher-tells-no-break',
    does: 'does not tell of the break of a pusher or puller',
    patches: [
      [
        'dialled.ts',
        '    this.setBroken(error);\n    this.#hub',
        "    if (this.kind !== 'publish') this.setBroken = () => {};\n    this.setBroken(error);\n    this.#hub",
      ],
    ],
  },
  {
    name: 'pusher-stays-ready',
    does: 'tells of a break, and says that it is ready meanwhile',
    patches: [
      [
        'dialled.ts',
        '    this.setBroken(error);\n    this.#hub',
        "    this.setBroken(error);\n    if (this.kind !== 'publish') this.setReady();\n    this.#hub",
      ],
    ],
  },
  {
    name: 'pusher-does-not-redial',
    does: 'does not dial again after a break, but for subscriptions and requests',
    patches: [
      [
        'dialled.ts',
        '    this.#hub.dial(this.address, this);\n  }\n}',
        "    if (this.kind === 'publish' || this.kind === 'reply') this.#hub.dial(this.address, this);\n  }\n}",
      ],
    ],
  },
  {
    name: 'onBreak-cannot-end',
    does: 'calls listeners of breaks that were ended',
    patches: [
      [
        'dialled.ts',
        '  protected abstract attached(link: Link): void;\n  protected abstract take',
        '  override onBreak(listener: (error: PalmError) => void): () => void {\n    super.onBreak(listener);\n    return () => {};\n  }\n\n  protected abstract attached(link: Link): void;\n  protected abstract take',
      ],
    ],
  },
  {
    name: 'refused-for-good',
    does: 'does not dial again after a refusal',
    patches: [
      [
        'hub.ts',
        '      dialler.misfit?.(bound.kind);',
        '      this.hangUp(address, dialler);\n      dialler.misfit?.(bound.kind);',
      ],
    ],
  },
  {
    name: 'refusal-is-not-told',
    does: 'waits for ever for an address that is bound for something else',
    patches: [['hub.ts', '      dialler.misfit?.(bound.kind);', '']],
  },
  {
    name: 'refused-sends-wait',
    does: 'has sends wait while the peer refuses the channel',
    patches: [['dialled.ts', '    this.failed(this.refusal);\n  }', '    this.refusal = undefined;\n  }']],
  },
  {
    name: 'received-lost-when-closed',
    does: 'drops what was received and not read when it is closed',
    patches: [
      [
        'dialled.ts',
        '    await super.close(options);\n    this.queue.end();',
        '    await super.close(options);\n    void (this.queue.size > 0 && this.queue.next());\n    this.queue.end();',
      ],
      [
        'bound.ts',
        '    await super.close(options);\n    this.#queue.end();',
        '    await super.close(options);\n    void (this.#queue.size > 0 && this.#queue.next());\n    this.#queue.end();',
      ],
    ],
  },
  {
    name: 'leaving-a-loop-closes',
    does: 'ends when a reader leaves its loop',
    patches: [
      [
        'dialled.ts',
        '    return {\n      next: async',
        '    return {\n      return: async () => {\n        this.queue.end();\n        return { done: true, value: undefined };\n      },\n      next: async',
      ],
      [
        'bound.ts',
        '    return {\n      next: async',
        '    return {\n      return: async () => {\n        this.#queue.end();\n        return { done: true, value: undefined };\n      },\n      next: async',
      ],
    ],
  },
  {
    name: 'publish-waits-for-slow-readers',
    does: 'holds the publisher up for a subscriber that does not read',
    patches: [
      [
        'bound.ts',
        '      this.#give(link, subscriber, own);',
        '      this.#give(link, subscriber, own);\n      while (subscriber.waiting.length > 0 && !this.isClosed) await new Promise((resolve) => setTimeout(resolve, 1));',
      ],
    ],
  },
  {
    name: 'slow-readers-lose-silently',
    does: 'drops deliveries of a slow subscriber without a word',
    patches: [['bound.ts', "    if (deliveries.length > room) link.post({ type: 'lost' });", '']],
  },
  {
    name: 'held-for-nobody',
    does: 'does not keep deliveries that may wait for their subscriber',
    patches: [
      [
        'bound.ts',
        'if (delivery.mayWait && !taken.has(delivery)) this.#held.add(delivery);',
        'void delivery;',
      ],
    ],
  },
  {
    name: 'topics-also-without-their-slash',
    does: 'gives a subscriber of `a/` what is published under `a`',
    patches: [
      [
        'bound.ts',
        'topic.startsWith(subscriber.topic)',
        '(topic.startsWith(subscriber.topic) || topic === subscriber.topic.slice(0, -1))',
      ],
    ],
  },
  {
    name: 'topics-exact',
    does: 'gives a subscriber only what is published under exactly its topic',
    patches: [['bound.ts', 'topic.startsWith(subscriber.topic)', 'topic === subscriber.topic']],
  },
  {
    name: 'puller-ready-early',
    does: 'says that a puller is ready before the binder counts it',
    patches: [
      [
        'dialled.ts',
        "    link.post({ type: 'credit', amount: WINDOW });",
        "    link.post({ type: 'credit', amount: WINDOW });\n    this.setReady();",
      ],
      [
        'bound.ts',
        "      this.#pullers.add(link);\n      link.post({ type: 'proved' });\n      this.#tellPeers();",
        '      setTimeout(() => {\n        this.#pullers.add(link);\n        this.#tellPeers();\n      }, 20);',
      ],
    ],
  },
  {
    name: 'subscription-ready-early',
    does: 'says that a subscription is ready before the publisher has it',
    patches: [
      [
        'dialled.ts',
        "    link.post({ type: 'subscribe', topic: this.#topic, amount: this.#maxUnread });",
        "    setTimeout(() => link.post({ type: 'subscribe', topic: this.#topic, amount: this.#maxUnread }), 5);\n    this.isProved = true;\n    this.setReady();",
      ],
    ],
  },
  {
    name: 'peers-told-once',
    does: 'does not tell that a puller went',
    patches: [
      [
        'bound.ts',
        '    if (this.#pullers.delete(link)) this.#tellPeers();',
        '    this.#pullers.delete(link);',
      ],
    ],
  },
  {
    name: 'peers-are-links',
    does: 'counts links as pullers that have not said so',
    patches: [
      ['bound.ts', '    return this.#pullers.size;', '    return this.links.size;'],
      [
        'hub.ts',
        '    if (bound.kind !== dialler.kind) {',
        "    if (bound.kind !== dialler.kind && !(bound.kind === 'push' && dialler.kind === 'publish')) {",
      ],
    ],
  },
  {
    name: 'sends-one-array-on',
    does: 'changes the array of frames that a send was given',
    patches: [
      [
        'outlet.ts',
        '        batch.push(...next.frames);',
        '        batch.push(...next.frames);\n        (next.frames as Bytes[]).length = 0;',
      ],
    ],
  },
  {
    name: 'address-stays-taken',
    does: 'keeps the address of a bound end for a moment after it is closed',
    patches: [
      [
        'bound.ts',
        '    this.#hub.unbind(this.address);',
        '    setTimeout(() => this.#hub.unbind(this.address), 20);',
      ],
    ],
  },
  {
    name: 'closed-is-rejected',
    does: 'rejects a request on a closed connection, and throws nothing',
    patches: [
      [
        'threads.ts',
        '    this.checkUse(address);\n    let requester',
        '    try {\n      this.checkUse(address);\n    } catch (error) {\n      return { reply: Promise.reject(error), cancel: () => {} };\n    }\n    let requester',
      ],
    ],
  },
  {
    name: 'no-status',
    does: 'does not report that a link broke',
    patches: [
      [
        'dialled.ts',
        "    this.#host.report({ type: 'disconnected', address: this.address, reason: error.message }, this);",
        '',
      ],
    ],
  },
  {
    name: 'unbounded',
    does: 'takes charge of any number of frames that nobody reads',
    patches: [['dialled.ts', 'export const WINDOW = 1_024 * 1_024;', 'export const WINDOW = 1e15;']],
  },
  {
    name: 'out-of-order',
    does: 'gives what piled up in another order',
    patches: [
      ['bound.ts', 'unpack(message.packed).map((frame)', 'unpack(message.packed).reverse().map((frame)'],
    ],
  },
  {
    name: 'answers-late',
    does: 'answers a moment later, in order',
    isLegal: true,
    patches: [
      [
        'bound.ts',
        'void Promise.resolve(answer).then(reply);',
        'void Promise.resolve(answer).then((frame) => setTimeout(() => reply(frame), 1));',
      ],
    ],
  },
  {
    name: 'small-window',
    does: 'lets one frame at a time be on its way',
    isLegal: true,
    patches: [['dialled.ts', 'export const WINDOW = 1_024 * 1_024;', 'export const WINDOW = 1;']],
  },
  {
    name: 'hints-are-ignored',
    does: 'ignores maxUnread, which is a hint',
    isLegal: true,
    patches: [['threads.ts', 'options.maxUnread ?? MAX_UNREAD', 'MAX_UNREAD;\n    void options']],
  },
];
