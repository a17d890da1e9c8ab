// Heads that the lane found ambiguous, or that are beyond the limits, are refused before anything is looked up.
import type { Pass } from './pass.ts';

export const headLimits: Pass = {
  name: 'head limits',
  run: (scope) => {
    const { limits } = scope.services;
    const { refusal } = scope.exchange;
    if (refusal !== null) return scope.fail(refusal.kind, refusal.reason);
    const size = scope.exchange.headSize();
    if (size.fields > limits.headFieldsMax) return scope.fail('headTooLarge', `${size.fields} fields`);
    if (size.longestLineBytes > limits.headLineBytesMax) {
      return scope.fail('headTooLarge', `a line of ${size.longestLineBytes} bytes`);
    }
    if (size.totalBytes > limits.headBytesMax) return scope.fail('headTooLarge', `${size.totalBytes} bytes`);
    return 'next';
  },
};
