// A probe over HTTP/2 in clear text, on a connection of its own: a GET as over HTTP/1.1, or gRPC's own health check.
import { type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { judgeGrpcHealth } from './grpc-health.ts';
import { limits } from './limits.ts';
import {
  codeOf,
  fieldText,
  isGrpcHealth,
  probeFields,
  probeMethod,
  type ProbeErrorKind,
  type ProbeEvents,
  type ProbeTarget,
} from './probe-request.ts';

/** A message of no fields: the health of the server as a whole. */
const emptyGrpcMessage = Buffer.alloc(5);

export function sendH2cProbe({ port, spec }: ProbeTarget, events: ProbeEvents): () => void {
  const socket = connectSocket({ host: '127.0.0.1', port });
  const session = connect('http://tako', {
    createConnection: () => socket,
    settings: { enablePush: false, maxHeaderListSize: limits.probeHeaderBytesMax },
  });
  const failed = (error: Error): void => events.failed(kindOfError(error), messageOf(error));
  // Told by the socket first: the stream of a connection that was refused says only that it was cancelled.
  socket.prependListener('error', failed);
  session.on('error', failed);
  const stream = session.request(
    {
      ':method': probeMethod(spec),
      ':path': spec.path,
      ':scheme': 'http',
      ':authority': spec.hostHeader,
      ...probeFields(spec),
      ...(isGrpcHealth(spec) ? { 'content-type': 'application/grpc', te: 'trailers' } : {}),
    },
    { endStream: !isGrpcHealth(spec) },
  );
  stream.on('error', failed);
  if (isGrpcHealth(spec)) askGrpcHealth(stream, events);
  else ask(stream, events);
  return () => {
    session.destroy();
    socket.destroy();
  };
}

function ask(stream: ClientHttp2Stream, events: ProbeEvents): void {
  let isAnswered = false;
  stream.once('response', (fields) => {
    isAnswered = true;
    events.answered({
      status: Number(fields[':status']),
      field: (name) => fieldText(fields[name]),
      fault: null,
    });
  });
  stream.on('data', (chunk: Buffer) => events.data(chunk));
  stream.once('close', () => {
    if (isAnswered) events.ended();
    else events.failed('reset', `the stream ended with code ${stream.rstCode}, without an answer`);
  });
}

/** Its head says nothing yet: the status comes in the trailers. */
function askGrpcHealth(stream: ClientHttp2Stream, events: ProbeEvents): void {
  let head: IncomingHttpHeaders | null = null;
  let trailers: IncomingHttpHeaders = {};
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.once('response', (fields) => (head = fields));
  stream.once('trailers', (fields) => (trailers = fields));
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= limits.probeBodyBytesMax) chunks.push(chunk);
    else stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.once('close', () => {
    const fields = head;
    if (fields === null) {
      events.failed('reset', `the stream ended with code ${stream.rstCode}, without an answer`);
      return;
    }
    const told = { ...fields, ...trailers };
    events.answered({
      status: Number(fields[':status']),
      field: (name) => fieldText(fields[name]),
      fault: judgeGrpcHealth({
        contentType: fieldText(fields['content-type']),
        status: fieldText(told['grpc-status']),
        message: fieldText(told['grpc-message']),
        body: Buffer.concat(chunks),
      }),
    });
    events.ended();
  });
  stream.end(emptyGrpcMessage);
}

function kindOfError(error: Error): ProbeErrorKind {
  const code = codeOf(error);
  if (code === 'ECONNREFUSED') return 'refused';
  return code.startsWith('ERR_HTTP2_') ? 'protocol' : 'reset';
}

function messageOf(error: Error): string {
  return codeOf(error) === 'ERR_HTTP2_ERROR'
    ? `does not speak HTTP/2 in clear text, as upstream_protocol = "h2c" says: ${error.message}`
    : error.message;
}
