// What scripts and the CLI see of a connected client. Types only: the router is never loaded here.
import type { Readable } from 'node:stream';
import type { inferProcedureInput, inferProcedureOutput } from '@trpc/server';
import type { ServerIdentity } from '../schemas/status.ts';
import type { ManagementRouter } from '../server/router.ts';

type Procedures = ManagementRouter['_def']['record'];
type Streamed<T> = T extends AsyncGenerator<infer E> ? AsyncIterable<E> : T;

export interface CallOptions {
  /** Ends the call, or the stream that it opened; the server is told by the closed connection. */
  readonly signal?: AbortSignal;
  /** Milliseconds to the answer, or to the opening of the stream. Default: that of the client. */
  readonly answerTimeoutMs?: number;
}

/**
 * A stream procedure resolves to an async iterable as soon as the server has opened it; leaving the loop closes it.
 * Errors: TakoErrors in the words of the server, from the call or from any step of the iteration; SERVER_UNREACHABLE,
 * CONNECTION_LOST, TIMED_OUT from the way there; the signal's reason when it aborted.
 */
type Resolver<P extends Procedures[keyof Procedures]> = (
  input: inferProcedureInput<P>,
  options?: CallOptions,
) => Promise<Streamed<inferProcedureOutput<P>>>;

/** The procedures of spec 40 by their names on the wire: `api.status.query({})`, `api.scale.mutate({…})`. */
export type ManagementApi = {
  readonly [Name in keyof Procedures]: Procedures[Name]['_def']['type'] extends 'query'
    ? { readonly query: Resolver<Procedures[Name]> }
    : { readonly mutate: Resolver<Procedures[Name]> };
};

export interface ConnectOptions {
  /** The management socket, or the local end of `ssh -L`. */
  readonly socketPath: string;
  /** Who calls, for the server's audit: `anna@laptop`. */
  readonly caller?: string;
  /** From `connect` to the server's identity. Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** Default deadline of a call's answer. Default 60 s. */
  readonly answerTimeoutMs?: number;
  /** A server that sends not even pings for so long is given up. Default 45 s. */
  readonly silenceMaxMs?: number;
  /** Ends the connecting, later every call of the client. */
  readonly signal?: AbortSignal;
}

export interface UploadProgress {
  readonly sentBytes: number;
  readonly sizeBytes: number;
}

export interface Upload {
  readonly sha256: string;
  readonly sizeBytes: number;
  /** The artifact's bytes from an offset on; called again for every attempt. */
  readonly open: (offsetBytes: number) => Readable;
  /** Called for every piece that the socket took; `sentBytes` counts what the server had before. */
  readonly onProgress?: (progress: UploadProgress) => void;
  readonly signal?: AbortSignal;
}

export interface UploadResult {
  /** Bytes that went over the socket; 0 when the server had it all. */
  readonly sentBytes: number;
  readonly attempts: number;
}

export interface ManagementClient extends AsyncDisposable {
  readonly socketPath: string;
  /** Who answered at connect; `api.server_info` tells the present. */
  readonly server: ServerIdentity;
  readonly api: ManagementApi;
  /** Sends what the server lacks; resolves when it has all and verified it. Errors: ARTIFACT_*, and those of a call. */
  uploadArtifact(upload: Upload): Promise<UploadResult>;
  /** Ends every call in progress and closes the connections. */
  close(): void;
}
