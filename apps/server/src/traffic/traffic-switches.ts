// What operators switched and a restart must not switch back: pauses of deployments, the cordon of the server. Kept in the
// state; a deployment's maintenance is a column of its own row.
import type { Store } from '@tako/store';

type State = Pick<Store['state'], 'get' | 'put' | 'delete'>;

const pauseKey = (id: string): string => `paused:${id}`;
const cordonKey = 'cordoned';

export interface TrafficSwitches {
  /** How long a request of the deployment is held, in ms; null: it is not paused. */
  pausedForMs(id: string): number | null;
  setPause(id: string, maxMs: number | null): void;
  readonly cordoned: boolean;
  setCordoned(on: boolean): void;
}

export function createTrafficSwitches(state: State): TrafficSwitches {
  return {
    pausedForMs: (id) => {
      const value = state.get(pauseKey(id));
      return value === undefined ? null : Number(value);
    },
    setPause: (id, maxMs) => {
      if (maxMs === null) state.delete(pauseKey(id));
      else state.put(pauseKey(id), String(maxMs));
    },
    get cordoned() {
      return state.get(cordonKey) !== undefined;
    },
    setCordoned: (on) => {
      if (on) state.put(cordonKey, 'on');
      else state.delete(cordonKey);
    },
  };
}
