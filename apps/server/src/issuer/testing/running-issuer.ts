// The issuer over a real store, real files and a challenge server, with a clock that tests move. Waits are for what the
// issuer says or publishes, never for time. For tests only.
import { EventEmitter } from 'node:events';
import path from 'node:path';
import { openStore } from '@tako/store';
import type { Store } from '@tako/store';
import type { CertificateView } from '@tako/proxy';
import { pino } from 'pino';
import { CertificateFiles } from '../../certificates/certificate-files.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import type { RecordedLine } from '../../testing/silent-log.ts';
import type { IssuedCertificates } from '../../certificates/issued-certificates.ts';
import type { IssuerStorage } from '../issuer-storage.ts';
import type { IssuerOptions } from '../issuer-options.ts';
import { openIssuer } from '../open-issuer.ts';
import type { Issuer, IssuerDeps } from '../open-issuer.ts';
import type { ChallengeServer } from './challenge-server.ts';

export interface RunningIssuer extends AsyncDisposable {
  readonly issuer: Issuer;
  readonly store: Store;
  readonly certificates: CertificateFiles;
  readonly dataDir: string;
  readonly lines: readonly RecordedLine[];
  /** How each order ended. */
  readonly orders: readonly ('issued' | 'failed')[];
  /** What workers serve now. */
  readonly views: readonly CertificateView[];
  readonly clock: { aheadMs: number; readonly now: number };
  /** Routes by deployment id; `refresh` after a change. */
  readonly routes: Map<string, string[]>;
  /** Resolves when the issuer has looked at everything after this call, and started what is due. */
  look(): Promise<void>;
  /** Looks at every log line and publication; fails with all lines when it does not come true. */
  until(what: string, condition: () => boolean): Promise<void>;
  said(sentence: string): readonly RecordedLine[];
}

export interface IssuerChoice {
  readonly routes: Readonly<Record<string, string[]>>;
  readonly options: Partial<IssuerOptions> & Pick<IssuerOptions, 'authorities'>;
  readonly challenges: ChallengeServer;
  /** The directory of an earlier one: a restart. */
  readonly dataDir?: string;
  readonly aheadMs?: number;
  readonly deps?: Partial<IssuerDeps>;
  /** Another memory than its own. */
  readonly storage?: (own: IssuedCertificates) => IssuerStorage;
  /** Until it resolves, workers do not acknowledge challenges. */
  readonly acknowledge?: (count: number) => Promise<void>;
}

const waitMs = 15_000;

export async function startIssuer(choice: IssuerChoice): Promise<RunningIssuer> {
  await using undo = new AsyncDisposableStack();
  const dataDir = choice.dataDir ?? undo.use(await temporaryDirectory()).path;
  const store = undo.adopt(openStore({ file: path.join(dataDir, 'state.sqlite3') }), (opened) =>
    opened.close(),
  );
  const events = new EventEmitter().setMaxListeners(0);
  const lines: RecordedLine[] = [];
  const log = pino(
    { level: 'debug', base: null },
    {
      write: (text: string) => {
        lines.push(JSON.parse(text));
        events.emit('change');
      },
    },
  );
  const clock = {
    aheadMs: choice.aheadMs ?? 0,
    get now() {
      return Date.now() + clock.aheadMs;
    },
  };
  const nowMs = (): number => clock.now;
  const certificates = new CertificateFiles({ dataDir, certificates: store.certificates, nowMs, log });
  await certificates.open();
  const routes = new Map(Object.entries(choice.routes));
  let views: readonly CertificateView[] = [];
  const publishCertificates = async (): Promise<void> => {
    views = await certificates.views();
    events.emit('change');
  };
  await publishCertificates();
  const acknowledge = choice.acknowledge ?? (() => Promise.resolve());
  const orders: ('issued' | 'failed')[] = [];
  let looks = 0;
  const issuer = await openIssuer({
    dataDir,
    store,
    certificates,
    options: {
      mode: 'on',
      email: 'ops@example.com',
      extraRoots: null,
      dns: null,
      check: false,
      renewalIntervalMs: 12 * 3_600_000,
      challenges: ['http-01', 'tls-alpn-01'],
      ...choice.options,
    },
    version: '0.0.0-test',
    log,
    nowMs,
    wanted: () => {
      looks += 1;
      events.emit('change');
      return [...routes].map(([deploymentId, list]) => ({ deploymentId, routes: list }));
    },
    publishChallenges: (list) => {
      choice.challenges.http = list;
      events.emit('change');
      return acknowledge(list.length);
    },
    publishAlpnChallenges: (list) => {
      choice.challenges.alpn = list;
      events.emit('change');
      return acknowledge(list.length);
    },
    publishCertificates,
    onOrderEnded: (result) => {
      orders.push(result);
      events.emit('change');
    },
    chance: () => 0.5,
    ...(choice.storage === undefined ? {} : { storage: choice.storage(certificates.issued) }),
    ...choice.deps,
  });
  undo.defer(() => issuer.close());
  const resources = undo.move();
  const running: RunningIssuer = {
    issuer,
    store,
    certificates,
    dataDir,
    lines,
    orders,
    get views() {
      return views;
    },
    clock,
    routes,
    look: async () => {
      // The loop is one: when the second look begins, the first has ended.
      for (let times = 0; times < 2; times += 1) {
        const before = looks;
        issuer.refresh();
        await running.until('a look', () => looks > before);
      }
    },
    said: (sentence) => lines.filter(({ msg }) => msg === sentence),
    until: (what, condition) =>
      new Promise((resolve, reject) => {
        const end = (): void => {
          clearTimeout(timer);
          events.off('change', look);
        };
        const look = (): void => {
          if (!condition()) return;
          end();
          resolve();
        };
        const timer = setTimeout(() => {
          end();
          reject(
            new Error(
              `not within ${waitMs} ms: ${what}\n${lines.map((line) => JSON.stringify(line)).join('\n')}`,
            ),
          );
        }, waitMs);
        events.on('change', look);
        look();
      }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
  return running;
}

export const issuedNames = (running: RunningIssuer): string[][] =>
  running.views.filter((view) => !view.isDefault).map((view) => [...view.names]);
