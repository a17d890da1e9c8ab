import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { issuerLimits } from '../limits.ts';
import { parseCredentials, readSecretFile } from './credentials.ts';
import { openDnsProvider } from './open-dns-provider.ts';

describe('a credentials file', () => {
  it('has one key a line, comments, and quotes that are taken off', () => {
    expect(parseCredentials('# a\n\nA_KEY = x=y \nB="two words"\r\nC=\n', 'f')).toEqual({
      A_KEY: 'x=y',
      B: 'two words',
      C: '',
    });
    expect(() => parseCredentials('A=1\nnothing', '/etc/dns')).toThrow(
      '/etc/dns, line 2 is not `KEY=VALUE`.',
    );
  });

  it('is refused when others may read it, when it is missing or too large', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'credentials');
    await expect(readSecretFile(file)).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    await writeFile(file, 'A=1');
    await chmod(file, 0o640);
    await expect(readSecretFile(file)).rejects.toThrow(/read by others \(mode 640\)/);
    await chmod(file, 0o600);
    expect(await readSecretFile(file)).toBe('A=1');
    await writeFile(file, 'x'.repeat(issuerLimits.credentialsBytesMax));
    expect(await readSecretFile(file)).toHaveLength(issuerLimits.credentialsBytesMax);
    await writeFile(file, 'x'.repeat(issuerLimits.credentialsBytesMax + 1));
    await expect(readSecretFile(file)).rejects.toThrow(/At most|has/);
  });

  it('opens the provider that was named, or says which there are', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'credentials');
    await writeFile(file, 'DIGITALOCEAN_TOKEN=x\nPROPAGATION_SERVERS=192.0.2.1, [2001:db8::1]:53\n', {
      mode: 0o600,
    });
    expect(await openDnsProvider('digitalocean', file, Date.now)).toMatchObject({
      provider: { name: 'digitalocean' },
      servers: ['192.0.2.1', '[2001:db8::1]:53'],
    });
    await expect(openDnsProvider('godaddy', file, Date.now)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      hint: expect.stringContaining('rfc2136, route53'),
    });
    await expect(openDnsProvider('cloudflare', file, Date.now)).rejects.toThrow(/not complete/);
  });
});
