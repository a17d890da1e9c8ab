import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addServer, removeServer, updateServer } from './inventory-edit.ts';
import { findServer, localSocketOf, parseInventory } from './inventory.ts';
import { isTakoError } from './tako-error.ts';

const file = '~/.tako/config.toml';

const sample = `# My servers. Do not edit by hand? Do.

# Frankfurt, the big one
[[servers]]
name = "fra-1"
host = "203.0.113.7" # behind the firewall
user = "root"

# the old one
# (goes in spring)
[[servers]]
name = "fra-2"
host = "fra2.example.com"
port = 2222
ssh_key = "~/.ssh/fra"
description = "old"
arch = "arm64"
libc = "musl"
socket = "/run/other/tako.sock"

[[servers]]
name = "local"
host = "unix:/run/user/1000/tako.sock"
`;

function problemsOf(text: string): readonly string[] {
  try {
    parseInventory(text, file);
  } catch (error) {
    if (!isTakoError(error) || error.code !== 'INVENTORY_INVALID') throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

describe('the inventory', () => {
  it('reads servers with their defaults', () => {
    expect(parseInventory(sample, file).servers).toEqual([
      {
        name: 'fra-1',
        host: '203.0.113.7',
        port: 22,
        user: 'root',
        description: null,
        sshKey: null,
        arch: null,
        libc: null,
        socket: null,
      },
      {
        name: 'fra-2',
        host: 'fra2.example.com',
        port: 2222,
        user: 'tako',
        description: 'old',
        sshKey: '~/.ssh/fra',
        arch: 'arm64',
        libc: 'musl',
        socket: '/run/other/tako.sock',
      },
      {
        name: 'local',
        host: 'unix:/run/user/1000/tako.sock',
        port: 22,
        user: 'tako',
        description: null,
        sshKey: null,
        arch: null,
        libc: null,
        socket: null,
      },
    ]);
  });

  it('is empty where the file is', () => {
    expect(parseInventory('', file).servers).toEqual([]);
    expect(parseInventory('# nothing yet\n', file).servers).toEqual([]);
  });

  it('is frozen', () => {
    const inventory = parseInventory(sample, file);
    expect([inventory, inventory.servers, inventory.servers[0]].every(Object.isFrozen)).toBe(true);
  });

  it('knows a local server by its socket', () => {
    const inventory = parseInventory(sample, file);
    expect(inventory.servers.map(localSocketOf)).toEqual([null, null, '/run/user/1000/tako.sock']);
  });

  it('names the nearest server to one it does not have', () => {
    const inventory = parseInventory(sample, file);
    expect(findServer(inventory, 'fra-2').host).toBe('fra2.example.com');
    expect(() => findServer(inventory, 'fra-3')).toThrow(
      expect.objectContaining({
        code: 'SERVER_UNKNOWN',
        message: '~/.tako/config.toml has no server "fra-3"',
        hint: 'Did you mean "fra-1"? Known: fra-1, fra-2, local. Add one: tako servers add user@host --name fra-3',
      }),
    );
    expect(() => findServer(parseInventory('', file), 'a')).toThrow(
      expect.objectContaining({
        hint: 'No server is known yet. Add one: tako servers add user@host --name a',
      }),
    );
  });

  const hostRule =
    'a host name, an address, an alias from ~/.ssh/config, or "unix:/path"; user and port have keys of their own';
  it.each<[string, string, readonly string[]]>([
    [
      'no name',
      '[[servers]]\nhost = "a"',
      [
        `${file}:1: servers[0].name: found nothing; allowed: 1-63 of a-z, 0-9 and "-", starting with a letter and not ending with "-"`,
      ],
    ],
    [
      'no host',
      '[[servers]]\nname = "a"',
      [`${file}:1: servers[0].host: found nothing; allowed: ${hostRule}`],
    ],
    [
      'a user in the host',
      '[[servers]]\nname = "a"\nhost = "me@b"',
      [`${file}:3: servers[0].host: found "me@b"; allowed: ${hostRule}`],
    ],
    [
      'a port in the host',
      '[[servers]]\nname = "a"\nhost = "b:22"',
      [`${file}:3: servers[0].host: found "b:22"; allowed: ${hostRule}`],
    ],
    [
      'an option of ssh as host',
      '[[servers]]\nname = "a"\nhost = "-oProxyCommand=x"',
      [`${file}:3: servers[0].host: found "-oProxyCommand=x"; allowed: ${hostRule}`],
    ],
    [
      'an option of ssh as key',
      '[[servers]]\nname = "a"\nhost = "b"\nssh_key = "-x"',
      [`${file}:4: servers[0].ssh_key: found "-x"; allowed: the path of a private key`],
    ],
    [
      'an option of ssh as user',
      '[[servers]]\nname = "a"\nhost = "b"\nuser = "-x"',
      [`${file}:4: servers[0].user: found "-x"; allowed: a user name`],
    ],
    [
      'a relative socket',
      '[[servers]]\nname = "a"\nhost = "unix:tako.sock"',
      [`${file}:3: servers[0].host: found "unix:tako.sock"; allowed: ${hostRule}`],
    ],
    [
      'a name twice',
      '[[servers]]\nname = "a"\nhost = "b"\n[[servers]]\nname = "a"\nhost = "c"',
      [`${file}:5: servers[1].name: found "a" a second time; allowed: each name once`],
    ],
    [
      'a host twice',
      '[[servers]]\nname = "a"\nhost = "b"\n[[servers]]\nname = "c"\nhost = "B"',
      [`${file}:6: servers[1].host: found the address of the server "a"; allowed: each host once`],
    ],
    [
      'a port that is none',
      '[[servers]]\nname = "a"\nhost = "b"\nport = 0',
      [`${file}:4: servers[0].port: found 0; allowed: an integer from 1 to 65535`],
    ],
    [
      'a mistyped key',
      '[[servers]]\nname = "a"\nhots = "b"\nhost = "b"',
      [`${file}:3: servers[0].hots: found an unknown key; allowed: "host" (did you mean that?)`],
    ],
    [
      'keys above the first entry',
      'name = "a"',
      [`${file}:1: name: found an unknown key; allowed: "name" below a [[servers]] line`],
    ],
    [
      'one table',
      '[servers]\nname = "a"',
      [`${file}:1: servers: found a table; allowed: a list of at most 1000 servers`],
    ],
    [
      'a syntax error',
      '[[servers',
      [
        `${file}:1: found a syntax error (incomplete array table declaration: expected ] after a table declaration); allowed: valid TOML (https://toml.io)`,
      ],
    ],
  ])('says what is wrong: %s', (_, text, problems) => {
    const lines = problemsOf(text);
    expect(lines.map((line) => line.replace(/syntax error \(.*\)/, 'syntax error'))).toEqual(
      problems.map((line) => line.replace(/syntax error \(.*\)/, 'syntax error')),
    );
  });

  it('allows one host with two ports or two sockets: they are two daemons', () => {
    const entry = (name: string, more: string): string =>
      `[[servers]]\nname = "${name}"\nhost = "b"\n${more}\n`;
    expect(
      problemsOf(entry('a', '') + entry('c', 'port = 2222') + entry('d', 'socket = "/run/b.sock"')),
    ).toEqual([]);
  });

  it.each([
    'b',
    'my_alias',
    '203.0.113.7',
    '2001:db8::1',
    'b.example.com',
    'unix:/run/tako/tako.sock',
    `unix:/${'a'.repeat(106)}`,
  ])('takes the host %s', (host) => {
    expect(problemsOf(`[[servers]]\nname = "a"\nhost = "${host}"`)).toEqual([]);
  });
  it.each(['', ' b', 'b c', '$(x)', 'b;c', "b'c", 'b/c', '2001:db8::g', `unix:/${'a'.repeat(107)}`])(
    'refuses the host %j',
    (host) => {
      expect(problemsOf(`[[servers]]\nname = "a"\nhost = ${JSON.stringify(host)}`)).toHaveLength(1);
    },
  );
});

describe('addServer', () => {
  it('appends an entry and touches nothing else', () => {
    const text = addServer(
      sample,
      { name: 'ams', host: 'ams.example.com', description: 'a "new" one' },
      file,
    );
    expect(text).toBe(
      `${sample}\n[[servers]]\nname = "ams"\nhost = "ams.example.com"\ndescription = "a \\"new\\" one"\n`,
    );
  });

  it('begins an empty file', () => {
    expect(addServer('', { name: 'a', host: 'b', port: 22 }, file)).toBe(
      '[[servers]]\nname = "a"\nhost = "b"\nport = 22\n',
    );
  });

  it('keeps the line ends of the file', () => {
    expect(addServer('# mine\r\n', { name: 'a', host: 'b' }, file)).toBe(
      '# mine\r\n\r\n[[servers]]\r\nname = "a"\r\nhost = "b"\r\n',
    );
  });

  it('adds to an inline list', () => {
    expect(addServer('servers = []\n', { name: 'a', host: 'b' }, file)).toBe(
      'servers = [ { name = "a", host = "b" } ]\n',
    );
    const one = 'servers = [{ name = "a", host = "b", port = 1 }] # mine\n';
    expect(addServer(one, { name: 'c', host: 'd' }, file)).toBe(
      'servers = [{ name = "a", host = "b", port = 1 }, { name = "c", host = "d" }] # mine\n',
    );
  });

  it('refuses a known name or address, and an entry that is not allowed', () => {
    expect(() => addServer(sample, { name: 'fra-1', host: 'x' }, file)).toThrow(
      expect.objectContaining({
        code: 'SERVER_NAME_TAKEN',
        message: '~/.tako/config.toml already has a server named "fra-1"',
      }),
    );
    expect(() => addServer(sample, { name: 'x', host: '203.0.113.7' }, file)).toThrow(
      expect.objectContaining({
        code: 'SERVER_NAME_TAKEN',
        message: '~/.tako/config.toml already has the address of "x" as the server "fra-1"',
      }),
    );
    expect(() => addServer(sample, { name: 'X', host: 'y' }, file)).toThrow(
      expect.objectContaining({ code: 'INVENTORY_INVALID' }),
    );
  });
});

describe('removeServer', () => {
  it('takes the entry with the comment directly above it, and leaves the others theirs', () => {
    expect(removeServer(sample, 'fra-1', file)).toBe(sample.replace(/# Frankfurt[^]*?(?=# the old)/, ''));
    expect(removeServer(sample, 'fra-2', file)).toBe(
      sample.replace(/# the old[^]*?(?=\[\[servers\]\]\nname = "local")/, ''),
    );
    expect(removeServer(sample, 'local', file)).toBe(
      sample.replace(/\[\[servers\]\]\nname = "local"[^]*/, ''),
    );
  });

  it('takes from an inline list', () => {
    const two = 'servers = [\n  { name = "a", host = "b" }, # first\n  { name = "c", host = "d" },\n]\n';
    expect(parseInventory(removeServer(two, 'a', file), file).servers.map((server) => server.name)).toEqual([
      'c',
    ]);
    expect(parseInventory(removeServer(two, 'c', file), file).servers.map((server) => server.name)).toEqual([
      'a',
    ]);
  });

  it('refuses an unknown name', () => {
    expect(() => removeServer(sample, 'x', file)).toThrow(
      expect.objectContaining({ code: 'SERVER_UNKNOWN' }),
    );
  });
});

describe('updateServer', () => {
  it('replaces a value and keeps the comment behind it', () => {
    expect(updateServer(sample, { name: 'fra-1', changes: { host: '203.0.113.8' } }, file)).toBe(
      sample.replace('203.0.113.7', '203.0.113.8'),
    );
  });
  it('adds a key to its own entry', () => {
    expect(updateServer(sample, { name: 'fra-1', changes: { arch: 'x64', libc: 'glibc' } }, file)).toBe(
      sample.replace('user = "root"\n', 'user = "root"\narch = "x64"\nlibc = "glibc"\n'),
    );
  });
  it('takes a key out', () => {
    expect(
      updateServer(
        sample,
        { name: 'fra-2', changes: { description: null, socket: null, arch: 'x64' } },
        file,
      ),
    ).toBe(
      sample
        .replace('description = "old"\n', '')
        .replace('socket = "/run/other/tako.sock"\n', '')
        .replace('arm64', 'x64'),
    );
  });
  it('refuses what would make the file wrong', () => {
    expect(() =>
      updateServer(
        sample,
        { name: 'fra-2', changes: { host: '203.0.113.7', port: null, socket: null } },
        file,
      ),
    ).toThrow(expect.objectContaining({ code: 'INVENTORY_INVALID' }));
  });
});

it('edits lose no server and no comment, in any order', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'fra-1', 'fra-2', 'local');
  const description = fc.string({ maxLength: 20, unit: 'grapheme' });
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), name, description }),
    fc.record({ kind: fc.constant('remove' as const), name, description }),
    fc.record({ kind: fc.constant('update' as const), name, description }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      let text = sample;
      const expected = new Map<string, string | null>(
        parseInventory(text, file).servers.map((server) => [server.name, server.description]),
      );
      for (const { kind, name, description } of steps) {
        if ((kind === 'add') === expected.has(name)) continue;
        if (kind === 'add') text = addServer(text, { name, host: `${name}.example`, description }, file);
        else if (kind === 'remove') text = removeServer(text, name, file);
        else text = updateServer(text, { name, changes: { description } }, file);
        if (kind === 'remove') expected.delete(name);
        else expected.set(name, description);
      }
      expect(
        new Map(parseInventory(text, file).servers.map((server) => [server.name, server.description])),
      ).toEqual(expected);
      expect(text.startsWith('# My servers.')).toBe(true);
    }),
  );
});
