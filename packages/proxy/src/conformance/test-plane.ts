// A data plane on real sockets for the conformance suites, with everything it says collected. One per test, closed by
// `await using`.
import { createDataPlane } from '../data-plane.ts';
import type { DataPlane, DataPlaneOptions } from '../data-plane.types.ts';
import type {
  CertificateView,
  ChallengeView,
  DeploymentPolicy,
  DeploymentView,
  InstanceView,
  WorkerMessage,
} from '../control/messages.ts';

/** What the suites are run with: the lanes that may serve. */
export interface LaneUnderTest {
  readonly name: string;
  readonly lanes: 'all' | 'general';
  /** What the suites' ordinary client speaks. Default HTTP/1.1. */
  readonly client?: 'http2';
}

export const testHost = 'app.example.com';

export const defaultPolicy: DeploymentPolicy = {
  httpsRedirect: false,
  hsts: false,
  bodyBytesMax: 1024 * 1024 * 1024,
  requestsPerClientMax: 2048,
  streamIdleMs: 0,
  affinity: 'off',
};

export const instanceAt = (
  port: number,
  id = `i-${port}`,
  rotation: InstanceView['rotation'] = 'healthy',
): InstanceView => ({
  id,
  version: 'v1',
  host: '127.0.0.1',
  port,
  rotation,
});

/** An app that speaks HTTP/2 in clear text. */
export const h2cInstanceAt = (
  port: number,
  id = `i-${port}`,
  rotation: InstanceView['rotation'] = 'healthy',
): InstanceView => ({ ...instanceAt(port, id, rotation), protocol: 'h2c' });

export type DeploymentInput = Partial<Omit<DeploymentView, 'policy'>> & {
  readonly policy?: Partial<DeploymentPolicy>;
};

export const deploymentOf = (input: DeploymentInput): DeploymentView => ({
  id: 'app',
  app: 'app',
  version: 'v1',
  routes: [testHost],
  traffic: { kind: 'serving' },
  instances: [],
  ...input,
  policy: { ...defaultPolicy, ...input.policy },
});

export interface TestPlaneInput {
  readonly deployments: readonly DeploymentInput[];
  readonly certificates?: readonly CertificateView[];
  readonly challenges?: readonly ChallengeView[];
  readonly options?: Partial<DataPlaneOptions>;
  readonly https?: boolean;
  readonly ticketKeys?: string;
  readonly previousTicketKeys?: string;
}

type MessageOf<T extends WorkerMessage['type']> = Extract<WorkerMessage, { type: T }>;

export class TestPlane {
  readonly plane: DataPlane;
  readonly messages: WorkerMessage[] = [];
  readonly reports: { readonly level: string; readonly facts: unknown; readonly sentence: string }[] = [];
  port = 0;
  httpsPort = 0;
  #version = 1;
  #listeners = new Set<() => void>();

  constructor(lane: LaneUnderTest, options: Partial<DataPlaneOptions>) {
    const report = (level: string) => (facts: unknown, sentence: string) => {
      this.reports.push({ level, facts, sentence });
    };
    this.plane = createDataPlane({
      send: (message) => {
        this.messages.push(message);
        for (const look of this.#listeners) look();
      },
      log: { debug: report('debug'), info: report('info'), warn: report('warn'), error: report('error') },
      options: {
        maxConnections: 10_000,
        trustedProxies: [],
        accessLog: 'off',
        workers: 1,
        lanes: lane.lanes,
        h2c: lane.client === 'http2',
        ...options,
      },
    });
  }

  /** The deployments as a delta on what the plane has. */
  change(deployments: readonly DeploymentInput[], removed: readonly string[] = []): void {
    const base = this.#version;
    this.#version += 1;
    this.plane.receive({
      type: 'delta',
      delta: { base, version: this.#version, deployments: deployments.map(deploymentOf), removed },
    });
  }

  snapshot(input: Omit<TestPlaneInput, 'options'>): void {
    this.plane.receive({
      type: 'snapshot',
      snapshot: {
        version: this.#version,
        deployments: input.deployments.map(deploymentOf),
        certificates: input.certificates ?? [],
        challenges: input.challenges ?? [],
        ...(input.ticketKeys === undefined ? {} : { ticketKeys: input.ticketKeys }),
        ...(input.previousTicketKeys === undefined ? {} : { previousTicketKeys: input.previousTicketKeys }),
      },
    });
  }

  said<T extends WorkerMessage['type']>(type: T): MessageOf<T>[] {
    return this.messages.filter((message): message is MessageOf<T> => message.type === type);
  }

  /** The first message of that type that fits, said already or yet to come. The test's own time-out is the deadline. */
  async hears<T extends WorkerMessage['type']>(
    type: T,
    fits: (message: MessageOf<T>) => boolean = () => true,
  ): Promise<MessageOf<T>> {
    return await new Promise((resolve) => {
      const look = (): void => {
        const found = this.said(type).find(fits);
        if (found === undefined) return;
        this.#listeners.delete(look);
        resolve(found);
      };
      this.#listeners.add(look);
      look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.plane.close();
  }
}

export async function startPlane(lane: LaneUnderTest, input: TestPlaneInput): Promise<TestPlane> {
  const test = new TestPlane(lane, input.options ?? {});
  test.snapshot(input);
  test.port = await listenOn(test.plane, 'http');
  if (input.https === true) test.httpsPort = await listenOn(test.plane, 'https');
  return test;
}

async function listenOn(plane: DataPlane, kind: 'http' | 'https'): Promise<number> {
  const { address } = await plane.listen({ kind, port: 0, host: '127.0.0.1' });
  if (!('port' in address)) throw new Error('A TCP listener has a port');
  return address.port;
}

/** Longer than bytes that still move need from one look to the next. */
const standstillMs = 300;

/** Resolves when a count has not grown for a while: whoever counts is held back. */
export async function standsStill(count: () => number): Promise<void> {
  let before = -1;
  while (before !== count()) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, standstillMs));
  }
}

/** Resolves as soon as `isTrue` holds; looked at after each turn of the event loop. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 2));
}
