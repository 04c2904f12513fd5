/** Loads the package ws from the command's own bundle: with `npx frond` no other is installed. */
export function loadWs(): Promise<typeof import('ws')> {
  return import('ws');
}
