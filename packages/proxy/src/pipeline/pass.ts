// A pass looks at a request and answers it, holds it (and lets it proceed later), or lets it go on.
import type { RequestScope } from './request-scope.ts';

export type Verdict = 'next' | 'answered' | 'held';

export interface Pass {
  readonly name: string;
  readonly run: (scope: RequestScope) => Verdict;
}
