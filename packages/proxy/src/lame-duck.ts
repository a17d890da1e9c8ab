// The last life of a data plane: answers what still comes on its connections, closes what is idle, lets what is under
// way finish until the deadline, then ends streams properly and cuts the rest (spec 40, handoff).
import type { LameDuckInput, LameDuckResult } from './data-plane.types.ts';
import type { Roll } from './in-flight/roll.ts';
import type { Lane } from './lanes/lane.ts';
import type { ConnectionGate } from './listeners/connection-gate.ts';
import type { Limits } from './limits.ts';
import type { RequestScope } from './pipeline/request-scope.ts';
import type { Clock } from './timing/clock.ts';

export interface LameDuckDeps {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly lanes: readonly Lane[];
  readonly gate: ConnectionGate;
  readonly requests: Roll<RequestScope>;
}

/** How often idle connections are looked for, and whether all is over. */
const lookMs = 25;

export async function runLameDuck(input: LameDuckInput, deps: LameDuckDeps): Promise<LameDuckResult> {
  const { clock, limits, lanes, gate, requests } = deps;
  // Handshakes and parked connections included: what was accepted is served.
  const isQuiet = (): boolean => gate.counts.open === 0 && gate.counts.parked === 0;
  const started = clock.now();
  const idleFrom = started + input.lameDuckMs;
  const deadline = idleFrom + input.drainMs;
  await waitUntil(clock, () => isQuiet() || clock.now() >= idleFrom);
  await waitUntil(clock, () => {
    closeIdle(lanes);
    return isQuiet() || clock.now() >= deadline;
  });
  const told = new Set<RequestScope>();
  let cutConnections = 0;
  for (const request of Array.from(requests)) {
    if (request.isStream()) {
      told.add(request);
      request.endPolitely();
    } else {
      cutConnections += 1;
      request.cut();
    }
  }
  const lastWord = clock.now() + limits.politeEndMs;
  await waitUntil(clock, () => {
    closeIdle(lanes);
    return isQuiet() || clock.now() >= lastWord;
  });
  let endedStreams = 0;
  for (const request of told) {
    if (request.isOver) endedStreams += 1;
    else cutConnections += 1;
  }
  for (const lane of lanes) for (const connection of Array.from(lane.connections)) connection.cut();
  return { endedStreams, cutConnections };
}

function closeIdle(lanes: readonly Lane[]): void {
  for (const lane of lanes) {
    for (const connection of Array.from(lane.connections)) {
      if (connection.isIdle && !connection.isUpgraded && !connection.isReadingHead) connection.closeSoon();
    }
  }
}

function waitUntil(clock: Clock, isDone: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (isDone()) resolve();
      else clock.after(lookMs, look);
    };
    look();
  });
}
