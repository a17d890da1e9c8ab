// gRPC from end to end: grpc-js as the client over TLS with ALPN (and in clear), as the app in clear, the data plane
// between them.
import { once } from 'node:events';
import { type ClientReadableStream, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { makeCertificate } from '../conformance/test-certificates.ts';
import { refusingPort } from '../conformance/test-app.ts';
import { h2cInstanceAt, startPlane, testHost, type TestPlane, until } from '../conformance/test-plane.ts';
import type { Limits } from '../limits.ts';
import { EchoClient, startEchoApp } from './echo-service.ts';

const lane = { name: 'HTTP/2 lane', lanes: 'all', client: 'http2' } as const;

interface Ends {
  readonly plane: TestPlane;
  readonly client: EchoClient;
}

async function connect(
  port: number,
  how: 'TLS' | 'clear',
  limits: Partial<Limits> = {},
): Promise<Ends & AsyncDisposable> {
  const certificate = await makeCertificate([testHost]);
  const plane = await startPlane(lane, {
    deployments: [{ instances: [h2cInstanceAt(port, 'one')] }],
    certificates: [certificate],
    https: true,
    options: { limits },
  });
  const client =
    how === 'TLS'
      ? new EchoClient(plane.httpsPort, certificate.certificate)
      : new EchoClient(plane.port, null);
  return {
    plane,
    client,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await plane.plane.close();
    },
  };
}

async function codeOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return status.OK;
  } catch (error) {
    return (error as ServiceError).code;
  }
}

interface Outcome {
  readonly messages: readonly string[];
  readonly code: number;
  readonly details: string;
}

/** All messages of a stream, and the status that it ended with. */
function outcomeOf(call: ClientReadableStream<string>): Promise<Outcome> {
  const messages: string[] = [];
  call.on('data', (message: string) => messages.push(message));
  // The status is told beside it.
  call.on('error', () => undefined);
  return new Promise((resolve) => {
    call.once('status', ({ code, details }) => resolve({ messages, code, details }));
  });
}

describe.each(['TLS', 'clear'] as const)('gRPC over %s', (how) => {
  test('a unary call, with metadata both ways', async () => {
    await using app = await startEchoApp();
    await using ends = await connect(app.port, how);
    const metadata = new Metadata();
    metadata.set('x-there', 'and back');
    const answer = await ends.client.echo('hello', { metadata });
    expect([answer.message, answer.metadata.get('x-back')]).toEqual(['hello', ['and back']]);
  });

  test('an error comes in trailers, with its details and metadata', async () => {
    await using app = await startEchoApp();
    await using ends = await connect(app.port, how);
    await expect(ends.client.echo('fail')).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: 'not now: Grüße',
    });
  });

  test('a method that the app does not have is its own answer', async () => {
    await using app = await startEchoApp();
    await using ends = await connect(app.port, how);
    const call = ends.client.makeServerStreamRequest(
      '/test.Echo/Nothing',
      (value: string) => Buffer.from(value),
      (bytes: Buffer) => bytes.toString(),
      '',
    );
    expect(await outcomeOf(call)).toMatchObject({ messages: [], code: status.UNIMPLEMENTED });
  });

  test('a stream of the server comes whole and in order', async () => {
    await using app = await startEchoApp();
    await using ends = await connect(app.port, how);
    const { messages, code } = await outcomeOf(ends.client.count('2000'));
    expect(code).toBe(status.OK);
    expect(messages).toEqual(Array.from({ length: 2000 }, (_each, index) => String(index)));
  });

  test('both talk in turns on one stream', async () => {
    await using app = await startEchoApp();
    await using ends = await connect(app.port, how);
    const call = ends.client.talk();
    for (const word of ['one', 'two', 'three']) {
      call.write(word);
      expect(await once(call, 'data')).toEqual([`you said ${word}`]);
    }
    call.end();
    expect((await outcomeOf(call)).code).toBe(status.OK);
  });

  test('messages of megabytes go through flow control both ways', async () => {
    await using app = await startEchoApp();
    await using ends = await connect(app.port, how);
    const large = 'x'.repeat(3 * 1024 * 1024);
    const answers = await Promise.all([1, 2, 3, 4].map(() => ends.client.echo(large)));
    expect(answers.every(({ message }) => message === large)).toBe(true);
  });

  test('a cancelled call is cancelled at the app', async () => {
    await using app = await startEchoApp();
    await using ends = await connect(app.port, how);
    const stream = ends.client.count('endless');
    stream.on('error', () => undefined);
    await once(stream, 'data');
    stream.cancel();
    await until(() => app.cancelled() === 1);
    const talk = ends.client.talk();
    talk.on('error', () => undefined);
    talk.write('hello');
    await once(talk, 'data');
    talk.cancel();
    await until(() => app.cancelled() === 2);
    await until(() => ends.plane.plane.inspect().requests.inFlight === 0);
  });

  test('a deadline ends the call on both sides', async () => {
    await using app = await startEchoApp();
    await using ends = await connect(app.port, how);
    expect(await codeOf(ends.client.echo('wait', { deadlineMs: 200 }))).toBe(status.DEADLINE_EXCEEDED);
    await until(() => ends.plane.plane.inspect().requests.inFlight === 0);
  });

  test('two hundred calls at a time, on few connections', async () => {
    await using app = await startEchoApp();
    await using ends = await connect(app.port, how);
    const words = Array.from({ length: 200 }, (_each, index) => `word ${index}`);
    const answers = await Promise.all(words.map((word) => ends.client.echo(word)));
    expect(answers.map(({ message }) => message)).toEqual(words);
    const { idle, busy } = ends.plane.plane.inspect().upstream;
    expect(idle + busy).toBeLessThanOrEqual(2);
  });

  test('an app that is not there is UNAVAILABLE', async () => {
    await using ends = await connect(await refusingPort(), how);
    expect(await codeOf(ends.client.echo('hello'))).toBe(status.UNAVAILABLE);
  });
});

describe('quiet gRPC streams', () => {
  const short = { responseHeadTimeoutMs: 200, bodyIdleTimeoutMs: 200, bodyRateWindowMs: 100 };

  test('are not cut by the limits of ordinary bodies: neither side owes the other anything', async () => {
    await using app = await startEchoApp();
    await using ends = await connect(app.port, 'TLS', short);
    // No word of either side, and no head of the app, for much longer than those limits.
    const call = ends.client.talk();
    await new Promise((resolve) => setTimeout(resolve, 900));
    call.write('still here');
    expect(await once(call, 'data')).toEqual(['you said still here']);
    expect(await codeOf(ends.client.echo('wait', { deadlineMs: 900 }))).toBe(status.DEADLINE_EXCEEDED);
    call.cancel();
    call.on('error', () => undefined);
  });

  test('are cut by the idle limit of the route, where it has one', async () => {
    await using app = await startEchoApp();
    await using ends = await connect(app.port, 'TLS');
    ends.plane.change([{ instances: [h2cInstanceAt(app.port, 'one')], policy: { streamIdleMs: 200 } }]);
    expect(await codeOf(ends.client.echo('wait'))).toBe(status.UNAVAILABLE);
    await until(() => ends.plane.plane.inspect().requests.inFlight === 0);
  });

  test('go on through a drain until its deadline, and then end as UNAVAILABLE', async () => {
    await using app = await startEchoApp();
    await using ends = await connect(app.port, 'TLS');
    const call = ends.client.count('endless');
    const outcome = outcomeOf(call);
    await once(call, 'data');
    ends.plane.plane.receive({ type: 'drain', instance: 'one', deadlineMs: 200 });
    expect(await outcome).toMatchObject({ messages: ['0'], code: status.UNAVAILABLE });
    expect(await ends.plane.hears('drained')).toMatchObject({ endedStreams: 1, cutConnections: 0 });
    await until(() => app.cancelled() === 1);
  });
});
