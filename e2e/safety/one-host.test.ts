// Story: two environments of one app, and two apps that share a host name by path, live on one server and do not touch
// one another.
import { expect, test } from 'vitest';
import { createCliProject } from '../support/cli-project.ts';
import { ask } from '../support/http-get.ts';
import { startTestServer } from '../support/test-server.ts';
import { deployRelease, deployed } from '../support/test-release.ts';

const shopToml = `name = "shop"
runtime = "node"
main = "plain.js"
readiness = "http"
health_path = "/who"

[rollout]
stable_s = 0.1

[envs.production]
route = "shop.example.com"
servers = ["here"]
https_redirect = false

[envs.staging]
route = "staging.shop.example.com"
servers = ["here"]
https_redirect = false
`;

test('production and staging of one project are deployed, changed and deleted without touching one another', async () => {
  await using server = await startTestServer();
  await using project = await createCliProject({ takoToml: shopToml, socketPath: server.socketPath });
  const who = async (host: string) => {
    const answer = await ask({ port: server.httpPort, host, path: '/who' });
    const said = answer.status === 200 ? (JSON.parse(answer.body) as { env: string; pid: number }) : null;
    return { status: answer.status, version: answer.version, env: said?.env, pid: said?.pid };
  };
  await project.succeed(['deploy', '--env', 'production', '--yes']);
  await project.succeed(['deploy', '--env', 'staging', '--yes']);
  const production = await who('shop.example.com');
  const staging = await who('staging.shop.example.com');
  expect(production).toMatchObject({ status: 200, env: 'production' });
  expect(staging).toMatchObject({ status: 200, env: 'staging', version: production.version });

  await project.change('note.txt', 'a second version');
  await project.succeed(['deploy', '--env', 'staging', '--yes']);
  expect((await who('staging.shop.example.com')).version).not.toBe(staging.version);
  expect(await who('shop.example.com')).toEqual(production);

  const { deployments } = await server.client.api.status.query({});
  expect(deployments.map(({ deploymentId }) => deploymentId).sort()).toEqual(['shop', 'shop@staging']);
  await project.succeed(['delete', '--env', 'staging', '--confirm', 'shop', '--yes']);
  expect(await who('staging.shop.example.com')).toMatchObject({ status: 404 });
  expect(await who('shop.example.com')).toEqual(production);
});

test('two apps share a host by path; the same path twice is refused, naming both', async () => {
  await using server = await startTestServer();
  const { client, httpPort: port } = server;
  await deployed(client, { id: 'site', version: 'v1', routes: ['example.com'] });
  await deployed(client, { id: 'api', version: 'v1', routes: ['example.com/api/*'] });
  const appAt = async (path: string): Promise<string> => {
    const { body } = await ask({ port, host: 'example.com', path });
    return (JSON.parse(body) as { app: string }).app;
  };
  expect(await appAt('/who')).toBe('site');
  expect(await appAt('/api/who')).toBe('api');
  expect(await appAt('/apis/who')).toBe('site');
  expect((await ask({ port, host: 'other.example.com' })).status).toBe(404);

  const third = deployRelease(client, { id: 'third', version: 'v1', routes: ['example.com/api/*'] });
  await expect(third).rejects.toMatchObject({ code: 'ROUTE_CONFLICT', details: { owner: 'api' } });
  await expect(third).rejects.toThrow(/example\.com\/api\/\*.*third.*api/);
  await deployed(client, { id: 'api', version: 'v2', routes: ['example.com/api/*'] });
  expect(await appAt('/who')).toBe('site');
});
