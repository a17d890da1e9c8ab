// The last pass: the request goes to an instance, as a message or as a tunnel.
import { Forwarding } from '../forwarding/forwarding.ts';
import { Tunneling } from '../forwarding/tunneling.ts';
import type { Pass } from './pass.ts';

export const forward: Pass = {
  name: 'forward',
  run: (scope) => {
    const carrier = scope.exchange.upgrade === null ? new Forwarding(scope) : new Tunneling(scope);
    scope.carrier = carrier;
    carrier.start();
    return 'held';
  },
};
