// A probe over HTTP/1.1, on a connection of its own.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { limits } from './limits.ts';
import {
  codeOf,
  fieldText,
  probeFields,
  type ProbeErrorKind,
  type ProbeEvents,
  type ProbeTarget,
} from './probe-request.ts';

function kindOfError(error: Error): ProbeErrorKind {
  const code = codeOf(error);
  if (code === 'ECONNREFUSED') return 'refused';
  return code.startsWith('HPE_') ? 'protocol' : 'reset';
}

export function sendHttp1Probe({ port, spec }: ProbeTarget, events: ProbeEvents): () => void {
  const request = httpRequest({
    host: '127.0.0.1',
    port,
    method: 'GET',
    path: spec.path,
    headers: { host: spec.hostHeader, ...probeFields(spec), connection: 'close' },
    agent: false,
    setHost: false,
    maxHeaderSize: limits.probeHeaderBytesMax,
  });
  request.once('response', (response) => {
    events.answered(answerOf(response));
    response.on('data', (chunk: Buffer) => events.data(chunk));
    for (const event of ['end', 'error', 'close']) response.once(event, () => events.ended());
  });
  request.once('upgrade', (response, socket) => {
    socket.destroy();
    events.answered(answerOf(response));
    events.ended();
  });
  request.on('error', (error) => events.failed(kindOfError(error), error.message));
  request.end();
  return () => request.destroy();
}

const answerOf = (response: IncomingMessage): Parameters<ProbeEvents['answered']>[0] => ({
  status: response.statusCode ?? 0,
  field: (name) => fieldText(response.headers[name]),
  fault: null,
});
