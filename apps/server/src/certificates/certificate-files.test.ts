import { X509Certificate, createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { connect, createServer } from 'node:tls';
import { openStore } from '@tako/store';
import { describe, expect, it } from 'vitest';
import { createTestAuthority } from '../testing/certificate-authority.ts';
import { recordingLog } from '../testing/silent-log.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { CertificateFiles } from './certificate-files.ts';
import { certificateLimits } from './limits.ts';

const NOW = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;
const authority = await createTestAuthority(NOW);
const dates = { notBefore: NOW - DAY, notAfter: NOW + 90 * DAY };

async function issue(names: readonly string[], over: Partial<typeof dates & { rsaBits: number }> = {}) {
  const { leaf, privateKey } = await authority.issue({ names, ...dates, ...over });
  return { certificate: leaf + authority.intermediate, privateKey, leaf };
}

async function temporaryCertificates() {
  const directory = await temporaryDirectory();
  const store = openStore({ file: path.join(directory.path, 'state.sqlite3') });
  const clock = { now: NOW };
  const { log, lines } = recordingLog();
  const create = () =>
    new CertificateFiles({
      dataDir: directory.path,
      certificates: store.certificates,
      nowMs: () => clock.now,
      log,
    });
  const files = create();
  await files.open();
  return {
    files,
    create,
    clock,
    store,
    lines,
    dir: path.join(directory.path, 'certs'),
    async [Symbol.asyncDispose]() {
      store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

describe('the self-signed default', () => {
  it('is made at the first start, ECDSA P-256, served by TLS, kept to the daemon', async () => {
    await using fixture = await temporaryCertificates();
    const [view, ...others] = await fixture.files.views();
    expect(others).toEqual([]);
    expect(view).toMatchObject({ isDefault: true, names: ['localhost'] });
    const certificate = new X509Certificate(view!.certificate);
    expect(certificate.checkHost('localhost')).toBe('localhost');
    expect(certificate.ca).toBe(false);
    expect(certificate.checkPrivateKey(createPrivateKey(view!.privateKey))).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
    for (const name of await readdir(fixture.dir))
      expect((await stat(path.join(fixture.dir, name))).mode & 0o777).toBe(0o600);
    await using server = createServer({ cert: view!.certificate, key: view!.privateKey }).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect({
      port,
      host: '127.0.0.1',
      servername: 'unknown.example.com',
      rejectUnauthorized: false,
    });
    await once(socket, 'secureConnect');
    expect(socket.getPeerX509Certificate()?.fingerprint256).toBe(certificate.fingerprint256);
    socket.destroy();
  });

  it('stays until shortly before its end, then there is another', async () => {
    await using fixture = await temporaryCertificates();
    const first = (await fixture.files.views())[0]!.certificate;
    const { selfSignedLifetimeMs, selfSignedRenewBeforeMs } = certificateLimits;
    // X.509 counts whole seconds.
    fixture.clock.now = NOW + selfSignedLifetimeMs - selfSignedRenewBeforeMs - 1000;
    expect(await fixture.files.renewSelfSigned()).toBe(false);
    const again = fixture.create();
    await again.open();
    expect((await again.views())[0]!.certificate).toBe(first);
    fixture.clock.now += 1000;
    expect(await fixture.files.renewSelfSigned()).toBe(true);
    expect((await fixture.files.views())[0]!.certificate).not.toBe(first);
    expect(fixture.files.list()).toHaveLength(1);
  });

  it('cannot be removed', async () => {
    await using fixture = await temporaryCertificates();
    await expect(fixture.files.remove('localhost')).rejects.toMatchObject({ code: 'CERTIFICATE_NOT_FOUND' });
  });
});

describe('a custom certificate', () => {
  it('is stored with its chain and names, in lower case, and survives a restart and lost rows', async () => {
    await using fixture = await temporaryCertificates();
    const pair = await issue(['*.Example.com', 'example.com']);
    const status = await fixture.files.add(pair);
    expect(status).toEqual({
      names: ['*.example.com', 'example.com'],
      source: 'custom',
      state: 'valid',
      issuer: 'Test CA',
      notAfter: dates.notAfter,
      lastError: null,
      nextTryAt: null,
    });
    expect(await readdir(fixture.dir)).toEqual([
      '_.example.com.crt',
      '_.example.com.key',
      '_default.crt',
      '_default.key',
    ]);
    fixture.store.certificates.delete('_.example.com');
    const next = fixture.create();
    await next.open();
    const views = await next.views();
    expect(views.map((view) => [view.isDefault, view.names])).toEqual([
      [true, ['localhost']],
      [false, ['*.example.com', 'example.com']],
    ]);
    expect(views[1]!.certificate.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(next.list()[0]).toEqual(status);
  });

  it('replaces the one of the same first name, and is removed by any of its names', async () => {
    await using fixture = await temporaryCertificates();
    await fixture.files.add(await issue(['a.com', 'b.com']));
    const renewed = await issue(['a.com', 'c.com'], { notAfter: NOW + 200 * DAY });
    await fixture.files.add(renewed);
    expect(fixture.files.list().map((status) => status.names)).toEqual([['localhost'], ['a.com', 'c.com']]);
    expect((await fixture.files.views())[1]!.privateKey.trim()).toBe(renewed.privateKey.trim());
    await fixture.files.remove('C.com');
    expect(fixture.files.list()).toHaveLength(1);
    expect(await readdir(fixture.dir)).toEqual(['_default.crt', '_default.key']);
    await expect(fixture.files.remove('a.com')).rejects.toMatchObject({ code: 'CERTIFICATE_NOT_FOUND' });
  });

  it('leaves its names to an issued one when it has ended', async () => {
    await using fixture = await temporaryCertificates();
    await fixture.files.add(await issue(['a.example.com'], { notAfter: NOW + DAY }));
    const issued = await issue(['a.example.com']);
    const acme = { directory: 'ca', issuedAt: NOW, renewAt: NOW + 60 * DAY, ariId: null, ariNextAt: null };
    await fixture.files.issued.add(issued, ['a.example.com'], () => acme);
    const served = async () => (await fixture.files.views()).at(-1)?.certificate;
    expect(await served()).not.toBe(issued.certificate);
    expect(fixture.files.customNames()).toEqual(['a.example.com']);
    fixture.clock.now = NOW + DAY;
    expect(fixture.files.list()).toContainEqual(expect.objectContaining({ state: 'expired' }));
    expect(fixture.files.customNames()).toEqual([]);
    expect(await served()).toBe(issued.certificate);
  });

  it('is refused, saying why, when it could not be served', async () => {
    await using fixture = await temporaryCertificates();
    const good = await issue(['a.com']);
    const other = await issue(['b.com']);
    const encrypted = createPrivateKey(good.privateKey).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    });
    const refused: readonly (readonly [RegExp, { certificate: string; privateKey: string }])[] = [
      [/no PEM certificate/, { ...good, certificate: 'hello' }],
      [
        /number 1 is not readable/,
        { ...good, certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
      ],
      [/private key is not readable/, { ...good, privateKey: 'hello' }],
      [/private key is not readable/, { ...good, privateKey: encrypted }],
      [/private key is not that of the first/, { ...good, privateKey: other.privateKey }],
      [/private key is not that of the first/, { ...good, certificate: authority.intermediate + good.leaf }],
      [/number 2 of the chain did not sign number 1/, { ...good, certificate: good.leaf + authority.root }],
      [
        /number 3 of the chain did not sign number 2/,
        { ...good, certificate: good.certificate + other.leaf },
      ],
      [/at most 10/, { ...good, certificate: good.certificate + authority.root.repeat(9) }],
      [/names no DNS host/, await issue([])],
      [/names no DNS host/, await issue(['under_score.com'])],
      [/expired on/, await issue(['a.com'], { notBefore: NOW - 9 * DAY, notAfter: NOW })],
      [/not valid before/, await issue(['a.com'], { notBefore: NOW + DAY })],
      [/TLS refuses it/, await issue(['a.com'], { rsaBits: 1024 })],
    ];
    for (const [reason, pair] of refused) {
      const adding = fixture.files.add({ certificate: pair.certificate, privateKey: pair.privateKey });
      await expect(adding).rejects.toMatchObject({
        code: 'CERTIFICATE_INVALID',
        message: expect.stringMatching(reason),
      });
    }
    expect(await readdir(fixture.dir)).toEqual(['_default.crt', '_default.key']);
    expect(
      await fixture.files.add({
        certificate: good.certificate + authority.root,
        privateKey: good.privateKey,
      }),
    ).toMatchObject({ names: ['a.com'] });
    expect(await fixture.files.add(await issue(['rsa.com'], { rsaBits: 2048 }))).toMatchObject({
      names: ['rsa.com'],
    });
  });

  it('is the old or the new one after a crash at each step of a replacement', async () => {
    const states = ['key staged', 'both staged', 'key renamed'] as const;
    for (const state of states) {
      await using fixture = await temporaryCertificates();
      const old = await issue(['a.com']);
      const renewed = await issue(['a.com']);
      await fixture.files.add(old);
      const file = (suffix: string) => path.join(fixture.dir, `a.com${suffix}`);
      await writeFile(file('.key.next'), renewed.privateKey);
      if (state !== 'key staged') await writeFile(file('.crt.next'), renewed.certificate);
      if (state === 'key renamed') await rename(file('.key.next'), file('.key'));
      await writeFile(path.join(fixture.dir, '.a.com.crt.next.0123456789ab.tmp'), 'half');
      const next = fixture.create();
      await next.open();
      const expected = state === 'key staged' ? old : renewed;
      const view = (await next.views())[1];
      expect([state, view?.privateKey.trim()]).toEqual([state, expected.privateKey.trim()]);
      expect(new X509Certificate(view!.certificate).checkPrivateKey(createPrivateKey(view!.privateKey))).toBe(
        true,
      );
      expect((await readdir(fixture.dir)).filter((name) => name.includes('next'))).toEqual([]);
    }
  });

  it('whose files are gone or damaged is left out, reported, and hurts no other', async () => {
    await using fixture = await temporaryCertificates();
    await fixture.files.add(await issue(['a.com']));
    await fixture.files.add(await issue(['b.com']));
    await rm(path.join(fixture.dir, 'a.com.key'));
    expect((await fixture.files.views()).map((view) => view.names)).toEqual([['localhost'], ['b.com']]);
    await writeFile(path.join(fixture.dir, 'b.com.crt'), 'damaged');
    const next = fixture.create();
    await next.open();
    expect((await next.views()).map((view) => view.names)).toEqual([['localhost']]);
    expect(fixture.lines.map((line) => line.msg)).toEqual(
      expect.arrayContaining(['certificate files are missing', 'stored certificate is not usable']),
    );
  });
});
