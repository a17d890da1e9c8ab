import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTestAuthority } from '../testing/certificate-authority.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { letsEncrypt, nameOfCa, parseExternalAccounts, readIssuerOptions } from './issuer-options.ts';
import type { IssuerOptionTexts } from './issuer-options.ts';

const texts: IssuerOptionTexts = {
  mode: 'on',
  directories: [],
  email: '',
  caFile: '',
  eabFile: '',
  dnsProvider: '',
  dnsCredentialsFile: '/nonexistent',
  check: true,
  renewalIntervalMs: 1,
};
const read = (over: Partial<IssuerOptionTexts>) => readIssuerOptions({ ...texts, ...over }, Date.now);
const invalid = { code: 'OPTION_INVALID' };

describe('the issuer’s options', () => {
  it('are Let’s Encrypt by themselves, its staging CA when that is asked for, and need no file', async () => {
    expect((await read({})).authorities).toEqual([{ directory: letsEncrypt.on, externalAccount: null }]);
    expect((await read({ mode: 'staging' })).authorities[0]?.directory).toBe(letsEncrypt.staging);
    expect(await read({})).toMatchObject({ dns: null, extraRoots: null, email: '' });
  });

  it('keep the CAs in their order, each once, with the accounts that belong to them', async () => {
    await using directory = await temporaryDirectory();
    const eabFile = path.join(directory.path, 'eab');
    await writeFile(eabFile, '# ZeroSSL\nhttps://b.example/dir kid-1 c2VjcmV0\n', { mode: 0o600 });
    const directories = ['https://a.example/dir', 'https://b.example/dir', 'https://a.example/dir'];
    expect((await read({ directories, eabFile })).authorities).toEqual([
      { directory: directories[0], externalAccount: null },
      { directory: directories[1], externalAccount: { keyId: 'kid-1', hmacKey: 'c2VjcmV0' } },
    ]);
  });

  it('take a root for the CA itself', async () => {
    await using directory = await temporaryDirectory();
    const { root } = await createTestAuthority(Date.now());
    const caFile = path.join(directory.path, 'root.pem');
    await writeFile(caFile, root);
    expect((await read({ caFile })).extraRoots).toBe(root);
    await writeFile(caFile, 'nothing');
    await expect(read({ caFile })).rejects.toMatchObject(invalid);
  });

  it.each([
    { directories: ['http://ca.example/dir'] },
    { directories: ['letsencrypt'] },
    { email: 'not an address' },
    { email: 'a@b.c,d@e.f' },
    { caFile: '/nonexistent/root.pem' },
    { eabFile: '/nonexistent/eab' },
    { dnsProvider: 'cloudflare' },
    { dnsProvider: 'nobody' },
  ])('are refused with what is wrong: %j', async (over) => {
    await expect(read(over)).rejects.toMatchObject(invalid);
  });

  it('name the line of an account file that cannot be read', () => {
    const good = 'https://a.example/dir kid aGVsbG8=';
    for (const line of [
      'https://a.example/dir kid',
      `${good} more`,
      'nowhere kid aGVsbG8=',
      'https://a.example/ k !!',
    ])
      expect(() => parseExternalAccounts(`${good}\n${line}`, 'f')).toThrow(/f, line 2|--acme-directory/);
    expect(() => parseExternalAccounts(`${good}\nx y`, '/etc/eab')).toThrow('/etc/eab, line 2');
  });

  it('name CAs for people', () => {
    expect(nameOfCa(letsEncrypt.on)).toBe('Let’s Encrypt');
    expect(nameOfCa('https://ca.example:8443/dir')).toBe('ca.example:8443');
  });
});
