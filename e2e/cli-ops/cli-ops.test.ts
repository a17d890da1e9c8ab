// The commands of operators, on two real servers that all of these tests share: servers take longest to start.
import { afterAll, beforeAll, describe } from 'vitest';
import { testLogs } from './logs.ts';
import { testTerminal } from './terminal.ts';
import { testTraffic } from './traffic.ts';
import { testWatch } from './watch.ts';
import { startTwoServers, type TwoServers } from './two-servers.ts';

let servers: TwoServers;
const place = (): TwoServers => servers;
beforeAll(async () => {
  servers = await startTwoServers({ version: 'v1', behaviour: 'says' });
});
afterAll(() => servers[Symbol.asyncDispose]());

describe('logs', () => {
  testLogs(place);
});
describe('traffic', () => {
  testTraffic(place);
});
describe('watch', () => {
  testWatch(place);
});
describe('terminal', () => {
  testTerminal(place);
});
