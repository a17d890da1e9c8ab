// The head of an HTTP/2 app's response in the terms of the upstream client. Knows no stream.
import { STATUS_CODES } from 'node:http';
import { fieldValue } from '../../headers/header-edits.ts';
import type { RawHeaders, UpstreamBody, UpstreamResponseHead } from '../upstream.types.ts';
import { withoutPseudoFields } from './request-fields.ts';

export interface ReceivedSection {
  readonly status: number;
  readonly raw: RawHeaders;
  /** Nothing comes after it. */
  readonly endsStream: boolean;
  readonly isToHead: boolean;
}

export function responseHeadOf(section: ReceivedSection): UpstreamResponseHead {
  const headers = withoutPseudoFields(section.raw);
  return {
    status: section.status,
    statusMessage: STATUS_CODES[section.status] ?? '',
    headers,
    body: bodyOf(section, fieldValue(headers, 'content-length')),
    field: (name) => fieldValue(headers, name),
  };
}

function bodyOf({ status, endsStream, isToHead }: ReceivedSection, length: string | undefined): UpstreamBody {
  if (isToHead || status === 204 || status === 304) return { kind: 'none' };
  if (endsStream) return { kind: 'sized', bytes: 0 };
  // nghttp2 resets a stream whose body is not as long as it says.
  return length !== undefined && /^\d{1,15}$/.test(length)
    ? { kind: 'sized', bytes: Number(length) }
    : { kind: 'chunked' };
}
