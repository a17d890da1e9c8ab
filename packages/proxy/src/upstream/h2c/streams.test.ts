// Streams that end early, by either side's doing, and what is sent again (RFC 9113 §6.8, §8.7).
import { constants } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { frame, frameType } from '../../conformance/http2-frames.ts';
import { bodyOf, goaway, okHead, reset, startFrameApp, startH2cApp, wholeHead } from '../testing/h2c-app.ts';
import { openClient } from '../testing/open-client.ts';
import { postOf, sendRecorded } from '../testing/recorded-call.ts';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;
const endsStream = 0x1;

describe('a stream', () => {
  test.each([
    ['before its head', false],
    ['in its body', true],
  ])('that the app resets %s is a failure, not repeated', async (_title, headFirst) => {
    await using app = await startH2cApp((stream) => {
      if (headFirst) {
        stream.respond({ ':status': 200 });
        stream.write('half');
      }
      // Not `close(code)`, which ends a stream properly first.
      setTimeout(() => stream.destroy(new Error('broken')), 20);
    });
    using client = openClient();
    const { failure } = await sendRecorded(client, app.target).done;
    expect(failure).toMatchObject({ kind: 'reset', headReceived: headFirst });
    expect(app.seen).toHaveLength(1);
    // The connection goes on.
    expect(client.inspect()).toEqual({ idle: 1, busy: 0 });
  });

  test('that is reset with NO_ERROR before its end is not taken for a whole one', async () => {
    await using app = await startFrameApp((peer, { type, stream }) => {
      if (type !== frameType.headers) return;
      peer.send(
        okHead(stream),
        frame(frameType.data, 0, stream, Buffer.from('half')),
        reset(stream, NGHTTP2_NO_ERROR),
      );
    });
    using client = openClient();
    const result = await sendRecorded(client, app.target).done;
    expect(result).toMatchObject({ head: { status: 200 }, failure: { kind: 'reset', headReceived: true } });
  });

  test('that the app refuses is sent again with its body, and twice at most', async () => {
    const heads: number[] = [];
    await using app = await startFrameApp((peer, { type, flags, stream }) => {
      if (type === frameType.headers) heads.push(stream);
      const isAsked = type === frameType.data && (flags & endsStream) !== 0;
      if (!isAsked) return;
      if (heads.length === 2) peer.send(okHead(stream, wholeHead));
      else peer.send(reset(stream, NGHTTP2_REFUSED_STREAM));
    });
    using client = openClient();
    const result = await sendRecorded(client, app.target, postOf('one', 'two')).done;
    expect(result).toMatchObject({ events: ['ready', 'head', 'end'], failure: null });
    expect(heads).toEqual([1, 3]);
    const refused = await sendRecorded(client, app.target, postOf('one')).done;
    expect(refused.failure?.kind).toBe('reset');
    expect(heads).toEqual([1, 3, 5, 7, 9]);
  });

  test('whose body is more than is kept is not sent again', async () => {
    let heads = 0;
    await using app = await startFrameApp((peer, { type, stream }) => {
      if (type === frameType.headers) heads += 1;
      if (type === frameType.data) peer.send(reset(stream, NGHTTP2_REFUSED_STREAM));
    });
    using client = openClient({ limits: { repeatableBodyBytesMax: 5 } });
    expect((await sendRecorded(client, app.target, postOf('123456')).done).failure?.kind).toBe('reset');
    expect(heads).toBe(1);
    expect((await sendRecorded(client, app.target, postOf('12345')).done).failure?.kind).toBe('reset');
    expect(heads).toBe(4);
  });

  test('above the last one of a GOAWAY is sent again on another connection, those below go on', async () => {
    let bodies = '';
    await using app = await startFrameApp((peer, { type, flags, stream, payload }) => {
      if (type === frameType.data && peer.connection === 2) bodies += payload.toString();
      const isAsked = (type === frameType.data || type === frameType.headers) && (flags & endsStream) !== 0;
      if (!isAsked) return;
      if (peer.connection === 2) peer.send(okHead(stream, wholeHead));
      else if (stream === 3) peer.send(goaway(1, NGHTTP2_NO_ERROR), okHead(1, wholeHead));
    });
    using client = openClient();
    const below = sendRecorded(client, app.target, { replayable: false });
    const above = sendRecorded(client, app.target, postOf('abc', 'def'));
    expect([(await below.done).failure, (await above.done).failure]).toEqual([null, null]);
    expect(bodies).toBe('abcdef');
    expect(app.accepted()).toBe(2);
  });

  test.each([1, 0x7fffffff])(
    'that crosses a GOAWAY for %i is sent again, whenever within a turn it was begun',
    async (last) => {
      await using app = await startFrameApp((peer, { type, stream }) => {
        if (type !== frameType.headers) return;
        // Head, end and GOAWAY in one read: what is begun on each event meets the GOAWAY before it was written.
        if (peer.connection === 1 && stream === 1)
          peer.send(
            okHead(stream),
            frame(frameType.data, 0, stream, Buffer.from('a')),
            frame(frameType.data, endsStream, stream),
            goaway(last, NGHTTP2_NO_ERROR),
          );
        else peer.send(okHead(stream, wholeHead));
      });
      using client = openClient();
      const more: ReturnType<typeof sendRecorded>[] = [];
      const another = (): void => void more.push(sendRecorded(client, app.target, { replayable: false }));
      const first = sendRecorded(client, app.target, { onHead: another, onData: another });
      expect((await first.done).failure).toBeNull();
      another();
      setImmediate(another);
      await expect.poll(() => more.length).toBe(4);
      for (const call of more) expect((await call.done).failure).toBeNull();
    },
  );

  test('above the last one of a GOAWAY with an error is sent again, one below it fails', async () => {
    await using app = await startFrameApp((peer, { type, stream }) => {
      if (type !== frameType.headers) return;
      if (peer.connection === 2) peer.send(okHead(stream, wholeHead));
      else if (stream === 3) peer.send(goaway(1, NGHTTP2_INTERNAL_ERROR));
    });
    using client = openClient();
    const below = sendRecorded(client, app.target, { replayable: false });
    const above = sendRecorded(client, app.target, { replayable: false });
    expect((await below.done).failure?.kind).toBe('reset');
    expect((await above.done).failure).toBeNull();
  });

  test('that is given up is reset with CANCEL, its request not made to look whole', async () => {
    const ends: { code: number; body: boolean }[] = [];
    await using app = await startH2cApp((stream) => {
      void bodyOf(stream).then(
        () => ends.push({ code: stream.rstCode, body: stream.rstCode === 0 }),
        () => ends.push({ code: stream.rstCode, body: false }),
      );
    });
    using client = openClient();
    const sent = sendRecorded(client, app.target, {
      ...postOf(),
      onReady: (call) => {
        call.write(Buffer.alloc(60_000));
        setTimeout(() => call.abort(), 20);
      },
    });
    await sent.event('ready');
    await expect.poll(() => ends).toEqual([{ code: NGHTTP2_CANCEL, body: false }]);
    expect(sent.eventsSoFar()).toEqual(['ready']);
    await expect.poll(() => client.inspect()).toEqual({ idle: 1, busy: 0 });
  });
});
