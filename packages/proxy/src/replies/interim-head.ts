// An interim response (RFC 9110 §15.2) as HTTP/1.1 bytes.
import { STATUS_CODES } from 'node:http';
import { fieldLines } from '../headers/header-edits.ts';
import type { RawHeaders } from '../upstream/upstream.types.ts';

export const interimHead = (status: number, headers: RawHeaders): string =>
  `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${fieldLines(headers)}\r\n`;
