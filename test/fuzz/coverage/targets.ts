/** The targets by name. Each is loaded alone, so that its coverage counts only the code that it imports. */
import type { Target } from './target.ts';

export const TARGETS: Readonly<Record<string, () => Promise<Target>>> = {
  envelope: async () => (await import('./targets/envelope.ts')).target,
  requests: async () => (await import('./targets/requests.ts')).target,
  'cache-service': async () => (await import('./targets/cache-service.ts')).target,
  'worker-results': async () => (await import('./targets/worker-results.ts')).target,
  progress: async () => (await import('./targets/progress.ts')).target,
  payload: async () => (await import('./targets/payload.ts')).target,
  paths: async () => (await import('./targets/paths.ts')).target,
  'client-frames': async () => (await import('./targets/frames.ts')).clientFrames,
  'relay-frames': async () => (await import('./targets/frames.ts')).relayFrames,
  ledger: async () => (await import('./targets/ledger.ts')).target,
  guards: async () => (await import('./targets/guards.ts')).target,
  upgrade: async () => (await import('./targets/upgrade.ts')).target,
  'relay-config': async () => (await import('./targets/relay-config.ts')).target,
  tokens: async () => (await import('./targets/tokens.ts')).target,
  roles: async () => (await import('./targets/roles.ts')).target,
  status: async () => (await import('./targets/status.ts')).target,
  resume: async () => (await import('./targets/resume.ts')).target,
  capture: async () => (await import('./targets/capture.ts')).target,
  zmtp: async () => (await import('./targets/zmtp.ts')).target,
  arguments: async () => (await import('./targets/arguments.ts')).target,
};

/** @throws Error when there is no target of that name. */
export function loadTarget(name: string): Promise<Target> {
  const load = Object.hasOwn(TARGETS, name) ? TARGETS[name] : undefined;
  if (load === undefined)
    throw new Error(`there is no target ${name}, but ${Object.keys(TARGETS).join(', ')}`);
  return load();
}
