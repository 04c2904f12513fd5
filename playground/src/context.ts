import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Playground } from './playground.ts';

export const PlaygroundContext = createContext<Playground | undefined>(undefined);

export function usePlayground(): Playground {
  const playground = useContext(PlaygroundContext);
  if (playground === undefined) throw new Error('there is no playground around this component');
  return playground;
}
