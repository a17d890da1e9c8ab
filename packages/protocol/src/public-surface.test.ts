// What scripts may rely on: the entries of the package and every name behind them. A change here is a change of a promise.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/** The value exports of an entry, and its type exports as written in its source: types are gone when it runs. */
async function namesOf(entry: string): Promise<{ values: string[]; types: string[] }> {
  const file = path.join(import.meta.dirname, entry);
  const values = Object.keys((await import(file)) as object).toSorted();
  const source = await readFile(file, 'utf8');
  const lists = [...source.matchAll(/export (type )?\{([^}]*)\}/g)];
  const types = lists.flatMap(([, all, list = '']) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && (all !== undefined || name.startsWith('type ')))
      .map((name) => name.replace(/^type /, '')),
  );
  return { values, types: types.toSorted() };
}

describe('the public surface', () => {
  it('is four entries', async () => {
    const manifest = JSON.parse(
      await readFile(path.join(import.meta.dirname, '../package.json'), 'utf8'),
    ) as { exports: object };
    expect(Object.keys(manifest.exports)).toEqual(['.', './client', './server', './errors']);
  });

  it('names no export by a star', async () => {
    for (const entry of ['index.ts', 'client/index.ts', 'server/index.ts', 'errors/index.ts'])
      expect(await readFile(path.join(import.meta.dirname, entry), 'utf8')).not.toContain('export *');
  });

  it('is, for scripts, a client and its errors', async () => {
    expect(await namesOf('client/index.ts')).toEqual({
      values: ['connect', 'withLock'],
      types: [
        'CallOptions',
        'ConnectOptions',
        'HeldLock',
        'LockOptions',
        'ManagementApi',
        'ManagementClient',
        'Upload',
        'UploadProgress',
        'UploadResult',
      ],
    });
    expect(await namesOf('errors/index.ts')).toEqual({
      values: ['errorRegistry', 'errorSpec', 'exitCodeOf', 'isErrorCode', 'isRetryable', 'isTakoError'],
      types: ['ErrorCode', 'ErrorSource', 'ErrorSpec', 'ExitCode', 'TakoError'],
    });
  });

  it('is, for servers, the interface to implement and a handler over it', async () => {
    expect((await namesOf('server/index.ts')).values).toEqual([
      'createManagementHandler',
      'managementServerOptions',
      'movedOn',
    ]);
    const { values, types } = await namesOf('index.ts');
    expect(values).toEqual(['PROTOCOL_VERSION', 'lockHolderSchema', 'protocolLimits']);
    expect(types).toEqual([
      'ArtifactReceiver',
      'AuditEntry',
      'BuildStatus',
      'CallContext',
      'CertificateState',
      'CertificateStatus',
      'CommandEvent',
      'DeploymentMode',
      'DeploymentStatus',
      'DeploymentSummary',
      'FailureEvidence',
      'HostCertificate',
      'InstanceState',
      'InstanceStatus',
      'Lock',
      'LockHolder',
      'LogEntry',
      'LogEvent',
      'LogsInput',
      'ManagementService',
      'Preflight',
      'PrepareEvent',
      'PreparePhase',
      'Problem',
      'ProtocolLimits',
      'ReleaseSummary',
      'RolloutEvent',
      'RolloutKind',
      'RouteEntry',
      'SecretsDigest',
      'ServerEvent',
      'ServerIdentity',
      'ServerStatus',
      'Unlocked',
      'UpgradingLease',
    ]);
  });
});
