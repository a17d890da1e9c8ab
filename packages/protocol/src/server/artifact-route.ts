// HEAD and PUT /artifacts/{sha256}: how much the server has, and more of it. Keeps no bytes itself.
//   HEAD → 200, `Upload-Offset: bytes held`, `Upload-Complete: ?0|?1`; errors in `Tako-Error`.
//   PUT with `Upload-Offset: where the body starts` and `Upload-Length: size of the whole` → 200 {offsetBytes, complete}.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { TakoError } from '@tako/config';
import type { ProtocolLimits } from '../limits.ts';
import type { ArtifactReceiver, CallContext } from '../management-service.ts';
import { headerNames } from '../protocol-version.ts';
import { sha256Schema } from '../schemas/common.ts';
import { answerJson } from './answer.ts';
import { unreadableRequest } from './invalid-input.ts';
import { moreThanAnnounced, uploadBody } from './request-body.ts';

export interface ArtifactOptions {
  readonly sha256: string;
  readonly context: CallContext;
  readonly artifacts: ArtifactReceiver;
  readonly limits: ProtocolLimits;
}

export async function serveArtifact(
  request: IncomingMessage,
  response: ServerResponse,
  { sha256, context, artifacts, limits }: ArtifactOptions,
): Promise<void> {
  if (!sha256Schema.safeParse(sha256).success)
    throw unreadableRequest('an artifact is named by 64 lower-case hex digits');
  if (request.method === 'HEAD') {
    const { offsetBytes, complete } = await artifacts.offset(sha256);
    response.writeHead(200, {
      [headerNames.uploadOffset]: offsetBytes,
      [headerNames.uploadComplete]: complete ? '?1' : '?0',
    });
    response.end();
    return;
  }
  if (request.method !== 'PUT')
    throw unreadableRequest(`an artifact is asked for by HEAD and sent by PUT, not ${request.method}`);
  const range = rangeOf(request, limits.artifactBytesMax);
  const body = uploadBody(request, {
    bytesMax: range.sizeBytes - range.offsetBytes,
    idleTimeoutMs: limits.uploadIdleTimeoutMs,
  });
  const { offsetBytes, complete } = await artifacts.receive(sha256, range, body, context);
  if (!response.destroyed) answerJson(response, { offsetBytes, complete });
}

function rangeOf(
  request: IncomingMessage,
  artifactBytesMax: number,
): { offsetBytes: number; sizeBytes: number } {
  const offsetBytes = decimal(request, headerNames.uploadOffset);
  const sizeBytes = decimal(request, headerNames.uploadLength);
  if (sizeBytes > artifactBytesMax) {
    throw new TakoError(
      'ARTIFACT_TOO_LARGE',
      `the artifact has ${sizeBytes} bytes, the server takes ${artifactBytesMax}`,
      {
        hint: 'Exclude what the app does not need with [build] exclude.',
        details: { sizeBytes, artifactBytesMax },
      },
    );
  }
  if (sizeBytes < 1 || offsetBytes > sizeBytes) {
    throw unreadableRequest(`an upload from byte ${offsetBytes} of ${sizeBytes} does not exist`);
  }
  const contentLength = Number(request.headers['content-length'] ?? 0);
  if (offsetBytes + contentLength > sizeBytes) {
    throw moreThanAnnounced(sizeBytes - offsetBytes);
  }
  return { offsetBytes, sizeBytes };
}

function decimal(request: IncomingMessage, name: string): number {
  const text = request.headers[name];
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw unreadableRequest(`an upload needs the header ${name} with a decimal number`);
}
