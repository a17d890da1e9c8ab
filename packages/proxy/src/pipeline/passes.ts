// The life of a request, in order (spec 50). Static files and the cache will stand before `forward`.
import { admission } from './admission.ts';
import { bodyLimit } from './body-limit.ts';
import { challenge } from './challenge.ts';
import { clientConcurrency } from './client-concurrency.ts';
import { forward } from './forward.ts';
import { headLimits } from './head-limits.ts';
import { httpsRedirect } from './https-redirect.ts';
import { misdirected } from './misdirected.ts';
import type { Pass } from './pass.ts';
import { route } from './route.ts';
import { target } from './target.ts';
import { traffic } from './traffic.ts';

export const passes: readonly Pass[] = Object.freeze([
  headLimits,
  target,
  admission,
  challenge,
  misdirected,
  route,
  httpsRedirect,
  clientConcurrency,
  bodyLimit,
  traffic,
  forward,
]);
