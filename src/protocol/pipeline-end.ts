/** How the servers of a pipeline, and its clients, learn where it ends (docs/protocol/palm.md, "Where a pipeline ends"). */

/** The `function` of the request by which a server says that it reads what the asked one publishes. */
export const NEXT = '_.next';

/** The key of a server's cache that says where its answers are published. */
export const END_KEY = 'frond_end';

/** The server that answers the clients of a pipeline. */
export interface PipelineEnd {
  /** Its name. */
  readonly server: string;
  /** Where it publishes. */
  readonly address: string;
}

/** An end as it is on the wire: the name, a space, the address; `?` for an end that is not known. */
export function writeEnd(end: PipelineEnd | undefined): string {
  return end === undefined ? '?' : `${end.server} ${end.address}`;
}

/** The end in a string; undefined when it names none. */
export function readEnd(text: string): PipelineEnd | undefined {
  const at = text.indexOf(' ');
  return at < 1 ? undefined : { server: text.slice(0, at), address: text.slice(at + 1) };
}
