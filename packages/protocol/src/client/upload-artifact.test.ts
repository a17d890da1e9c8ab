import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import { TakoError } from '@tako/config';
import { describe, expect, it } from 'vitest';
import { clientLimits } from '../limits.ts';
import { startTestServer } from '../testing/management-server.ts';
import { createMemoryArtifacts } from '../testing/memory-artifacts.ts';
import { failureOf } from '../testing/outcomes.ts';
import { connect, type Upload } from './index.ts';

function artifact(sizeBytes: number): Upload & { readonly bytes: Buffer; readonly opened: number[] } {
  const bytes = randomBytes(sizeBytes);
  const opened: number[] = [];
  return {
    bytes,
    opened,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    sizeBytes,
    open: (offset) => {
      opened.push(offset);
      return Readable.from(pieces(bytes.subarray(offset)), { objectMode: false });
    },
  };
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += 64 * 1024)
    yield bytes.subarray(start, start + 64 * 1024);
}

describe('uploading an artifact', () => {
  it('sends all of it once, and nothing the second time', async () => {
    const artifacts = createMemoryArtifacts();
    await using server = await startTestServer({ artifacts });
    await using client = await connect({ socketPath: server.socketPath });
    const upload = artifact(5_000_000);
    const progress: number[] = [];
    const first = await client.uploadArtifact({
      ...upload,
      onProgress: ({ sentBytes }) => progress.push(sentBytes),
    });
    expect(first).toEqual({ sentBytes: 5_000_000, attempts: 1 });
    expect(artifacts.held.get(upload.sha256)?.equals(upload.bytes)).toBe(true);
    expect(progress.at(-1)).toBe(5_000_000);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(await client.uploadArtifact(upload)).toEqual({ sentBytes: 0, attempts: 1 });
    expect(upload.opened).toEqual([0]);
  });

  it('waits for the word of the server after each piece, and makes the next one four times as large at most', async () => {
    const artifacts = createMemoryArtifacts();
    await using server = await startTestServer({ artifacts });
    await using client = await connect({ socketPath: server.socketPath });
    const upload = artifact(4_000_000);
    const ends: number[] = [];
    artifacts.progress.on('ended', (heldBytes: number) => ends.push(heldBytes));
    let aheadBytes = 0;
    await client.uploadArtifact({
      ...upload,
      onProgress: ({ sentBytes }) => {
        const pieceBytes = Math.max(
          clientLimits.uploadPieceMinBytes,
          4 * ((ends.at(-1) ?? 0) - (ends.at(-2) ?? 0)),
        );
        aheadBytes = Math.max(aheadBytes, sentBytes - (ends.at(-1) ?? 0) - pieceBytes);
      },
    });
    expect(ends[0]).toBe(clientLimits.uploadPieceMinBytes);
    expect(ends.at(-1)).toBe(upload.sizeBytes);
    expect(aheadBytes).toBe(0);
    expect(upload.opened).toEqual([0]);
  });

  it('resumes after a cut where the server stands, by itself', async () => {
    const artifacts = createMemoryArtifacts();
    await using server = await startTestServer({ artifacts });
    await using client = await connect({ socketPath: server.socketPath });
    const upload = artifact(20_000_000);
    artifacts.progress.once('chunk', () => server.cut());
    const result = await client.uploadArtifact(upload);
    expect(result.attempts).toBe(2);
    expect(upload.opened[0]).toBe(0);
    expect(upload.opened[1]).toBeGreaterThan(0);
    expect(artifacts.held.get(upload.sha256)?.equals(upload.bytes)).toBe(true);
  });

  it('resumes what another client began', async () => {
    const artifacts = createMemoryArtifacts();
    const upload = artifact(1_000_000);
    artifacts.held.set(upload.sha256, Buffer.from(upload.bytes.subarray(0, 400_000)));
    await using server = await startTestServer({ artifacts });
    await using client = await connect({ socketPath: server.socketPath });
    expect(await client.uploadArtifact(upload)).toEqual({ sentBytes: 600_000, attempts: 1 });
    expect(upload.opened).toEqual([400_000]);
  });

  it('asks for the verdict of bytes that are all there already', async () => {
    const artifacts = createMemoryArtifacts();
    const upload = artifact(1000);
    artifacts.held.set(upload.sha256, upload.bytes);
    await using server = await startTestServer({ artifacts });
    await using client = await connect({ socketPath: server.socketPath });
    expect(await client.uploadArtifact(upload)).toEqual({ sentBytes: 0, attempts: 1 });
  });

  it('gives up after attempts in a row that bring nothing', { timeout: 20_000 }, async () => {
    const artifacts = createMemoryArtifacts();
    let attempts = 0;
    artifacts.receive = async (_sha256, _range, body) => {
      attempts += 1;
      for await (const _piece of body) server.cut();
      return { offsetBytes: 0, complete: false };
    };
    await using server = await startTestServer({ artifacts });
    await using client = await connect({ socketPath: server.socketPath });
    const error = await failureOf(client.uploadArtifact(artifact(1_000_000)));
    expect(error.code).toBe('CONNECTION_LOST');
    expect(attempts).toBe(5);
  });

  it('stops at a wrong hash, which no other attempt would mend', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const upload = artifact(100_000);
    const error = await failureOf(client.uploadArtifact({ ...upload, sha256: 'a'.repeat(64) }));
    expect(error.code).toBe('ARTIFACT_HASH_MISMATCH');
    expect(upload.opened).toEqual([0]);
  });

  it.each([
    ['fewer', 999],
    ['more', 1001],
  ])(
    'stops when the file has %s bytes than announced, and leaves the connection sound',
    async (than, realBytes) => {
      await using server = await startTestServer();
      await using client = await connect({ socketPath: server.socketPath });
      const upload = artifact(realBytes);
      const error = await failureOf(client.uploadArtifact({ ...upload, sizeBytes: 1000 }));
      expect(error.code).toBe('ARTIFACT_HASH_MISMATCH');
      expect(error.message).toContain(`${than} bytes`);
      expect(await client.api.list.query()).toEqual([]);
    },
  );

  it('gives the error of a file that cannot be read, at once', async () => {
    await using server = await startTestServer();
    await using client = await connect({ socketPath: server.socketPath });
    const gone = Object.assign(new Error('no such file'), { code: 'ENOENT' });
    const open = () =>
      new Readable({
        read() {
          this.destroy(gone);
        },
      });
    await expect(client.uploadArtifact({ ...artifact(1000), open })).rejects.toBe(gone);
  });

  it('gives the refusal of a server that answers before it has read, while much is still to be sent', async () => {
    const artifacts = createMemoryArtifacts();
    artifacts.receive = () => Promise.reject(new TakoError('SERVER_UPGRADING', 'not now', { hint: 'later' }));
    await using server = await startTestServer({ artifacts });
    await using client = await connect({ socketPath: server.socketPath });
    const full = new TakoError('DISK_FULL', 'no space for the artifact');
    artifacts.receive = () => Promise.reject(full);
    const error = await failureOf(client.uploadArtifact(artifact(50_000_000)));
    expect(error).toMatchObject({ code: 'DISK_FULL', message: 'no space for the artifact' });
  });

  it('gives the refusal that a HEAD answers with', async () => {
    const artifacts = createMemoryArtifacts();
    artifacts.offset = () =>
      Promise.reject(new TakoError('PERMISSION_DENIED', 'the € directory is closed', { hint: 'chmod' }));
    await using server = await startTestServer({ artifacts });
    await using client = await connect({ socketPath: server.socketPath });
    expect(await failureOf(client.uploadArtifact(artifact(10)))).toMatchObject({
      code: 'PERMISSION_DENIED',
      message: 'the € directory is closed',
      hint: 'chmod',
    });
  });

  it('tells an unforeseen error of the receiver as INTERNAL only', async () => {
    const artifacts = createMemoryArtifacts();
    artifacts.receive = () => Promise.reject(new Error('swordfish'));
    await using server = await startTestServer({ artifacts });
    await using client = await connect({ socketPath: server.socketPath });
    const error = await failureOf(client.uploadArtifact(artifact(10)));
    expect(error.code).toBe('INTERNAL');
    expect(error.message).not.toContain('swordfish');
    expect(server.internalErrors).toHaveLength(1);
  });

  it('slows down to a slow receiver instead of holding the artifact in memory', async () => {
    const artifacts = createMemoryArtifacts();
    const gate = Promise.withResolvers<void>();
    artifacts.afterChunk = () => gate.promise;
    await using server = await startTestServer({ artifacts });
    await using client = await connect({ socketPath: server.socketPath });
    const progress = new EventEmitter();
    let sent = 0;
    const uploading = client.uploadArtifact({
      ...artifact(50_000_000),
      onProgress: ({ sentBytes }) => {
        sent = sentBytes;
        progress.emit('sent');
      },
    });
    await once(artifacts.progress, 'chunk');
    // Other calls give the upload all the time it needs to run ahead.
    for (let call = 0; call < 50; call += 1) await client.api.list.query();
    expect(sent).toBeLessThan(5_000_000);
    artifacts.afterChunk = () => Promise.resolve();
    gate.resolve();
    await uploading;
    expect(sent).toBe(50_000_000);
  });

  it('ends with the reason of its signal, and the server keeps what came', async () => {
    const artifacts = createMemoryArtifacts();
    await using server = await startTestServer({ artifacts });
    await using client = await connect({ socketPath: server.socketPath });
    const abort = new AbortController();
    const reason = new Error('Ctrl-C');
    const upload = artifact(50_000_000);
    artifacts.progress.once('chunk', () => abort.abort(reason));
    const ended = once(artifacts.progress, 'ended');
    await expect(client.uploadArtifact({ ...upload, signal: abort.signal })).rejects.toBe(reason);
    const [keptBytes] = (await ended) as [number];
    expect(keptBytes).toBeGreaterThan(0);
    expect(await client.uploadArtifact(upload)).toMatchObject({ sentBytes: 50_000_000 - keptBytes });
  });
});
