// A body that says it is too large is refused before a byte of it is read; others are counted while they stream.
import type { Pass } from './pass.ts';

export const bodyLimit: Pass = {
  name: 'body limit',
  run: (scope) => {
    const { body } = scope.exchange;
    const max = scope.deployment?.policy.bodyBytesMax ?? 0;
    if (body.kind === 'sized' && body.bytes > max)
      return scope.fail('bodyTooLarge', `${body.bytes} bytes announced`);
    return 'next';
  },
};
