// All fuzz targets (spec 90, bad input).
import { chunkScannerTarget } from './chunk-scanner.fuzz.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { hpackDecoderTarget } from './hpack-decoder.fuzz.ts';
import { http2SessionTarget } from './http2-session.fuzz.ts';
import { projectFileTarget } from './project-file.fuzz.ts';
import { proxyHeaderTarget } from './proxy-header.fuzz.ts';
import { requestHeadTarget } from './request-head.fuzz.ts';
import { responseHeadTarget } from './response-head.fuzz.ts';
import { routePatternTarget } from './route-pattern.fuzz.ts';

export const fuzzTargets: readonly FuzzTarget[] = [
  requestHeadTarget,
  responseHeadTarget,
  chunkScannerTarget,
  proxyHeaderTarget,
  routePatternTarget,
  projectFileTarget,
  hpackDecoderTarget,
  http2SessionTarget,
];
