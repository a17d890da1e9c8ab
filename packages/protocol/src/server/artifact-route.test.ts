import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { describe, expect, it } from 'vitest';
import { rawRequest, startTestServer } from '../testing/management-server.ts';
import { createMemoryArtifacts } from '../testing/memory-artifacts.ts';

describe('PUT and HEAD by hand', () => {
  const sha256 = 'b'.repeat(64);
  const path = `/artifacts/${sha256}`;

  it('tell offset and completeness in headers', async () => {
    const artifacts = createMemoryArtifacts();
    artifacts.held.set(sha256, Buffer.alloc(7));
    await using server = await startTestServer({ artifacts });
    const { headers } = await rawRequest(server.socketPath, { method: 'HEAD', path });
    expect(headers).toMatchObject({ 'upload-offset': '7', 'upload-complete': '?0' });
  });

  it.each([
    ['no offset', { 'upload-length': '10' }, 'INVALID_INPUT'],
    ['no length', { 'upload-offset': '0' }, 'INVALID_INPUT'],
    ['a negative offset', { 'upload-offset': '-1', 'upload-length': '10' }, 'INVALID_INPUT'],
    ['an offset past the end', { 'upload-offset': '11', 'upload-length': '10' }, 'INVALID_INPUT'],
    ['a length of nothing', { 'upload-offset': '0', 'upload-length': '0' }, 'INVALID_INPUT'],
    ['an absurd length', { 'upload-offset': '0', 'upload-length': '9'.repeat(16) }, 'INVALID_INPUT'],
    ['a length over the limit', { 'upload-offset': '0', 'upload-length': '1001' }, 'ARTIFACT_TOO_LARGE'],
    ['a body larger than announced', { 'upload-offset': '8', 'upload-length': '10' }, 'ARTIFACT_TOO_LARGE'],
    [
      'a chunked body larger than announced',
      { 'upload-offset': '0', 'upload-length': '2', 'transfer-encoding': 'chunked' },
      'ARTIFACT_TOO_LARGE',
    ],
    ['bytes out of order', { 'upload-offset': '5', 'upload-length': '10' }, 'ARTIFACT_OUT_OF_ORDER'],
    ['bytes of another hash', { 'upload-offset': '0', 'upload-length': '3' }, 'ARTIFACT_HASH_MISMATCH'],
  ])('refuse %s', async (_what, headers, code) => {
    await using server = await startTestServer({ limits: { artifactBytesMax: 1000 } });
    const answer = await rawRequest(server.socketPath, { method: 'PUT', path, headers, body: 'abc' });
    expect(answer.text).toContain(`"code":"${code}"`);
  });

  it('take an artifact of the largest size', async () => {
    await using server = await startTestServer({ limits: { artifactBytesMax: 1000 } });
    const body = randomBytes(1000);
    const answer = await rawRequest(server.socketPath, {
      method: 'PUT',
      path: `/artifacts/${createHash('sha256').update(body).digest('hex')}`,
      headers: { 'upload-offset': '0', 'upload-length': '1000' },
      body,
    });
    expect(JSON.parse(answer.text)).toEqual({ offsetBytes: 1000, complete: true });
  });

  it.each(['/artifacts/xyz', `/artifacts/${'B'.repeat(64)}`, `/artifacts/${'b'.repeat(63)}`])(
    'refuse the name %s',
    async (path) => {
      await using server = await startTestServer();
      const answer = await rawRequest(server.socketPath, {
        method: 'PUT',
        path,
        headers: { 'upload-offset': '0', 'upload-length': '3' },
        body: 'abc',
      });
      expect(answer.status).toBe(400);
    },
  );

  it('keep what came before a sender stalled, and cut it', async () => {
    const artifacts = createMemoryArtifacts();
    await using server = await startTestServer({ artifacts, limits: { uploadIdleTimeoutMs: 50 } });
    const sent = http.request({
      socketPath: server.socketPath,
      method: 'PUT',
      path,
      headers: { 'tako-protocol': '1', 'upload-offset': '0', 'upload-length': '10', 'content-length': '10' },
    });
    sent.write('abc');
    const ended = once(artifacts.progress, 'ended');
    await expect(once(sent, 'response')).rejects.toThrow('socket hang up');
    expect(await ended).toEqual([3]);
    const { headers } = await rawRequest(server.socketPath, { method: 'HEAD', path });
    expect(headers['upload-offset']).toBe('3');
  });
});
