// Wildcards by DNS-01: pebble asks a real BIND, which the issuer updates.
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { openDnsProvider } from './dns/open-dns-provider.ts';
import { startChallengeServer } from './testing/challenge-server.ts';
import { hasNamed, startNamed } from './testing/named.ts';
import { hasPebble, startPebble } from './testing/pebble.ts';
import { issuedNames, startIssuer } from './testing/running-issuer.ts';

async function startWorld(zones: Readonly<Record<string, string>>, recursion = false) {
  await using undo = new AsyncDisposableStack();
  const challenges = undo.use(await startChallengeServer());
  const named = undo.use(await startNamed(zones, { recursion }));
  const dnsServer = `127.0.0.1:${named.port}`;
  const pebble = undo.use(await startPebble({ httpPort: challenges.httpPort, dnsServer }));
  const directory = undo.use(await temporaryDirectory());
  const resources = undo.move();
  return {
    challenges,
    named,
    pebble,
    directory: directory.path,
    openDns: async (name: string, lines: readonly string[]) => {
      const file = path.join(directory.path, 'credentials');
      await writeFile(file, [...lines, `PROPAGATION_SERVERS=${dnsServer}`].join('\n'), { mode: 0o600 });
      return openDnsProvider(name, file, Date.now);
    },
    rfc2136: [
      `RFC2136_SERVER=${dnsServer}`,
      `RFC2136_TSIG_NAME=${named.keyName}`,
      `RFC2136_TSIG_SECRET=${named.secret}`,
    ],
    options: {
      authorities: [{ directory: pebble.directory, externalAccount: null }],
      extraRoots: pebble.caPem,
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

describe.skipIf(!hasPebble || !hasNamed)('a wildcard route', () => {
  it('gets its certificate by DNS-01, together with its apex, and leaves no record behind', async () => {
    await using world = await startWorld({ 'example.com': '' });
    const dns = await world.openDns('rfc2136', world.rfc2136);
    await using running = await startIssuer({
      ...world,
      options: { ...world.options, dns, challenges: [] },
      routes: { web: ['*.example.com', 'example.com', 'www.example.com'] },
    });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    expect(issuedNames(running)).toEqual([['*.example.com', 'example.com']]);
    expect(world.named.output).toContain('deleting an RR at _acme-challenge.example.com TXT');
    expect(await world.named.texts('_acme-challenge.example.com')).toEqual([]);
  });

  it('follows a delegated challenge name to another zone', async () => {
    // Of its own zones it follows the CNAME only for clients that it resolves for.
    await using world = await startWorld(
      { 'example.com': '_acme-challenge CNAME example-com.acme.example.org.', 'acme.example.org': '' },
      true,
    );
    const dns = await world.openDns('rfc2136', world.rfc2136);
    await using running = await startIssuer({
      ...world,
      options: { ...world.options, dns },
      routes: { web: ['*.example.com'] },
    });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    expect(world.named.output).toContain("updating zone 'acme.example.org/IN'");
  });

  it('can have its records made by a program of the operator', async () => {
    await using world = await startWorld({ 'example.com': '' });
    const hook = path.join(world.directory, 'hook');
    await writeFile(
      hook,
      `#!/bin/sh
[ "$1" = add ] && change="update add $2 60 TXT $3" || change="update delete $2 TXT $3"
printf 'server 127.0.0.1 ${world.named.port}\\nzone example.com\\n%s\\nsend\\n' "$change" | nsupdate -y "hmac-sha256:${world.named.keyName}:$NSUPDATE_SECRET"
`,
    );
    await chmod(hook, 0o755);
    const dns = await world.openDns('exec', [`EXEC_HOOK=${hook}`, `NSUPDATE_SECRET=${world.named.secret}`]);
    await using running = await startIssuer({
      ...world,
      options: { ...world.options, dns },
      routes: { web: ['*.example.com'] },
    });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    expect(await world.named.texts('_acme-challenge.example.com')).toEqual([]);
  });

  it('whose provider refuses says so, and does not hold up the app’s other names', async () => {
    await using world = await startWorld({ 'example.com': '' });
    const [server, name] = world.rfc2136;
    const dns = await world.openDns('rfc2136', [
      server!,
      name!,
      `RFC2136_TSIG_SECRET=${Buffer.alloc(32).toString('base64')}`,
    ]);
    await using running = await startIssuer({
      ...world,
      options: { ...world.options, dns, challenges: ['http-01'] },
      routes: { web: ['*.example.com', 'example.com'] },
    });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    expect(issuedNames(running)).toEqual([['example.com']]);
    const [waiting] = running.issuer.list().filter(({ notAfter }) => notAfter === null);
    expect(waiting).toMatchObject({ names: ['*.example.com'], lastError: expect.stringContaining('BADSIG') });
  });

  it('without a provider says what is missing, and asks no CA', async () => {
    await using world = await startWorld({ 'example.com': '' });
    await using running = await startIssuer({
      ...world,
      routes: { web: ['*.example.com', 'example.com'] },
    });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    expect(issuedNames(running)).toEqual([['example.com']]);
    expect(running.issuer.list()).toContainEqual({
      names: ['*.example.com'],
      state: 'failing',
      source: 'acme',
      issuer: null,
      notAfter: null,
      nextTryAt: null,
      lastError: expect.stringContaining('--dns-provider'),
    });
  });
});
