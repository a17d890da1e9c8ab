// Certificates by themselves in a whole daemon: a deploy, pebble's validation through the data plane, the certificate at
// the TLS listener.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { plainApp, quickRollout } from '../testing/apps.ts';
import { runDaemon } from '../testing/running-daemon.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { startFaultyCa } from './testing/faulty-ca.ts';
import { freePort, hasPebble, startPebble } from './testing/pebble.ts';

/** Names of the certificate that is served for that name; throws when it is not trusted. */
function servedNames(port: number, name: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: name, ca }, () => {
      resolve(socket.getPeerCertificate().subjectaltname ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

describe.skipIf(!hasPebble)('a daemon, with pebble', () => {
  it.each(['0', '2'])(
    'with --workers %s serves a certificate soon after the deploy, which it did not hold up',
    async (workers) => {
      await using directory = await temporaryDirectory();
      const httpPort = await freePort();
      await using pebble = await startPebble({ httpPort });
      const caFile = path.join(directory.path, 'ca.pem');
      await writeFile(caFile, pebble.caPem);
      await using running = await runDaemon({
        flags: [
          `--http-port ${httpPort} --workers ${workers} --acme on --acme-check false`,
          `--acme-directory ${pebble.directory} --acme-ca-file ${caFile}`,
        ].flatMap((line) => line.split(' ')),
      });
      const events = await running.deploy({
        version: 'v1',
        files: plainApp('v1'),
        manifest: { rollout: quickRollout },
        routes: ['web.example.com', 'example.com/shop'],
      });
      expect(events.at(-1)).toMatchObject({ type: 'deployed' });
      const issued = async () => {
        const list = await running.client.api.certificates.query(undefined);
        return list.find(({ source, notAfter }) => source === 'acme' && notAfter !== null);
      };
      await expect
        .poll(issued, { timeout: 15_000 })
        .toMatchObject({ names: ['example.com', 'web.example.com'] });
      const root = await pebble.root();
      await expect
        .poll(() => servedNames(running.httpsPort, 'web.example.com', root).catch(String), { timeout: 5_000 })
        .toBe('DNS:example.com, DNS:web.example.com');
    },
  );

  it('answers TLS-ALPN-01 at its TLS listener, in every worker', async () => {
    await using directory = await temporaryDirectory();
    const httpsPort = await freePort();
    await using pebble = await startPebble({ tlsPort: httpsPort });
    await using ca = await startFaultyCa(pebble);
    ca.withheld = ['http-01'];
    const caFile = path.join(directory.path, 'ca.pem');
    await writeFile(caFile, pebble.caPem);
    await using running = await runDaemon({
      flags: [
        `--https-port ${httpsPort} --workers 2 --acme on --acme-check false`,
        `--acme-directory ${ca.directory} --acme-ca-file ${caFile}`,
      ].flatMap((line) => line.split(' ')),
    });
    await running.deploy({
      version: 'v1',
      files: plainApp('v1'),
      manifest: { rollout: quickRollout },
      routes: ['web.example.com'],
    });
    const root = await pebble.root();
    await expect
      .poll(() => servedNames(running.httpsPort, 'web.example.com', root).catch(String), { timeout: 15_000 })
      .toBe('DNS:web.example.com');
  });

  it('says at the deploy that a wildcard without a DNS provider is served the self-signed one, and serves it', async () => {
    await using directory = await temporaryDirectory();
    await using pebble = await startPebble();
    const caFile = path.join(directory.path, 'ca.pem');
    await writeFile(caFile, pebble.caPem);
    await using running = await runDaemon({
      flags:
        `--acme on --acme-check false --acme-directory ${pebble.directory} --acme-ca-file ${caFile}`.split(
          ' ',
        ),
    });
    const { api } = running.client;
    const app = { version: 'v1', files: plainApp('v1'), manifest: { rollout: quickRollout } };
    const routes = ['*.example.com'];
    const { problems } = await api.preflight.query({
      deploymentId: 'web',
      routes,
      arch: process.arch,
      artifactBytes: 0,
    });
    expect(problems).toMatchObject([{ code: 'WILDCARD_WITHOUT_CERTIFICATE' }]);
    await running.deploy({ ...app, routes });
    const socket = connect({
      host: '127.0.0.1',
      port: running.httpsPort,
      servername: 'a.example.com',
      rejectUnauthorized: false,
    });
    await once(socket, 'secureConnect');
    expect(socket.getPeerCertificate().subject.CN).toBe('Tako self-signed');
    socket.write('GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n');
    expect(String((await once(socket, 'data'))[0])).toContain('HTTP/1.1 200');
    socket.destroy();
    const { deployments } = await api.status.query({});
    expect(deployments[0]?.certificates).toMatchObject([
      {
        host: '*.example.com',
        source: 'self-signed',
        state: 'failing',
        lastError: expect.stringContaining('--dns-provider'),
      },
    ]);
    expect(pebble.output).not.toContain('Added order');
  });
});
