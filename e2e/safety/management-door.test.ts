// Story: who may talk to the server is decided by files, whose modes are right; who speaks another protocol is told so.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { PROTOCOL_VERSION } from '@tako/protocol';
import { expect, test } from 'vitest';
import { createCliProject } from '../support/cli-project.ts';
import { startTestServer } from '../support/test-server.ts';
import { deployed } from '../support/test-release.ts';

const modeOf = (file: string): string => (fs.statSync(file).mode & 0o7777).toString(8).padStart(4, '0');

test('the management socket is for its owner and group, and what holds keys or secrets for the server alone', async () => {
  await using server = await startTestServer();
  await deployed(server.client, { version: 'v1', secrets: { API_KEY: 'value' } });
  expect(modeOf(server.socketPath)).toBe('0660');
  const files = fs
    .readdirSync(server.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const isSecret = (file: string): boolean =>
    /server\.key$|secrets\.json|\.sqlite3|key\.pem$|\.key$/.test(file) || isPrivateKey(file);
  const secret = files.filter(isSecret);
  expect(secret.map((file) => path.relative(server.dataDir, file))).toEqual(
    expect.arrayContaining(['server.key', 'apps/web/secrets.json', 'runtime-state.sqlite3']),
  );
  expect(secret.filter((file) => modeOf(file) !== '0600').map((file) => `${file} ${modeOf(file)}`)).toEqual(
    [],
  );
  // The rest of what the server wrote may be read by some, and written by nobody else.
  const loose = files.filter((file) => (fs.statSync(file).mode & 0o022) !== 0);
  expect(loose).toEqual([]);
  // That of the self-signed certificate.
  expect(secret.filter(isPrivateKey)).not.toEqual([]);
});

function isPrivateKey(file: string): boolean {
  return fs.statSync(file).size < 64 * 1024 && fs.readFileSync(file, 'utf8').includes('PRIVATE KEY-----');
}

test('the keys that the command line makes are for its user alone', async () => {
  await using server = await startTestServer();
  const takoToml = `name = "keys"\nruntime = "node"\nmain = "plain.js"\n\n[envs.production]\nroute = "keys.example.com"\nservers = ["here"]\n`;
  await using project = await createCliProject({ takoToml, socketPath: server.socketPath });
  await project.succeed(['secrets', 'set', 'API_KEY', '--env', 'production'], { input: 'value' });
  const keys = fs
    .readdirSync(project.home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'config.toml')
    .map((entry) => path.join(entry.parentPath, entry.name));
  expect(keys.length).toBeGreaterThan(0);
  expect(keys.map(modeOf)).toEqual(keys.map(() => '0600'));
});

test('a client of another protocol version is told both versions, and changes nothing', async () => {
  await using server = await startTestServer();
  const theirs = PROTOCOL_VERSION + 41;
  const call = (method: string, url: string, protocol: number | null) =>
    new Promise<{ url: string; status: number; body: string; protocol: string }>((resolve, reject) => {
      const request = http.request({
        socketPath: server.socketPath,
        method,
        path: url,
        headers: {
          'content-type': 'application/json',
          'tako-caller': 'old',
          ...(protocol === null ? {} : { 'tako-protocol': String(protocol) }),
        },
      });
      request.on('error', reject);
      request.on('response', (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () =>
          resolve({
            url,
            status: response.statusCode ?? 0,
            body,
            protocol: String(response.headers['tako-protocol']),
          }),
        );
      });
      request.end(method === 'GET' ? undefined : '{}');
    });
  for (const [method, url] of [
    ['GET', '/trpc/server_info'],
    ['POST', '/trpc/acquire_lock'],
    ['PUT', `/artifacts/${'0'.repeat(64)}`],
  ] as const) {
    const answer = await call(method, url, theirs);
    expect(answer).toMatchObject({ url, status: 412 });
    expect(answer.body).toContain('PROTOCOL_MISMATCH');
    expect(answer.body).toMatch(new RegExp(`\\b${theirs}\\b.*\\b${PROTOCOL_VERSION}\\b`, 's'));
    expect(answer.protocol).toBe(String(PROTOCOL_VERSION));
  }
  const silent = await call('GET', '/trpc/server_info', null);
  expect(silent.status).toBe(412);
  expect(silent.body).toMatch(new RegExp(`\\b${PROTOCOL_VERSION}\\b`));
});
