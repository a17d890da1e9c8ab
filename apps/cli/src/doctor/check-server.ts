// One server from the outside in: ssh, its host key, who answers behind it, its clock, its disk, its certificates. Knows
// no other server.
import type { Server } from '@tako/config';
import { PROTOCOL_VERSION, type HostCertificate, type ServerIdentity } from '@tako/protocol';
import type { ProjectTarget } from '../app/target.ts';
import { limits } from '../limits.ts';
import { errorFacts } from '../output/error-report.ts';
import { formatDuration } from '../output/text.ts';
import type { ServerSession } from '../servers/session.ts';
import { addressOf, describeAddress } from '../ssh/server-address.ts';
import { found, foundError, type Finding } from './diagnosis.ts';

export interface ServerCheck {
  readonly open: (server: { readonly name: string }, signal: AbortSignal) => Promise<ServerSession>;
  readonly target: ProjectTarget | null;
  /** Of this command. */
  readonly version: string;
  readonly signal: AbortSignal;
}

export async function checkServer(server: Server, check: ServerCheck): Promise<Finding[]> {
  const address = addressOf(server, '');
  const way =
    address.kind === 'local'
      ? []
      : [
          found({ layer: 'ssh', subject: server.name }, 'ok', `gets to ${describeAddress(address)}`),
          found({ layer: 'host key', subject: server.name }, 'ok', 'is the known one'),
        ];
  const askedAt = Date.now();
  try {
    await using session = await check.open(server, check.signal);
    const { server: identity } = session.client;
    const now = identity.startedAt + identity.uptimeMs;
    return [
      ...way,
      answerFinding(server.name, identity, check.version),
      clockFinding(server.name, now, { from: askedAt, to: Date.now() }),
      ...(await preflight(session, check)),
      ...(await certificates(session, check)),
    ];
  } catch (error) {
    check.signal.throwIfAborted();
    return failedWay(server.name, way, error);
  }
}

/** The layer that an error of connecting belongs to, and what of the way there it proves to hold. */
function failedWay(subject: string, way: readonly Finding[], error: unknown): Finding[] {
  const { code } = errorFacts(error);
  if (code.startsWith('SSH_HOST_KEY')) return [foundError({ layer: 'host key', subject }, error)];
  // ssh itself has done its work when it says that the socket behind it does not answer.
  if (code === 'SSH_FORWARD_FAILED') return [...way, foundError({ layer: 'server', subject }, error)];
  if (code.startsWith('SSH_')) return [foundError({ layer: 'ssh', subject }, error)];
  return [...way, foundError({ layer: 'server', subject }, error)];
}

function answerFinding(subject: string, identity: ServerIdentity, version: string): Finding {
  const place = { layer: 'server', subject };
  const answer = `tako-server ${identity.version}, protocol ${identity.protocol} (ours ${PROTOCOL_VERSION}), mode ${identity.mode}`;
  if (identity.mode === 'upgrading')
    return found(place, 'warning', answer, 'It refuses changes until the upgrade ends.');
  if (identity.mode === 'stopping') return found(place, 'failed', answer, 'Start it: tako servers restart');
  if (identity.lastReload?.ok === false)
    return found(
      place,
      'warning',
      `${answer}; its last reload failed: ${identity.lastReload.reason ?? 'no reason was given'}`,
      'Repair what it says, then: tako servers reload',
    );
  return identity.version === version
    ? found(place, 'ok', answer)
    : found(place, 'warning', `${answer}; this command is ${version}`, 'Bring both to one version.');
}

/** The server's time lies between our asking and its answer, or the clocks differ. */
function clockFinding(subject: string, serverNow: number, asked: { from: number; to: number }): Finding {
  const place = { layer: 'clock', subject };
  const offMs = serverNow < asked.from ? asked.from - serverNow : Math.max(0, serverNow - asked.to);
  if (offMs <= limits.clockSkewMaxMs) return found(place, 'ok', 'agrees with this machine');
  return found(
    place,
    'failed',
    `differs from this machine by ${formatDuration(offMs)}`,
    'Certificates and log times need right clocks: enable NTP on both (timedatectl set-ntp true).',
  );
}

const diskCodes: ReadonlySet<string> = new Set(['DISK_FULL', 'INODES_LOW']);

async function preflight(session: ServerSession, { target, signal }: ServerCheck): Promise<Finding[]> {
  if (target === null) return [];
  const subject = session.name;
  try {
    const { problems } = await session.call(({ api }) =>
      api.preflight.query(
        {
          deploymentId: target.deploymentId,
          routes: target.environment.routes.map((route) => route.text),
          arch: session.client.server.machine.arch,
          artifactBytes: 0,
        },
        { signal },
      ),
    );
    const findings = problems.map((problem) => ({
      layer: diskCodes.has(problem.code) ? 'disk' : 'deploy',
      subject,
      outcome: problem.severity === 'error' ? ('failed' as const) : ('warning' as const),
      message: problem.message,
      code: problem.code,
      hint: problem.hint,
    }));
    const holds = (layer: string, words: string): Finding[] =>
      findings.some((finding) => finding.layer === layer) ? [] : [found({ layer, subject }, 'ok', words)];
    return [
      ...holds('disk', 'has room for a deploy'),
      ...holds('deploy', 'would be accepted: routes, processor, user'),
      ...findings,
    ];
  } catch (error) {
    return [foundError({ layer: 'deploy', subject }, error)];
  }
}

async function certificates(session: ServerSession, { target, signal }: ServerCheck): Promise<Finding[]> {
  if (target === null) return [];
  const { deploymentId } = target;
  try {
    const status = await session.call(({ api }) => api.status.query({ deploymentId }, { signal }));
    const known = status.deployments.flatMap((deployment) => deployment.certificates);
    return known.map((certificate) => certificateFinding(session.name, certificate));
  } catch (error) {
    // Before the first deploy there is none to look at.
    if (errorFacts(error).code === 'APP_NOT_FOUND') return [];
    return [foundError({ layer: 'certificate', subject: session.name }, error)];
  }
}

function certificateFinding(server: string, { host, state, source, lastError }: HostCertificate): Finding {
  const place = { layer: 'certificate', subject: `${server}, ${host}` };
  const reason = lastError === null ? '' : `: ${lastError}`;
  if (state === 'valid') return found(place, 'ok', `${source}, valid`);
  const hint = 'More of it: tako certificates ls';
  if (state === 'failing' || state === 'expired') return found(place, 'failed', `${state}${reason}`, hint);
  if (state === 'self-signed')
    return found(place, 'warning', 'self-signed: browsers refuse it', 'Give one: tako certificates add');
  return found(place, 'warning', `${state}${reason}`, hint);
}
