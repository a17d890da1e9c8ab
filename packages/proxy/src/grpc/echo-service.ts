// Test support: a gRPC service of each kind of call, and a client of it through the data plane.
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  type ChannelCredentials,
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { testHost } from '../conformance/test-plane.ts';

const text = {
  requestSerialize: (value: string): Buffer => Buffer.from(value),
  requestDeserialize: (bytes: Buffer): string => bytes.toString(),
  responseSerialize: (value: string): Buffer => Buffer.from(value),
  responseDeserialize: (bytes: Buffer): string => bytes.toString(),
};

export const paths = {
  unary: '/test.Echo/Unary',
  counted: '/test.Echo/Counted',
  talk: '/test.Echo/Talk',
} as const;

const definition = {
  unary: { path: paths.unary, requestStream: false, responseStream: false, ...text },
  counted: { path: paths.counted, requestStream: false, responseStream: true, ...text },
  talk: { path: paths.talk, requestStream: true, responseStream: true, ...text },
} satisfies ServiceDefinition;

/** `fail` ends with a status and metadata, `wait` never answers, anything else comes back with the metadata it came with. */
const unary: handleUnaryCall<string, string> = (call, callback) => {
  if (call.request === 'wait') return;
  const metadata = new Metadata();
  metadata.set('x-back', call.metadata.get('x-there')[0] ?? 'nothing');
  if (call.request === 'fail')
    callback({ code: status.FAILED_PRECONDITION, details: 'not now: Grüße', metadata });
  else {
    call.sendMetadata(metadata);
    callback(null, call.request);
  }
};

/** Counts up to the number given, without end for `endless`. */
const counted =
  (cancelled: () => void): handleServerStreamingCall<string, string> =>
  (call) => {
    call.on('cancelled', cancelled);
    if (call.request === 'endless') {
      call.write('0');
      return;
    }
    for (let count = 0; count < Number(call.request); count += 1) call.write(String(count));
    call.end();
  };

/** Answers each message before the next one comes. */
const talk =
  (cancelled: () => void): handleBidiStreamingCall<string, string> =>
  (call) => {
    call.on('cancelled', cancelled);
    call.on('data', (message: string) => void call.write(`you said ${message}`));
    call.on('end', () => call.end());
    call.on('error', () => undefined);
  };

export interface EchoApp extends AsyncDisposable {
  readonly port: number;
  /** Streams that their clients gave up. */
  readonly cancelled: () => number;
  readonly server: Server;
}

export async function startEchoApp(): Promise<EchoApp> {
  let cancelled = 0;
  const note = (): void => void (cancelled += 1);
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(definition, { unary, counted: counted(note), talk: talk(note) });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    port,
    cancelled: () => cancelled,
    server,
    [Symbol.asyncDispose]: async () => {
      server.forceShutdown();
      await Promise.resolve();
    },
  };
}

/** A client of the test host at that port; with a certificate over TLS, whose ALPN then says h2. */
export class EchoClient extends Client implements Disposable {
  constructor(port: number, certificate: string | null) {
    const channel: ChannelCredentials =
      certificate === null ? credentials.createInsecure() : credentials.createSsl(Buffer.from(certificate));
    super(`127.0.0.1:${port}`, channel, {
      'grpc.default_authority': testHost,
      'grpc.ssl_target_name_override': testHost,
      'grpc.max_receive_message_length': -1,
      // What the data plane does is to be seen, not what this client makes up for.
      'grpc.enable_retries': 0,
    });
  }

  echo(
    message: string,
    options: { readonly metadata?: Metadata; readonly deadlineMs?: number } = {},
  ): Promise<{ readonly message: string; readonly metadata: Metadata }> {
    return new Promise((resolve, reject) => {
      let received = new Metadata();
      const call = this.makeUnaryRequest(
        paths.unary,
        text.requestSerialize,
        text.responseDeserialize,
        message,
        options.metadata ?? new Metadata(),
        options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs },
        (error: ServiceError | null, answer?: string) => {
          if (error === null) resolve({ message: answer ?? '', metadata: received });
          else reject(error);
        },
      );
      call.on('metadata', (metadata: Metadata) => (received = metadata));
    });
  }

  count(request: string): ClientReadableStream<string> {
    return this.makeServerStreamRequest(
      paths.counted,
      text.requestSerialize,
      text.responseDeserialize,
      request,
    );
  }

  talk(): ClientDuplexStream<string, string> {
    return this.makeBidiStreamRequest(paths.talk, text.requestSerialize, text.responseDeserialize);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
