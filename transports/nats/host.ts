import type { ChannelHost } from '../shared/base-connection.ts';
import type { CallLanes } from './call-lanes.ts';
import type { Frames } from './frames.ts';
import type { NatsLink } from './link.ts';
import type { ClusterNames } from './names.ts';
import type { PromptCalls } from './prompt-calls.ts';

/** What the ends of one connection share. */
export interface NatsHost extends ChannelHost {
  readonly link: NatsLink;
  readonly names: ClusterNames;
  readonly frames: Frames;
  readonly promptCalls: PromptCalls;
  readonly lanes: CallLanes;
}
