// One data plane that speaks HTTP/2 in clear, with an app of its own: what a script of frames makes the app see and the
// client get, in a form in which two framers can be compared.
import { endStream, type Frame, frameType, RawHttp2Client } from '../conformance/http2-frames.ts';
import {
  instanceAt,
  startPlane,
  testHost,
  type LaneUnderTest,
  type TestPlane,
} from '../conformance/test-plane.ts';
import { HpackDecoder } from '../h2/hpack/index.ts';
import type { Step } from './http2-scripts.ts';
import { RecordingApp, type SeenByApp } from './recording-app.ts';

export interface Http2Outcome {
  /** By path: requests of one connection reach the app in any order. */
  readonly app: readonly SeenByApp[];
  /** By stream: `200 body`, `reset 1`, or what there is of both. */
  readonly streams: Readonly<Record<string, string>>;
  /** Of the last GOAWAY; -1: there was none. */
  readonly goaway: number;
}

/** Short enough that what is never finished ends soon. */
const limits = {
  headTimeoutMs: 200,
  bodyIdleTimeoutMs: 200,
  responseHeadTimeoutMs: 2_000,
  keepAliveTimeoutMs: 200,
  lingerMs: 2_000,
};

export class Http2Side implements AsyncDisposable {
  readonly #plane: TestPlane;
  readonly #app: RecordingApp;

  private constructor(plane: TestPlane, app: RecordingApp) {
    this.#plane = plane;
    this.#app = app;
  }

  static async start(lane: LaneUnderTest): Promise<Http2Side> {
    const app = await RecordingApp.start();
    const deployments = [{ routes: [testHost], instances: [instanceAt(app.port)] }];
    return new Http2Side(await startPlane(lane, { deployments, options: { limits } }), app);
  }

  /** All in one write, so that chance has no say in what crosses what. */
  async run(script: readonly Step[]): Promise<Http2Outcome> {
    this.#app.begin();
    using client = await RawHttp2Client.open(this.#plane.port);
    await client.receives(frameType.settings);
    client.send(...script.map(({ octets }) => octets));
    await client.goawayCode();
    client.socket.destroy();
    while (this.#plane.plane.inspect().requests.inFlight > 0)
      await new Promise((resolve) => setTimeout(resolve, 1));
    const app = this.#app.seen.toSorted((one, other) => (one.url < other.url ? -1 : 1));
    return { app, ...read(client.frames) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#plane[Symbol.asyncDispose]();
    this.#app.close();
  }
}

function read(frames: readonly Frame[]): Omit<Http2Outcome, 'app'> {
  const decoder = new HpackDecoder({ tableBytesMax: 4_096, sectionBytesMax: 65_536, fieldsMax: 200 });
  const streams: Record<string, string> = {};
  let goaway = -1;
  for (const { type, flags, stream, payload } of frames) {
    if (type === frameType.goaway) goaway = payload.readUInt32BE(4);
    const said = (text: string): void => {
      streams[stream] = `${streams[stream] ?? ''}${text}`;
    };
    if (type === frameType.headers) said(`${headText(decoder.decode(payload, 0, payload.length)?.fields)} `);
    else if (type === frameType.data) said(withoutId(payload.toString('latin1')));
    else if (type === frameType.rstStream) said(`reset ${payload.readUInt32BE(0)}`);
    if ((type === frameType.headers || type === frameType.data) && (flags & endStream) !== 0) said(' end');
  }
  return { streams, goaway };
}

const leftOut = new Set(['date', 'x-request-id', 'trailer']);

function headText(fields: readonly string[] = []): string {
  const lines: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2)
    if (!leftOut.has(fields[index] ?? '')) lines.push(`${fields[index]}: ${fields[index + 1]}`);
  return lines.toSorted((one, other) => (one < other ? -1 : 1)).join('; ');
}

/** Error pages carry the request id. */
const withoutId = (body: string): string =>
  body.replaceAll(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, 'ID');
