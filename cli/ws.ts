/** The package ws that the command has in its bundle: who runs it with `npx` has no other. */
export function loadWs(): Promise<typeof import('ws')> {
  return import('ws');
}
