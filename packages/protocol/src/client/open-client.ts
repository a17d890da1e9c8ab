// Builds a connected client: one transport, the procedures over it, uploads, and their common end.
import { clientLimits } from '../limits.ts';
import { linkAbort } from '../linked-abort.ts';
import { createApi } from './api.ts';
import type { ConnectOptions, ManagementClient } from './client.types.ts';
import { createCaller } from './procedure-call.ts';
import { createTransport } from './transport.ts';
import { uploadArtifact } from './upload-artifact.ts';

export async function openClient(options: ConnectOptions): Promise<ManagementClient> {
  const { socketPath, caller = 'unknown' } = options;
  options.signal?.throwIfAborted();
  const life = linkAbort([options.signal]);
  const transport = createTransport({ socketPath, caller });
  const api = createApi(
    createCaller({
      transport,
      ended: life.signal,
      answerTimeoutMs: options.answerTimeoutMs ?? clientLimits.answerTimeoutMs,
      silenceMaxMs: options.silenceMaxMs ?? clientLimits.streamSilenceMaxMs,
    }),
  );
  const close = (): void => {
    life.abort(new DOMException('the client was closed', 'AbortError'));
    transport.close();
  };
  try {
    const server = await api.server_info.query(undefined, {
      answerTimeoutMs: options.connectTimeoutMs ?? clientLimits.connectTimeoutMs,
    });
    return {
      socketPath,
      server,
      api,
      uploadArtifact: (upload) => uploadArtifact({ transport, ended: life.signal }, upload),
      close,
      [Symbol.asyncDispose]: () => Promise.resolve(close()),
    };
  } catch (cause) {
    close();
    throw cause;
  }
}
