// Connections that carry many requests, for many hosts, and how they end (RFC 9113 §5.1.2, §6.8, §9.1).
import { once } from 'node:events';
import { constants, type Settings } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { answerOf, Http2TestSession } from '../../conformance/http2-client.ts';
import { RawHttp2Client } from '../../conformance/http2-frames.ts';
import { makeCertificate } from '../../conformance/test-certificates.ts';
import { http2Lanes } from '../../conformance/http2-lanes.ts';
import { startApp } from '../../conformance/test-app.ts';
import { headOf, RawClient, statusOf } from '../../conformance/test-client.ts';
import { instanceAt, startPlane, testHost, until } from '../../conformance/test-plane.ts';

describe.each(http2Lanes)('$name', (lane) => {
  describe('one connection', () => {
    test('serves the hosts that its certificate covers, and says 421 for others', async () => {
      await using one = await startApp((_message, response) => response.end('one'));
      await using two = await startApp((_message, response) => response.end('two'));
      await using plane = await startPlane(lane, {
        deployments: [
          { id: 'one', routes: ['one.example.com', 'example.org'], instances: [instanceAt(one.port)] },
          { id: 'two', routes: ['two.example.com'], instances: [instanceAt(two.port)] },
        ],
        certificates: [
          await makeCertificate(['*.example.com']),
          await makeCertificate(['default.invalid'], true),
        ],
        https: true,
      });
      using client = new Http2TestSession({ port: plane.httpsPort, serverName: 'one.example.com' });
      const get = (host: string): ReturnType<typeof client.get> => client.get('/', { ':authority': host });
      const answers = await Promise.all(
        ['one.example.com', 'two.example.com', 'example.org', 'x.example.com'].map(get),
      );
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 421, 404]);
      expect(answers.slice(0, 2).map(({ body }) => body)).toEqual(['one', 'two']);
      using unproven = new Http2TestSession({ port: plane.httpsPort, serverName: 'elsewhere.example.net' });
      expect((await unproven.get('/', { ':authority': 'example.org' })).status).toBe(200);
    });

    test('is told our limits', async () => {
      await using plane = await startPlane(lane, {
        deployments: [],
        options: { limits: { http2StreamsMax: 5 } },
      });
      using client = new Http2TestSession({ port: plane.port });
      const [settings] = (await once(client.session, 'remoteSettings')) as [Settings];
      expect(settings).toMatchObject({
        maxConcurrentStreams: 5,
        maxHeaderListSize: 65_536,
        initialWindowSize: 65_536,
        enableConnectProtocol: true,
      });
    });

    test('ends after its last request, with GOAWAY and all answers', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { limits: { requestsPerConnectionMax: 3 } },
      });
      using client = new Http2TestSession({ port: plane.port });
      for (let turn = 0; turn < 3; turn += 1) expect((await client.get('/')).status).toBe(200);
      await client.closed();
      expect(client.goaway).toBe(constants.NGHTTP2_NO_ERROR);
    });

    test('ends when it is idle for too long, and not while a stream is open', async () => {
      const finish: (() => void)[] = [];
      await using app = await startApp((_message, response) => void finish.push(() => response.end('ok')));
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { limits: { keepAliveTimeoutMs: 200 } },
      });
      using client = new Http2TestSession({ port: plane.port });
      const answer = client.get('/');
      await until(() => finish.length === 1);
      await new Promise((resolve) => setTimeout(resolve, 500));
      finish[0]?.();
      expect((await answer).body).toBe('ok');
      expect(client.goaway).toBeNull();
      await client.closed();
      expect(client.goaway).toBe(constants.NGHTTP2_NO_ERROR);
      await until(() => plane.plane.inspect().connections.open === 0);
    });

    test('that never introduces itself, or is let go and stays, is closed', async () => {
      await using plane = await startPlane(lane, {
        deployments: [],
        options: { limits: { headTimeoutMs: 200, keepAliveTimeoutMs: 200, lingerMs: 100 } },
      });
      using silent = await RawClient.open(plane.port);
      using begun = await RawClient.open(plane.port);
      begun.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      using greeted = await RawHttp2Client.open(plane.port);
      await Promise.all([silent.ends(), begun.ends(), greeted.goawayCode()]);
      // None of them has closed its own side.
      await until(() => plane.plane.inspect().connections.open === 0);
    });

    test('of a cordoned server answers once and goes away', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      plane.plane.receive({ type: 'cordon', on: true });
      using client = new Http2TestSession({ port: plane.port });
      expect((await client.get('/')).status).toBe(503);
      await client.closed();
      expect(client.goaway).toBe(constants.NGHTTP2_NO_ERROR);
    });

    test('in clear needs the option: without it the preface is answered as the HTTP/1 it is not', async () => {
      await using plane = await startPlane(lane, { deployments: [], options: { h2c: false } });
      using client = await RawClient.open(plane.port);
      client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      expect(statusOf(await client.ends())).toBe(400);
    });

    test('in clear is told from HTTP/1 however its first bytes are cut', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      for (const text of [
        headOf('GET / HTTP/1.1', `Host: ${testHost}`, 'Connection: close'),
        headOf('PROPFIND / HTTP/1.1', `Host: ${testHost}`, 'Connection: close'),
      ]) {
        using client = await RawClient.open(plane.port);
        for (const octet of text) {
          client.send(octet);
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect(statusOf(await client.ends())).toBe(200);
      }
    });
  });

  describe('a lame duck', () => {
    test('tells every connection to go with the next request or when it is idle, and finishes what is under way', async () => {
      const finish: (() => void)[] = [];
      await using app = await startApp((message, response) => {
        if (message.url === '/slow') finish.push(() => response.end('slow'));
        else response.end('quick');
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using busy = new Http2TestSession({ port: plane.port });
      using idle = new Http2TestSession({ port: plane.port });
      const slow = busy.get('/slow');
      expect((await idle.get('/')).body).toBe('quick');
      await until(() => finish.length === 1);
      const over = plane.plane.lameDuck({ lameDuckMs: 200, drainMs: 5_000 });
      // Still answered, and told that it is the last one here.
      expect((await busy.get('/')).body).toBe('quick');
      await until(() => busy.goaway === constants.NGHTTP2_NO_ERROR);
      await idle.closed();
      expect(idle.goaway).toBe(constants.NGHTTP2_NO_ERROR);
      finish[0]?.();
      expect((await slow).body).toBe('slow');
      await busy.closed();
      expect(await over).toEqual({ endedStreams: 0, cutConnections: 0 });
    });

    test('ends streams properly at its deadline, and resets what has no answer', async () => {
      await using app = await startApp((message, response) => {
        if (message.url !== '/events') return;
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write('data: 1\n\n');
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      const events = client.get('/events');
      const never = client.get('/never');
      await until(() => app.accepted === 2);
      const result = await plane.plane.lameDuck({ lameDuckMs: 20, drainMs: 200 });
      expect((await events).body).toBe('data: 1\n\n');
      expect((await never).status).toBe(502);
      expect(result).toEqual({ endedStreams: 1, cutConnections: 1 });
    });
  });

  describe('a request that stays on a draining instance', () => {
    test('goes on while new ones of the same connection reach the next instance', async () => {
      const finish: (() => void)[] = [];
      await using old = await startApp((_message, response) => void finish.push(() => response.end('old')));
      await using next = await startApp((_message, response) => response.end('next'));
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(old.port, 'old')] }],
      });
      using client = new Http2TestSession({ port: plane.port });
      const under = answerOf(client.open());
      await until(() => finish.length === 1);
      plane.change([{ instances: [instanceAt(old.port, 'old', 'draining'), instanceAt(next.port, 'next')] }]);
      plane.plane.receive({ type: 'drain', instance: 'old', deadlineMs: 10_000 });
      for (let turn = 0; turn < 5; turn += 1) expect((await client.get('/')).body).toBe('next');
      finish[0]?.();
      expect((await under).body).toBe('old');
      expect((await plane.hears('drained')).instance).toBe('old');
    });
  });
});
